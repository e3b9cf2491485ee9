//! The flow suite: a person signs in and out through a binding, over real HTTP, at the local Logto.
//!
//! A binding proves itself by one line:
//!
//! ```text
//! logto_conformance::flow_suite!(MyApplication);
//! ```

mod browser;
mod cases;
mod stage;

pub use browser::{Browser, Page};
pub use cases::*;
pub(crate) use stage::Setting;
pub use stage::{Application, Plan, RESOURCES, Stage};

/// One test per case, over this [`Application`]; `with tickets` those too that need a token store.
#[macro_export]
macro_rules! flow_suite {
    ($application:ty) => {
        $crate::flow_suite!(@cases $application,
            a_person_signs_in_and_sees_who_they_are
            a_protected_page_sends_to_sign_in_and_back
            a_program_gets_401_and_no_redirect
            a_wrong_state_is_refused_and_spends_no_code
            a_used_state_is_refused_and_spends_no_code
            a_callback_of_another_browser_is_refused
            two_tabs_both_come_back_in_order
            two_tabs_both_come_back_in_reverse_order
            two_sign_ins_started_at_once_both_come_back
            a_refused_consent_is_told_as_such
            an_aborted_sign_in_is_told_as_such
            a_provider_error_is_shown_without_its_text
            a_provider_outage_answers_503_and_a_reload_completes
            a_slow_provider_is_waited_for
            a_callback_twice_at_once_makes_one_token_call
            a_browser_that_leaves_during_the_callback_completes_by_reload
            an_answer_to_the_callback_that_is_lost_is_given_again
            the_session_id_is_renewed_at_sign_in_and_not_by_an_error
            a_token_that_fails_verification_signs_nobody_in
            a_refusing_hook_keeps_nothing_and_revokes
            another_person_drops_the_earlier_ones_data
            sign_out_ends_both_sessions_and_revokes
            sign_out_with_the_provider_down_still_signs_out_here
            sign_out_from_another_site_is_refused
            the_state_of_a_sign_out_is_compared
            a_third_party_starts_a_sign_in
            nothing_in_an_answer_leads_off_the_origin
            redirects_are_303_and_neither_stored_nor_referred
            the_floor_of_requests_to_the_provider_is_kept
            fifty_requests_at_once_make_one_refresh
            eight_resources_at_once_get_each_their_own_token
            a_browser_that_leaves_during_a_refresh_loses_nothing
            a_stale_session_after_a_refresh_stays_signed_in
            a_slow_request_after_a_sign_out_stays_signed_out
            a_refresh_before_an_error_of_the_application_loses_nothing
            a_revoked_grant_sends_a_page_to_sign_in_once
            nobody_is_signed_out_by_an_outage_or_a_wrong_secret
        );
    };
    (with tickets, $application:ty) => {
        $crate::flow_suite!($application);
        $crate::flow_suite!(@cases $application,
            a_back_channel_logout_ends_all_sessions_of_the_person
            a_refused_logout_token_gets_400_and_ends_nothing
            a_logout_token_ends_sessions_once
        );
    };
    (@cases $application:ty, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::flow::$case::<$application>().await;
            }
        )*
    };
}
