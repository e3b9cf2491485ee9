//! The relying-party suite: the modules of the OpenID Foundation's conformance suite, by their names.
//!
//! A binding proves itself by one line:
//!
//! ```text
//! logto_conformance::relying_party_suite!(MyApplication);
//! ```
//!
//! Each module plays at the local Logto with the module's fault, over real HTTP, first with tokens in the
//! session and then in a token store. What is refused is accepted without the fault; a sign-in that is
//! refused signs nobody in, keeps no token, and asks the provider nothing more: requests are counted.

mod forge;
mod ledger;
mod modules;
mod trial;

pub use modules::*;

/// One test per module, over this [`Application`](crate::flow::Application): its pages, mounted with the
/// route of back-channel logout where its client keeps tokens in a token store.
///
/// `accepts_everything, …` is for an application that checks nothing and never looks at keys: the modules about
/// refusals and about rotation must find it, all others pass. `refuses_everything, …` is for one that signs
/// nobody in: every module must find it.
#[macro_export]
macro_rules! relying_party_suite {
    ($application:ty) => {
        $crate::relying_party_suite!(@accepted [], $application);
        $crate::relying_party_suite!(@rotated [], $application);
        $crate::relying_party_suite!(@refused [], $application);
    };
    (accepts_everything, $application:ty) => {
        $crate::relying_party_suite!(@accepted [], $application);
        $crate::relying_party_suite!(
            @rotated [#[should_panic(expected = "not fetched anew")]], $application
        );
        $crate::relying_party_suite!(@refused [#[should_panic(expected = "not refused")]], $application);
    };
    (refuses_everything, $application:ty) => {
        $crate::relying_party_suite!(@accepted [#[should_panic]], $application);
        $crate::relying_party_suite!(@rotated [#[should_panic]], $application);
        $crate::relying_party_suite!(@refused [#[should_panic]], $application);
    };
    (@accepted $attributes:tt, $application:ty) => {
        $crate::relying_party_suite!(@modules $attributes, $application,
            oidcc_client_test
            oidcc_client_test_kid_absent_single_jwks
            oidcc_client_test_kid_absent_multiple_jwks
            oidcc_client_test_idtoken_sig_rs256
            oidcc_client_test_scope_userinfo_claims
            oidcc_client_test_client_secret_basic
            oidcc_client_test_discovery_openid_config
            oidcc_client_test_discovery_jwks_uri_keys
            oidcc_client_test_rp_init_logout
            oidcc_client_test_rp_init_logout_no_state
            oidcc_client_test_rp_backchannel_rpinitlogout
            oidcc_client_test_refresh_token
            oidcc_client_test_userinfo_bearer_header
            valid_aud_as_array
            token_endpoint_response_without_expires_in
            token_type_case_insensitivity
        );
    };
    (@rotated $attributes:tt, $application:ty) => {
        $crate::relying_party_suite!(@modules $attributes, $application,
            oidcc_client_test_signing_key_rotation
            oidcc_client_test_signing_key_rotation_just_before_signing
        );
    };
    (@refused $attributes:tt, $application:ty) => {
        $crate::relying_party_suite!(@modules $attributes, $application,
            oidcc_client_test_invalid_iss
            oidcc_client_test_missing_sub
            oidcc_client_test_invalid_aud
            oidcc_client_test_missing_iat
            oidcc_client_test_idtoken_sig_none
            oidcc_client_test_invalid_sig_rs256
            oidcc_client_test_userinfo_invalid_sub
            oidcc_client_test_nonce_invalid
            oidcc_client_test_discovery_issuer_mismatch
            oidcc_client_test_rp_init_logout_other_state
            oidcc_client_test_rp_backchannel_rpinitlogout_alg_none
            oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg
            oidcc_client_test_rp_backchannel_rpinitlogout_no_event
            oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event
            oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce
            oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud
            oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss
            oidcc_client_test_refresh_token_invalid_issuer
            oidcc_client_test_refresh_token_invalid_sub
            oidcc_client_test_3rd_party_init_login
            oidcc_client_test_invalid_sig_hs256
            oidcc_client_test_invalid_sig_es256
            invalid_authorization_response_iss
            remove_authorization_response_iss
            ensure_authorization_response_with_invalid_state_fails
            ensure_authorization_response_with_invalid_missing_state_fails
            invalid_secondary_aud
            invalid_expired_exp
            invalid_missing_exp
            invalid_missing_aud
            invalid_missing_iss
            invalid_missing_nonce
            invalid_alternate_alg
        );
    };
    (@modules $attributes:tt, $application:ty, $($module:ident)*) => {
        $( $crate::relying_party_suite!(@module $attributes, $application, $module); )*
    };
    (@module [$($attribute:tt)*], $application:ty, $module:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $module() {
            $crate::relying_party::$module::<$application>().await;
        }
    };
}
