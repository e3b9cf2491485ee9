//! The webhook suite: deliveries, good and bad, reach an application over real HTTP.
//!
//! A binding proves itself by one line:
//!
//! ```text
//! logto_conformance::webhook_suite!(MyApplication);
//! ```

mod cases;
pub(crate) mod delivery;

pub use cases::*;

use logto_client::WebhookVerifier;
use std::{future::Future, net::TcpListener};

/// Where applications of the suite take webhooks.
pub const PATH: &str = "/webhooks/logto";

/// An application that takes webhooks at [`PATH`] by POST, with this verifier, and answers 200 with the event,
/// the id of the webhook and the id of the person, separated by spaces; `none` where there is no person.
pub trait Application {
    /// Serves until what is given back is dropped.
    fn serve(listener: TcpListener, verifier: WebhookVerifier) -> impl Future<Output = Box<dyn Send>>;
}

/// One test per case, over this [`Application`].
#[macro_export]
macro_rules! webhook_suite {
    ($application:ty) => {
        $crate::webhook_suite!(@cases $application,
            a_recorded_delivery_reaches_the_handler
            an_unknown_event_reaches_the_handler
            a_changed_body_is_refused
            a_signature_of_another_key_is_refused
            a_missing_signature_is_refused
            two_signatures_are_refused
            signatures_of_a_wrong_form_are_refused
            a_body_over_the_limit_is_refused_and_one_at_the_limit_is_taken
            a_body_in_pieces_over_the_limit_is_refused
            a_signed_body_that_is_no_event_is_refused
            a_body_that_breaks_off_reaches_nobody
        );
    };
    (@cases $application:ty, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::webhook::$case::<$application>().await;
            }
        )*
    };
}
