//! Pushed authorization requests (RFC 9126).

use super::{
    OidcError, Parameters, json_answer,
    request::{Invalid, check},
    token::{authenticate, form},
};
use crate::{
    keys,
    state::{PUSHED_LIFETIME, Shared, State as Known},
};
use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

pub(super) async fn push(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    match remember(&shared, &headers, &body) {
        Ok(answer) => json_answer(StatusCode::CREATED, &answer),
        Err(error) => error.into_response(),
    }
}

fn remember(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<Value, OidcError> {
    let (issuer, mut state) = (shared.issuer(), shared.state());
    let form = form(headers, body, "/request")?;
    let application = authenticate(&state, &issuer, headers, &form)?;
    let mut pairs = form.into_pairs();
    pairs.retain(|(name, _)| !matches!(name.as_str(), "client_id" | "client_secret"));
    pairs.push(("client_id".to_owned(), application.id));
    let parameters = Parameters::from_pairs(pairs);
    if parameters.get("request_uri").is_some() {
        return Err(OidcError::invalid_request("request_uri must not be used here"));
    }
    match check(&state, &issuer, &parameters) {
        Ok(_) => {}
        Err(Invalid::Shown(error)) => return Err(error),
        Err(Invalid::Told(answer)) => {
            let told = |name| answer.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
            let description = told("error_description").cloned().unwrap_or_default();
            let error = match told("error").map(String::as_str) {
                Some("invalid_target") => "invalid_target",
                Some("invalid_scope") => "invalid_scope",
                Some("unsupported_response_type") => "unsupported_response_type",
                Some("request_not_supported") => "request_not_supported",
                _ => "invalid_request",
            };
            return Err(OidcError::new(400, error, description));
        }
    }
    let uri = format!("{PREFIX}{}", keys::random());
    let until = state.now() + PUSHED_LIFETIME;
    state.pushed.insert(uri.clone(), (parameters.into_pairs(), until));
    Ok(json!({ "expires_in": PUSHED_LIFETIME, "request_uri": uri }))
}

/// The parameters that were pushed, where the request names them.
pub(super) fn resolve(state: &Known, parameters: Parameters) -> Result<Parameters, OidcError> {
    let Some(uri) = parameters.get("request_uri") else { return Ok(parameters) };
    let known = state.pushed.get(uri).filter(|(_, until)| state.now() < *until);
    let (pairs, _) = known.ok_or_else(|| {
        OidcError::new(400, "invalid_request_uri", "request_uri is invalid, expired, or was already used")
    })?;
    let pushed = Parameters::from_pairs(pairs.clone());
    match parameters.get("client_id") {
        None => Err(OidcError::invalid_request("missing required parameter 'client_id'")),
        Some(id) if Some(id) != pushed.get("client_id") => {
            Err(OidcError::invalid_request("client_id mismatch"))
        }
        Some(_) => Ok(pushed),
    }
}
