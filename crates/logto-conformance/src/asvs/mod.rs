//! The suite of OWASP ASVS 5.0: the requirements of V7, V9 and V10 that a relying party and an API meet.
//!
//! One test per requirement and binding, over real HTTP and cookies, at the local Logto; where it matters with
//! items in the session and with tickets over a token store. The table in the README says what each of them
//! asks for, and what is left to the application. A binding proves itself by one line:
//!
//! ```text
//! logto_conformance::asvs_suite!(MyBinding);
//! ```

mod api;
mod cases;
mod forge;
mod naive;
mod receivers;
mod stage;

pub use cases::*;
pub use naive::{Naive, Overlooked};
pub use receivers::Receiver;
pub use stage::{Keeping, Served, Site, Stage};

use logto_client::ApiConfig;
use std::{future::Future, net::TcpListener};

/// A binding, as the suite needs it.
pub trait Binding {
    /// Serves the pages of [`flow::Application`](crate::flow::Application) by a client of this configuration,
    /// sessions included that end when nobody has used them for [`Site::idle`]; and back-channel logout where
    /// the client keeps tokens in a token store.
    fn serve(site: Site) -> impl Future<Output = Served>;

    /// Serves an API with these routes, each of which answers 200 with [`said`](crate::api::said), by a verifier
    /// of this configuration; until what is given back is dropped.
    ///
    /// | route | what it needs |
    /// |---|---|
    /// | `/orders` | [`ReadOrders`](crate::api::ReadOrders), by the route |
    /// | `/signed/orders` | [`ReadOrders`](crate::api::ReadOrders), by the handler's signature |
    /// | `/organizations/{organization_id}/members` | [`ReadMembers`](crate::api::ReadMembers) |
    fn serve_api(listener: TcpListener, config: ApiConfig) -> impl Future<Output = Box<dyn Send>>;

    /// What of a session cookie's value names the session; the rest, a signature, says nothing.
    fn session_id(value: &str) -> &str {
        value
    }
}

/// The tests that the table in the README names, in its order.
#[must_use]
pub fn told() -> Vec<&'static str> {
    let rows = include_str!("../../README.md").lines();
    let rows =
        rows.skip_while(|line| !line.starts_with("| ASVS")).skip(2).take_while(|row| row.starts_with('|'));
    rows.filter_map(|row| Some(row.split('|').nth(3)?.trim().trim_matches('`'))).collect()
}

/// One test per requirement, over this [`Binding`].
#[macro_export]
macro_rules! asvs_suite {
    ($binding:ty) => {
        $crate::asvs_suite!(@items $binding,
            v7_2_1_a_session_is_verified_on_the_server
            v7_2_2_session_tokens_are_made_anew_and_none_is_static
            v7_2_3_session_ids_have_128_random_bits_and_never_repeat
            v7_2_4_a_new_session_id_at_sign_in
            v7_3_1_a_session_out_of_use_ends
            v7_3_2_a_session_ends_at_its_age_however_much_it_is_used
            v7_4_1_nothing_resumes_a_session_that_has_ended
            v7_4_5_an_administrator_ends_the_sessions_of_a_person
            v7_6_2_no_session_begins_without_the_person
            v9_1_1_a_token_is_believed_by_its_signature_alone
            v9_1_2_only_the_allowed_algorithms_are_taken
            v9_1_3_keys_come_from_the_configured_issuer_alone
            v9_2_1_a_token_is_taken_within_its_time_alone
            v9_2_2_a_token_of_another_type_is_refused
            v9_2_3_a_token_for_somebody_else_is_refused
            v10_1_1_tokens_stay_in_the_back_end
            v10_1_2_a_callback_belongs_to_its_browser_and_transaction
            v10_2_1_a_forged_callback_makes_no_token_request
            v10_2_2_an_answer_of_another_provider_is_refused
            v10_2_3_only_the_configured_scopes_are_asked_for
            v10_3_1_an_api_takes_tokens_for_itself_alone
            v10_3_2_an_api_decides_by_scope_and_organization
            v10_3_3_an_api_knows_people_by_issuer_and_sub
            v10_5_1_an_id_token_is_good_for_one_sign_in
            v10_5_2_a_person_is_known_by_sub_alone
            v10_5_3_metadata_of_another_issuer_are_refused
            v10_5_4_an_id_token_for_another_client_is_refused
            v10_5_5_a_logout_token_is_of_its_type_and_ends_soon
        );
    };
    (@items $binding:ty, $($item:ident)*) => {
        /// The names of the items.
        const ITEMS: &[&str] = &[$(stringify!($item)),*];

        #[test]
        fn every_item_has_a_row_in_the_table() {
            assert_eq!(ITEMS, $crate::asvs::told());
        }

        $(
            #[tokio::test]
            async fn $item() {
                $crate::asvs::$item::<$binding>().await;
            }
        )*
    };
}
