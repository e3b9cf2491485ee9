//! The user info endpoint.

use super::{OidcError, json_answer};
use crate::state::Shared;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn user_info(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let issuer = shared.issuer();
    let state = shared.state();
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let Some(token) = token else {
        let mut response = OidcError::new(401, "invalid_token", "no access token provided").into_response();
        if let Ok(challenge) = HeaderValue::from_str(&format!("Bearer realm=\"{issuer}\"")) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        return response;
    };
    let found = state.grants.of_access_token(token, state.now());
    let found = found.and_then(|(_, grant, scope)| Some((scope, state.active_user(&grant.username)?)));
    let Some((scope, user)) = found else {
        let error = OidcError::new(401, "invalid_token", "invalid token provided");
        return error.challenging("Bearer", &issuer).into_response();
    };
    if !scope.iter().any(|scope| scope == "openid") {
        let error = OidcError::new(403, "insufficient_scope", "access token missing openid scope");
        let mut error = error.challenging("Bearer", &issuer).with("scope", "openid");
        error.authenticate = error.authenticate.map(|challenge| challenge + ", scope=\"openid\"");
        return error.into_response();
    }
    let mut claims = user.claims(&state.tenant, scope, true);
    if let Some(tamper) = &state.tampers.user_info {
        tamper(&mut claims);
    }
    json_answer(StatusCode::OK, &Value::Object(claims))
}
