//! The proxies suite: whatever a request says of hosts and proxies, every address is the configured one.
//!
//! A binding proves itself by a line for each of the applications that it has for the other suites:
//!
//! ```text
//! logto_conformance::proxies_suite!(MyApplication);
//! logto_conformance::proxies_suite!(with tickets, MyApplication);
//! logto_conformance::proxies_suite!(api MyApi);
//! ```
//!
//! Each case goes through all mixes of headers and request targets, as bytes on a connection, and compares each
//! answer with that to a plain request. A server may refuse a mix that is no HTTP with 400 before anybody is asked.

mod cases;
mod mixes;
mod wire;

pub use cases::*;
pub use mixes::{MIXES, Mix};

/// One test per case, over this application.
#[macro_export]
macro_rules! proxies_suite {
    (api $application:ty) => {
        $crate::proxies_suite!(@cases $application, a_challenge_and_the_metadata_are_as_configured_behind_any_proxy);
    };
    (with tickets, $application:ty) => {
        $crate::proxies_suite!($application);
        $crate::proxies_suite!(@cases $application, a_back_channel_logout_is_judged_alike_behind_any_proxy);
    };
    ($application:ty) => {
        $crate::proxies_suite!(@cases $application,
            a_sign_in_leads_to_the_configured_addresses_behind_any_proxy
            a_callback_is_exchanged_for_the_configured_address_behind_any_proxy
            a_guard_sends_to_the_configured_route_behind_any_proxy
            a_sign_out_leads_to_the_configured_addresses_behind_any_proxy
            a_page_holds_the_configured_addresses_behind_any_proxy
            another_origin_is_another_origin_behind_any_proxy
        );
    };
    (@cases $application:ty, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::proxies::$case::<$application>().await;
            }
        )*
    };
}
