//! The device flow (RFC 8628): its endpoint, its page, and the token it ends in.

use super::{
    OidcError, Parameters, interaction, json_answer, page_redirect, pages,
    token::{authenticate, form},
};
use crate::{
    Application,
    device::Pending,
    grants::Authorization,
    state::{SESSION_LIFETIME, Shared, State as Known, Step},
};
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use url::Url;

pub(super) async fn start(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    match begin(&shared, &headers, &body) {
        Ok(answer) => json_answer(StatusCode::OK, &answer),
        Err(error) => error.into_response(),
    }
}

fn begin(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<Value, OidcError> {
    let (issuer, mut state) = (shared.issuer(), shared.state());
    let form = form(headers, body, "/device/auth")?;
    let application = authenticate(&state, &issuer, headers, &form)?;
    if !application.is_for_devices() {
        let description = format!("{} is not allowed for this client", super::DEVICE_CODE);
        return Err(OidcError::invalid_request(description));
    }
    let resources = form.all("resource");
    let unknown = |resource: &String| Url::parse(resource).is_err() || !state.tenant.knows_resource(resource);
    if resources.iter().any(unknown) {
        return Err(OidcError::invalid_target());
    }
    let scope = form.words("scope");
    let authorization = Authorization {
        client_id: application.id,
        nonce: form.get("nonce").map(str::to_owned),
        scope,
        resources,
        // A device asks for consent as a matter of course.
        prompt: vec!["consent".to_owned()],
        ..Authorization::default()
    };
    let now = state.now();
    let (device_code, user_code) = state.devices.begin(authorization, now);
    let page = format!("{}/device", shared.endpoint);
    Ok(json!({
        "device_code": device_code, "user_code": user_code, "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": crate::device::LIFETIME,
    }))
}

pub(super) async fn short_page(RawQuery(query): RawQuery) -> Response {
    page_redirect(&match query {
        Some(query) => format!("/oidc/device?{query}"),
        None => "/oidc/device".to_owned(),
    })
}

pub(super) async fn page(RawQuery(query): RawQuery) -> Response {
    let query = Parameters::parse(query.unwrap_or_default().as_bytes());
    pages::html(pages::device(query.get("user_code").unwrap_or_default(), None))
}

/// The person has typed the code: to sign in, and then to consent.
pub(super) async fn submit(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let user_code = form.get("user_code").unwrap_or_default();
    let mut state = shared.state();
    let now = state.now();
    let Some(authorization) = state.devices.find(user_code, now) else {
        return pages::html(pages::device(user_code, Some("This code is not known, or has expired.")));
    };
    let session = super::session(&state, &headers);
    interaction::proceed(&mut state, &shared, authorization, session, Step::SignIn, &form)
}

pub(super) fn exchange(
    state: &mut Known,
    issuer: &str,
    application: &Application,
    form: &Parameters,
) -> Result<Map<String, Value>, OidcError> {
    let device_code = form
        .get("device_code")
        .ok_or_else(|| OidcError::invalid_request("missing required parameter 'device_code'"))?;
    let now = state.now();
    let grant = match state.devices.poll(device_code, &application.id, now) {
        Pending::Unknown => return Err(OidcError::invalid_grant()),
        Pending::Expired => return Err(OidcError::new(400, "expired_token", "device code is expired")),
        Pending::Waiting => {
            let description = "authorization request is still pending as the end-user hasn't yet completed \
                               the user interaction steps";
            return Err(OidcError::new(400, "authorization_pending", description));
        }
        Pending::Refused => {
            return Err(OidcError::new(400, "access_denied", "End-User aborted interaction"));
        }
        Pending::Done(grant) => grant,
    };
    super::token::tokens_of_sign_in(state, issuer, application, form, &grant)
}

/// In-process: the person types the code of a device, signs in and agrees.
pub(crate) fn approve(shared: &Shared, user_code: &str, username: &str) -> Result<(), String> {
    let mut state = shared.state();
    let now = state.now();
    let authorization = state
        .devices
        .find(user_code, now)
        .ok_or_else(|| format!("no device waits with the code {user_code}"))?;
    if state.active_user(username).is_none() {
        return Err(format!("nobody who may sign in is called {username}"));
    }
    let session = state.sessions.open(username, now + SESSION_LIFETIME);
    let device = authorization.device.clone().unwrap_or_default();
    let grant = state.grant(authorization, &session);
    state.devices.complete(&device, grant);
    Ok(())
}
