//! The introspection endpoint: what an opaque token stands for (RFC 7662).

use super::{OidcError, json_answer, token};
use crate::state::Shared;
use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn introspect(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match answer(&shared, &headers, &body) {
        Ok(answer) => json_answer(StatusCode::OK, &answer),
        Err(error) => error.into_response(),
    }
}

fn answer(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<Value, OidcError> {
    let (issuer, state) = (shared.issuer(), shared.state());
    let form = token::form(headers, body, "/token/introspection")?;
    let application = token::authenticate(&state, &issuer, headers, &form)?;
    let presented =
        form.get("token").ok_or_else(|| OidcError::invalid_request("missing required parameter 'token'"))?;
    if presented.matches('.').count() == 2 {
        let description = "Structured JWT Tokens cannot be introspected via the introspection_endpoint";
        return Err(OidcError::new(400, "unsupported_token_type", description));
    }
    let inactive = json!({ "active": false });
    let Some(found) = state.grants.inspect(presented, state.time()) else { return Ok(inactive) };
    let client_id = &found.grant.authorization.client_id;
    // A public client learns of its own tokens only.
    let foreign = application.is_public() && *client_id != application.id;
    let Some(user) = state.active_user(&found.grant.username).filter(|_| !foreign) else {
        return Ok(inactive);
    };
    let mut answer = json!({
        "active": true, "sub": user.sub(), "client_id": client_id, "exp": found.until, "iat": found.from,
        "iss": issuer, "scope": found.scope.join(" "),
    });
    if found.is_access_token {
        answer["token_type"] = "Bearer".into();
    }
    Ok(answer)
}
