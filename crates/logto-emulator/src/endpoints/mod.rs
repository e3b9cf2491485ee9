//! The endpoints, and what their answers have in common.

mod answer;
pub(crate) mod authorize;
pub(crate) mod control;
pub(crate) mod device;
mod discovery;
mod end_session;
mod error;
mod exchange;
mod headers;
pub(crate) mod interaction;
mod introspection;
mod issue;
mod machine;
mod pages;
mod pushed;
mod refresh;
mod request;
mod sign_in;
mod token;
mod user_info;

use crate::{fault, state::Shared};
use answer::{
    Parameters, cookie, json_answer, no_session_cookies, page_redirect, redirect, session, session_cookies,
    signed, with_cookies,
};
use axum::{
    Router,
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state, map_response},
    routing::{get, post},
};
pub(crate) use error::OidcError;
use std::sync::Arc;

/// RFC 8693.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8628.
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback_service(endpoints(shared)).layer(map_response(headers::without_methods))
}

fn endpoints(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/oidc/.well-known/openid-configuration", get(discovery::metadata))
        .route("/oidc/jwks", get(discovery::jwks))
        .route("/oidc/auth", get(authorize::by_query).post(authorize::by_form))
        .route("/oidc/auth/{uid}", get(interaction::resume))
        .route("/oidc/request", post(pushed::push))
        .route("/oidc/device", get(device::page).post(device::submit))
        .route("/oidc/device/auth", post(device::start))
        .route("/oidc/token", post(token::token))
        .route("/oidc/me", get(user_info::user_info).post(user_info::user_info))
        .route("/oidc/token/revocation", post(token::revoke))
        .route("/oidc/token/introspection", post(introspection::introspect))
        .route("/oidc/session/end", get(end_session::ask).post(end_session::ask))
        .route("/oidc/session/end/confirm", post(end_session::confirm))
        .route("/oidc/session/end/success", get(pages::signed_out))
        .route("/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/direct/{method}/{target}", get(sign_in::page))
        .route("/register", get(sign_in::register_page).post(sign_in::register))
        .route("/consent", get(sign_in::consent_page).post(sign_in::consent))
        .route("/cancel", post(sign_in::cancel))
        .route("/device", get(device::short_page))
        .route("/unknown-session", get(pages::unknown_session))
        .route("/", get(pages::welcome))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn(headers::dress))
        .layer(from_fn_with_state(Arc::clone(&shared), fault::meet))
        .merge(control::router())
        .with_state(shared)
}

async fn unknown(method: Method, uri: Uri) -> OidcError {
    let path = uri.path().strip_prefix("/oidc").unwrap_or(uri.path());
    OidcError::new(
        404,
        "invalid_request",
        format!("unrecognized route or not allowed method ({method} on {path})"),
    )
}
