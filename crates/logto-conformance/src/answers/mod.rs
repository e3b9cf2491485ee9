//! The answers suite: what every answer of a binding tells browsers and caches goes through one checker.
//!
//! A binding proves itself by a line for each of the applications that it has for the other suites:
//!
//! ```text
//! logto_conformance::answers_suite!(MyApplication);
//! logto_conformance::answers_suite!(with tickets, MyApplication);
//! logto_conformance::answers_suite!(api MyApi);
//! logto_conformance::answers_suite!(webhook MyWebhooks);
//! ```
//!
//! The applications keep cookies under `__Host-id` where the plan says so, and let no cache keep an answer that
//! sets a cookie.

mod apis;
mod application;
mod check;
mod cookies;
mod logout;
mod payloads;
mod refusals;
mod scripts;
mod watched;
mod webhooks;

pub use apis::*;
pub use application::*;
pub use cookies::*;
pub use logout::*;
pub(crate) use payloads::encoded;
pub use payloads::{PAYLOADS, escaped, in_data_url, payload};
pub use refusals::*;
pub use scripts::*;
pub use webhooks::*;

/// One test per case, over this application.
#[macro_export]
macro_rules! answers_suite {
    (api $application:ty) => {
        $crate::answers_suite!(@cases $application, what_an_api_answers_is_private_and_never_sniffed);
    };
    (webhook $application:ty) => {
        $crate::answers_suite!(@cases $application, what_a_webhook_is_answered_is_private_and_never_sniffed);
    };
    (with tickets, $application:ty) => {
        $crate::answers_suite!($application);
        $crate::answers_suite!(@cases $application, a_back_channel_logout_is_answered_privately);
    };
    ($application:ty) => {
        $crate::answers_suite!(@cases $application,
            a_sign_in_starts_privately
            a_callback_that_succeeds_is_answered_privately
            a_callback_that_is_refused_is_answered_privately
            a_callback_while_the_provider_fails_is_answered_privately
            a_sign_out_is_answered_privately
            a_sign_out_that_is_not_to_be_is_answered_privately
            who_may_not_pass_is_answered_privately
            an_answer_that_changes_the_session_is_never_stored
            a_cookie_with_the_host_prefix_signs_in_and_out
            an_error_of_the_provider_is_escaped_or_not_shown
            a_payload_in_a_query_is_neither_in_a_page_nor_in_an_address
            a_payload_as_a_return_path_is_no_address
        );
    };
    (@cases $application:ty, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::answers::$case::<$application>().await;
            }
        )*
    };
}
