//! Metadata and keys.

use super::TOKEN_EXCHANGE;
use crate::{keys, state::Shared};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn metadata(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let issuer = shared.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    let body = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/auth"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/me"),
        "jwks_uri": at("/jwks"),
        "end_session_endpoint": at("/session/end"),
        "revocation_endpoint": at("/token/revocation"),
        "introspection_endpoint": at("/token/introspection"),
        "scopes_supported": [
            "openid", "offline_access", "profile", "email", "phone", "address", "custom_data", "identities",
            "roles", "urn:logto:scope:organizations", "urn:logto:scope:organization_roles",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE],
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["ES384"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    document(&headers, "application/json; charset=utf-8", None, &body)
}

pub(super) async fn jwks(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let body = shared.state().keys.jwks();
    let cache = "no-cache, max-age=0, must-revalidate";
    document(&headers, "application/jwk-set+json; charset=utf-8", Some(cache), &body)
}

fn document(
    headers: &HeaderMap,
    content_type: &'static str,
    cache: Option<&'static str>,
    body: &Value,
) -> Response {
    let text = body.to_string();
    let etag = format!("\"{}\"", keys::hash(&text));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
    };
    if let Ok(etag) = etag.parse() {
        response.headers_mut().insert(header::ETAG, etag);
    }
    if let Some(cache) = cache {
        response.headers_mut().insert(header::CACHE_CONTROL, axum::http::HeaderValue::from_static(cache));
    }
    response
}
