//! The suite of APIs: requests with good and bad access tokens reach a binding over real HTTP.
//!
//! A binding proves itself by one line:
//!
//! ```text
//! logto_conformance::api_suite!(MyApplication);
//! ```

mod cases;
mod models;
pub(crate) mod stage;
pub(crate) mod tokens;

pub use cases::{CASES, Case, play};
pub use models::*;

use logto_client::{Access, AccessTokenVerifier, Organization, Requires, Scopes};
use std::{future::Future, net::TcpListener};

/// An application with these routes, each of which answers 200 with [`Bearer`](said) and the body it got:
///
/// | route | what it needs | by |
/// |---|---|---|
/// | `/route/orders` | [`ReadOrders`] | the route |
/// | `/signature/orders` | [`ReadOrders`] | the handler's signature |
/// | `/route/any` | [`AnyOrders`] | the route |
/// | `/route/organizations/{organization_id}/members` | [`ReadMembers`] | the route |
/// | `/signature/organizations/{organization_id}/members` | [`ReadMembers`] | the handler's signature |
/// | `/route/header`, `/signature/header` | [`ByHeader`] | both |
/// | `/route/closure`, `/signature/closure` | [`ByClosure`] | both |
/// | `/plain` | a token for the API | the handler's signature alone |
/// | the path of the resource metadata | nothing | |
///
/// The routes take GET and POST.
pub trait Application {
    /// Serves until what is given back is dropped.
    fn serve(listener: TcpListener, verifier: AccessTokenVerifier) -> impl Future<Output = Box<dyn Send>>;
}

/// What a handler of the suite answers with.
#[must_use]
pub fn said(auth: &logto_client::AuthInfo, body: &str) -> String {
    let scopes: Vec<_> = auth.scopes().collect();
    let organization = auth.organization_id().unwrap_or("none");
    format!("{} {} {organization} {} {body}", auth.sub(), auth.client_id(), scopes.join("+"))
}

macro_rules! requires {
    ($($(#[$doc:meta])* $name:ident $access:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}

            impl Requires for $name {
                fn access() -> Access {
                    $access
                }
            }
        )*
    };
}

requires! {
    /// The API, with the scope `read:orders`.
    ReadOrders Access::api().scopes(["read:orders"]);
    /// The API, with one of two scopes.
    AnyOrders Access::api().scopes(Scopes::any_of(["write:orders", "admin"]));
    /// The organization of the path, with a scope.
    ReadMembers Access::organization(Organization::path("organization_id")).scopes(["read:member"]);
    /// The API within the organization of the header `x-organization-id`.
    ByHeader Access::organization_api(Organization::header("x-organization-id")).scopes(["read:orders"]);
    /// The API within the organization that the query names.
    ByClosure Access::organization_api(Organization::from_fn(|request| {
        request.query()?.strip_prefix("organization=").map(str::to_owned)
    }));
}

/// One test per case, over this [`Application`].
#[macro_export]
macro_rules! api_suite {
    ($application:ty) => {
        $crate::api_suite!(@cases $application,
            rfc_9068_01_at_jwt_is_taken
            rfc_9068_02_application_at_jwt_is_taken
            rfc_9068_03_the_type_in_capitals_is_taken
            rfc_9068_04_a_list_of_audiences_with_ours_is_taken
            rfc_9068_05_the_type_jwt_is_refused
            rfc_9068_06_no_type_is_refused
            rfc_9068_07_a_logout_token_is_refused
            rfc_9068_08_an_id_token_is_refused
            rfc_9068_09_another_audience_is_refused
            rfc_9068_10_no_audience_is_refused
            rfc_9068_11_a_prefix_of_our_audience_is_refused
            rfc_9068_12_another_issuer_is_refused
            rfc_9068_13_an_expired_token_is_refused
            rfc_9068_14_no_expiry_is_refused
            rfc_9068_15_a_token_of_the_future_is_refused
            rfc_9068_16_no_signature_is_refused
            rfc_9068_17_no_subject_is_refused
            rfc_9068_18_no_client_is_refused
            rfc_9068_19_no_id_is_refused
            rfc_9068_20_a_scope_that_is_no_string_is_refused
            rfc_6750_01_no_credentials
            rfc_6750_02_another_scheme
            rfc_6750_03_two_headers
            rfc_6750_04_header_and_query
            rfc_6750_05_header_and_form
            rfc_6750_06_an_empty_token
            rfc_6750_07_illegal_characters
            rfc_6750_08_an_expired_token
            rfc_6750_09_another_audience
            rfc_6750_10_a_missing_scope
            rfc_6750_11_a_realm_with_quote_and_line_break
            rfc_6750_12_a_token_in_the_query
        );
        $crate::api_suite!(@models $application,
            each_model_takes_its_own_tokens_and_no_others
            the_organization_is_compared_wherever_it_stands
            one_of_several_scopes_suffices
            a_form_without_a_token_reaches_the_handler_whole
            a_form_over_the_limit_is_refused
            what_the_api_is_is_served_to_anybody
            while_the_keys_cannot_be_had_it_says_when_to_come_again
        );
    };
    (@cases $application:ty, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::api::play::<$application>(stringify!($case)).await;
            }
        )*

        #[test]
        fn every_case_is_a_test() {
            assert_eq!([$(stringify!($case)),*], $crate::api::CASES.map(|case| case.name));
        }
    };
    (@models $application:ty, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::api::$case::<$application>().await;
            }
        )*
    };
}
