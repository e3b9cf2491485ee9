//! The pages at which a person signs in, registers, consents or cancels.

use super::{Parameters, authorize, cookie, pages, redirect, session, set_cookie};
use crate::{User, state::Shared};
use axum::{body::Bytes, extract::State, http::HeaderMap, response::Response};
use std::sync::Arc;

pub(super) async fn page(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    with_interaction(&shared, &headers, |uid, hint| pages::sign_in(uid, hint, None))
}

pub(super) async fn register_page(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    with_interaction(&shared, &headers, |uid, hint| pages::register(uid, hint, None))
}

pub(super) async fn consent_page(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    with_interaction(&shared, &headers, |uid, _| pages::consent(uid))
}

fn with_interaction(
    shared: &Shared,
    headers: &HeaderMap,
    page: impl FnOnce(&str, &str) -> String,
) -> Response {
    let state = shared.state();
    let uid = cookie(headers, "_interaction").unwrap_or_default();
    match state.interactions.get(&uid) {
        Some(authorization) => {
            pages::html(page(&uid, authorization.login_hint.as_deref().unwrap_or_default()))
        }
        None => redirect("/unknown-session", &[]),
    }
}

pub(super) async fn submit(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (uid, username) = (form.get("uid").unwrap_or_default(), form.get("username").unwrap_or_default());
    let mut state = shared.state();
    if !state.interactions.contains_key(uid) {
        return redirect("/unknown-session", &[]);
    }
    let known = state.user(username).is_some_and(|user| {
        !user.password.is_empty() && Some(user.password.as_str()) == form.get("password")
    });
    if !known {
        let message = "Incorrect account or password. Please check your input.";
        return pages::html(pages::sign_in(uid, username, Some(message)));
    }
    let session = state.sessions.renew(cookie(&headers, "_session").as_deref(), username);
    redirect(&format!("/oidc/auth/{uid}"), &[set_cookie("_session", &session)])
}

pub(super) async fn register(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (uid, username) = (form.get("uid").unwrap_or_default(), form.get("username").unwrap_or_default());
    let mut state = shared.state();
    if !state.interactions.contains_key(uid) {
        return redirect("/unknown-session", &[]);
    }
    let Some(password) = form.get("password").filter(|_| !username.is_empty()) else {
        return pages::html(pages::register(uid, username, Some("Both are needed.")));
    };
    if state.user(username).is_some() {
        return pages::html(pages::register(uid, username, Some("This username is already in use.")));
    }
    state.add_user(User::new(username).password(password));
    let session = state.sessions.renew(cookie(&headers, "_session").as_deref(), username);
    redirect(&format!("/oidc/auth/{uid}"), &[set_cookie("_session", &session)])
}

/// Refused consent comes back bare, as from the real server's page.
pub(super) async fn consent(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let issuer = shared.issuer();
    let mut state = shared.state();
    let signed_in = session(&state, &headers);
    match (state.interactions.remove(form.get("uid").unwrap_or_default()), signed_in) {
        (Some(authorization), Some(session)) if form.get("action") == Some("allow") => {
            redirect(&authorize::succeed(&mut state, &issuer, authorization, &session), &[])
        }
        (Some(authorization), _) => redirect(&authorization.redirect_uri, &[]),
        (None, _) => redirect("/unknown-session", &[]),
    }
}

pub(super) async fn cancel(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let issuer = shared.issuer();
    match shared.state().interactions.remove(form.get("uid").unwrap_or_default()) {
        Some(authorization) => {
            redirect(&authorize::error(&authorization, &issuer, "oidc.aborted", None), &[])
        }
        None => redirect("/unknown-session", &[]),
    }
}
