//! The end session endpoint.

use super::{
    OidcError, Parameters, cookie, no_session_cookies, pages, redirect, session_cookies, with_cookies,
};
use crate::{
    back_channel, keys,
    state::{SESSION_LIFETIME, Shared},
};
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use std::sync::Arc;
use url::Url;

const HEXADECIMAL: &[u8] = b"0123456789abcdef";

pub(super) async fn ask(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let text = if body.is_empty() { query.unwrap_or_default().into_bytes() } else { body.to_vec() };
    match destination(&shared, &Parameters::parse(&text)) {
        Ok(destination) => {
            let xsrf = keys::random_of(HEXADECIMAL, 48);
            let mut state = shared.state();
            state.sign_outs.insert(xsrf.clone(), destination);
            let session = cookie(&headers, "_session").filter(|session| state.session(session).is_some());
            let action = format!("{}/session/end/confirm", shared.issuer());
            let page = match &session {
                Some(_) => pages::sign_out(&action, &xsrf),
                None => pages::form_post(&action, &[("xsrf", xsrf), ("logout", "yes".to_owned())]),
            };
            // Also who has no session gets a cookie of one.
            let cookies =
                session_cookies(&session.unwrap_or_else(keys::random), state.now() + SESSION_LIFETIME);
            let headers =
                [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            with_cookies((headers, page).into_response(), &cookies)
        }
        Err(error) => error.into_response(),
    }
}

/// Where the sign-out leads to; `None` is the server's own page.
fn destination(shared: &Shared, parameters: &Parameters) -> Result<Option<String>, OidcError> {
    let state = shared.state();
    let hinted = match parameters.get("id_token_hint") {
        Some(hint) => {
            let audience =
                audience(hint).ok_or_else(|| OidcError::invalid_request("could not decode id_token_hint"))?;
            if parameters.get("client_id").is_some_and(|id| id != audience) {
                return Err(OidcError::invalid_request(
                    "client_id does not match the provided id_token_hint",
                ));
            }
            Some(audience)
        }
        None => parameters.get("client_id").map(str::to_owned),
    };
    // With neither, the address to go to is left out.
    let Some(client_id) = hinted else { return Ok(None) };
    let application = state
        .tenant
        .applications
        .get(&client_id)
        .ok_or_else(|| OidcError::new(400, "invalid_client", format!("invalid client {client_id}")))?;
    let Some(uri) = parameters.get("post_logout_redirect_uri") else { return Ok(None) };
    let registered =
        application.accepts_post_logout_redirect_uri(uri).then(|| Url::parse(uri).ok()).flatten();
    let mut url =
        registered.ok_or_else(|| OidcError::invalid_request("post_logout_redirect_uri not registered"))?;
    if let Some(state) = parameters.get("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    Ok(Some(url.into()))
}

fn audience(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims.get("aud")?.as_str().map(str::to_owned)
}

pub(super) async fn confirm(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let issuer = shared.issuer();
    let (destination, messages) = {
        let mut state = shared.state();
        let Some(destination) = state.sign_outs.remove(form.get("xsrf").unwrap_or_default()) else {
            return OidcError::invalid_request("could not find logout details").into_response();
        };
        let ended = cookie(&headers, "_session").and_then(|session| state.sessions.end(&session));
        let messages = ended.map(|session| {
            state.end_session(&session);
            back_channel::of_session(&state, &issuer, &session)
        });
        (destination, messages.unwrap_or_default())
    };
    // What the applications answer changes nothing for the browser, but it waits for them.
    drop(back_channel::send(messages).await);
    redirect(&destination.unwrap_or_else(|| format!("{issuer}/session/end/success")), &no_session_cookies())
}
