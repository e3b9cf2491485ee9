//! The pages at which a person signs in, registers, consents or cancels.

use super::{
    Parameters,
    interaction::{current, encoded},
    page_redirect, pages, redirect,
    request::Answer,
};
use crate::{
    User,
    state::{Interaction, Shared, State as Known, Step},
    webhook,
};
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use std::sync::Arc;

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    with_interaction(&shared, &headers, query, |state, uid, interaction| {
        pages::html(pages::sign_in(&pages::Form::of(state, uid, interaction), None))
    })
}

pub(super) async fn register_page(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    with_interaction(&shared, &headers, query, |state, uid, interaction| {
        pages::html(pages::register(&pages::Form::of(state, uid, interaction), None))
    })
}

/// The first party's applications consent by themselves.
pub(super) async fn consent_page(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    with_interaction(&shared, &headers, query, |state, uid, interaction| {
        if is_third_party(state, interaction) {
            return pages::html(pages::consent(&pages::Form::of(state, uid, interaction)));
        }
        if let Some(known) = state.interactions.get_mut(uid) {
            known.step = Step::Consented;
        }
        page_redirect(&format!("{}/oidc/auth/{uid}", shared.endpoint))
    })
}

fn is_third_party(state: &Known, interaction: &Interaction) -> bool {
    let application = state.tenant.applications.get(&interaction.authorization.client_id);
    application.is_some_and(|application| application.third_party)
}

fn with_interaction(
    shared: &Shared,
    headers: &HeaderMap,
    query: Option<String>,
    page: impl FnOnce(&mut Known, &str, &Interaction) -> Response,
) -> Response {
    let query = Parameters::parse(query.unwrap_or_default().as_bytes());
    let mut state = shared.state();
    let uid = current(headers, &query).unwrap_or_default();
    match state.interaction(&uid).cloned() {
        Some(interaction) => page(&mut state, &uid, &interaction),
        None => page_redirect(&format!("{}/unknown-session", shared.endpoint)),
    }
}

fn unknown(shared: &Shared) -> Response {
    page_redirect(&format!("{}/unknown-session", shared.endpoint))
}

/// The interaction has come to this step: back to the server.
fn go_on(state: &mut Known, uid: &str, step: Step, username: Option<&str>) -> Response {
    if let Some(known) = state.interactions.get_mut(uid) {
        known.step = step;
        known.username = username.map(str::to_owned);
    }
    redirect(&format!("/oidc/auth/{}", encoded(uid)), &[])
}

pub(super) async fn submit(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (uid, username) = (form.get("uid").unwrap_or_default(), form.get("username").unwrap_or_default());
    let mut state = shared.state();
    let Some(interaction) = state.interaction(uid).cloned() else { return unknown(&shared) };
    let user = state
        .user(username)
        .filter(|user| !user.password.is_empty() && Some(user.password.as_str()) == form.get("password"));
    let message = match user {
        None => "Incorrect account or password. Please check your input.",
        Some(user) if user.suspended => "This account is suspended.",
        Some(_) => return go_on(&mut state, uid, Step::SignedIn, Some(username)),
    };
    let page = pages::Form { username: username.to_owned(), ..pages::Form::of(&state, uid, &interaction) };
    pages::html(pages::sign_in(&page, Some(message)))
}

pub(super) async fn register(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (uid, username) = (form.get("uid").unwrap_or_default(), form.get("username").unwrap_or_default());
    let mut state = shared.state();
    let Some(interaction) = state.interaction(uid).cloned() else { return unknown(&shared) };
    let refuse = |state: &Known, message| {
        let page = pages::Form { username: username.to_owned(), ..pages::Form::of(state, uid, &interaction) };
        pages::html(pages::register(&page, Some(message)))
    };
    let Some(password) = form.get("password").filter(|_| !username.is_empty()) else {
        return refuse(&state, "Both are needed.");
    };
    if state.user(username).is_some() {
        return refuse(&state, "This username is already in use.");
    }
    let (at, user) = (state.milliseconds(), User::new(username).password(password));
    state.tenant.users.insert(username.to_owned(), user.created_at(at));
    let deliveries = webhook::of_registration(&state, &interaction.authorization.client_id, username);
    let response = go_on(&mut state, uid, Step::SignedIn, Some(username));
    drop(state);
    webhook::send(deliveries);
    response
}

/// Refused consent comes back bare, as from the real server's page.
pub(super) async fn consent(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let uid = form.get("uid").unwrap_or_default();
    let mut state = shared.state();
    let Some(interaction) = state.interaction(uid).filter(|known| known.step == Step::Consent).cloned()
    else {
        return unknown(&shared);
    };
    if form.get("action") == Some("allow") {
        return go_on(&mut state, uid, Step::Consented, None);
    }
    state.interactions.remove(uid);
    match &interaction.authorization.device {
        Some(device) => {
            state.devices.refuse(device);
            pages::device_refused()
        }
        None => redirect(&interaction.authorization.redirect_uri, &[]),
    }
}

pub(super) async fn cancel(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let issuer = shared.issuer();
    let mut state = shared.state();
    match state.interactions.remove(form.get("uid").unwrap_or_default()) {
        Some(Interaction { authorization, .. }) => match &authorization.device {
            Some(device) => {
                state.devices.refuse(device);
                pages::device_refused()
            }
            None => Answer::error(&authorization, &issuer, "oidc.aborted", None).into_response(&[]),
        },
        None => unknown(&shared),
    }
}
