//! Metadata and keys.

use super::{DEVICE_CODE, TOKEN_EXCHANGE};
use crate::{
    Failure,
    state::{Shared, Tamper},
    tenant::oidc_scopes,
};
use axum::{
    Extension,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn metadata(
    State(shared): State<Arc<Shared>>,
    failure: Option<Extension<Failure>>,
) -> Response {
    let issuer = shared.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    let named = match failure {
        Some(Extension(Failure::WrongIssuer)) => "https://wrong.example.test/oidc",
        _ => &issuer,
    };
    let mut body = json!({
        "issuer": named,
        "authorization_endpoint": at("/auth"),
        "device_authorization_endpoint": at("/device/auth"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/me"),
        "jwks_uri": at("/jwks"),
        "end_session_endpoint": at("/session/end"),
        "revocation_endpoint": at("/token/revocation"),
        "introspection_endpoint": at("/token/introspection"),
        "pushed_authorization_request_endpoint": at("/request"),
        "claims_supported": [
            "sub", "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username",
            "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
            "username", "created_at", "email", "email_verified", "phone_number", "phone_number_verified",
            "address", "custom_data", "identities", "sso_identities", "roles", "organizations",
            "organization_data", "organization_roles", "sid", "auth_time", "iss",
        ],
        "scopes_supported": oidc_scopes(),
        "response_types_supported": ["code id_token", "code", "id_token", "none"],
        "response_modes_supported": ["form_post", "fragment", "query"],
        "grant_types_supported": [
            "implicit", "authorization_code", "refresh_token", "client_credentials", DEVICE_CODE, TOKEN_EXCHANGE,
        ],
        "subject_types_supported": ["public"],
        "claim_types_supported": ["normal"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": shared.state().keys.algorithms(),
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_jwt", "client_secret_post", "private_key_jwt", "none",
        ],
        "token_endpoint_auth_signing_alg_values_supported":
            ["HS256", "RS256", "PS256", "ES256", "Ed25519", "EdDSA"],
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    tampered(shared.state().tampers.metadata.as_ref(), &mut body);
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

pub(super) async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    let mut state = shared.state();
    let mut body = state.keys.fetch();
    tampered(state.tampers.published_keys.as_ref(), &mut body);
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache, max-age=0, must-revalidate"),
    ];
    (headers, body.to_string()).into_response()
}

fn tampered(tamper: Option<&Tamper>, body: &mut Value) {
    if let (Some(tamper), Some(members)) = (tamper, body.as_object_mut()) {
        tamper(members);
    }
}
