//! The endpoints, and what their answers have in common.

pub(crate) mod authorize;
mod discovery;
mod end_session;
mod exchange;
mod introspection;
mod issue;
mod machine;
mod pages;
mod refresh;
mod sign_in;
mod token;
mod user_info;

use crate::{
    fault,
    state::{Shared, State as Known},
};
use axum::{
    Router,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use url::form_urlencoded;

/// RFC 8693.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/oidc/.well-known/openid-configuration", get(discovery::metadata))
        .route("/oidc/jwks", get(discovery::jwks))
        .route("/oidc/auth", get(authorize::by_query).post(authorize::by_form))
        .route("/oidc/auth/{uid}", get(authorize::resume))
        .route("/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/direct/{method}/{target}", get(sign_in::page))
        .route("/register", get(sign_in::register_page).post(sign_in::register))
        .route("/consent", get(sign_in::consent_page).post(sign_in::consent))
        .route("/cancel", post(sign_in::cancel))
        .route("/unknown-session", get(pages::unknown_session))
        .route("/oidc/token", post(token::token))
        .route("/oidc/me", get(user_info::user_info).post(user_info::user_info))
        .route("/oidc/token/revocation", post(token::revoke))
        .route("/oidc/token/introspection", post(introspection::introspect))
        .route("/oidc/session/end", get(end_session::ask).post(end_session::ask))
        .route("/oidc/session/end/confirm", post(end_session::confirm))
        .route("/oidc/session/end/success", get(pages::signed_out))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn_with_state(Arc::clone(&shared), fault::meet))
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

/// An error as the server words it.
#[derive(Debug)]
pub(crate) struct OidcError {
    status: u16,
    error: &'static str,
    description: String,
    authenticate: Option<String>,
    more: Vec<(&'static str, String)>,
}

impl OidcError {
    pub(crate) fn new(status: u16, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), authenticate: None, more: Vec::new() }
    }

    fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    fn invalid_grant() -> Self {
        Self::new(400, "invalid_grant", "grant request is invalid")
    }

    /// With a challenge of this scheme.
    fn challenging(mut self, scheme: &str, issuer: &str) -> Self {
        self.authenticate = Some(format!(
            "{scheme} realm=\"{issuer}\", error=\"{}\", error_description=\"{}\"",
            self.error, self.description
        ));
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    fn error(&self) -> &'static str {
        self.error
    }

    pub(crate) fn body(&self) -> Value {
        let message = match self.error {
            "invalid_grant" => "Grant request is invalid.".to_owned(),
            "invalid_request" => "Request is invalid.".to_owned(),
            "invalid_token" => "Invalid token provided.".to_owned(),
            "invalid_target" => "Invalid resource indicator.".to_owned(),
            "access_denied" => "Access denied.".to_owned(),
            "insufficient_scope" => "Token missing scope `{{scope}}`.".to_owned(),
            "unsupported_grant_type" => "Unsupported `grant_type` requested.".to_owned(),
            "invalid_redirect_uri" => {
                "`redirect_uri` did not match any of the client's registered `redirect_uris`.".to_owned()
            }
            error => format!("An OIDC error occurred: oidc.{error}."),
        };
        let mut body = json!({
            "code": format!("oidc.{}", self.error), "message": message,
            "error": self.error, "error_description": self.description,
        });
        if self.error == "invalid_grant" {
            body["error_uri"] = "https://openid.sh/debug/invalid_grant".into();
        }
        for (name, value) in &self.more {
            body[*name] = value.clone().into();
        }
        body
    }
}

impl IntoResponse for OidcError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = json_answer(status, &self.body());
        if let Some(value) = self.authenticate.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// 303 with these cookies.
fn redirect(to: &str, cookies: &[String]) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::CACHE_CONTROL, "no-store")]).into_response();
    let Ok(location) = HeaderValue::from_str(to) else { return StatusCode::BAD_REQUEST.into_response() };
    response.headers_mut().insert(header::LOCATION, location);
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
}

/// The session that this browser has, by its cookie, where it is not over.
fn session(state: &Known, headers: &HeaderMap) -> Option<String> {
    cookie(headers, "_session").filter(|session| state.sessions.username(session).is_some())
}

fn set_cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; path=/; samesite=lax; httponly")
}

/// Parameters of a query or a form.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    fn of(members: Map<String, Value>) -> Self {
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self(members.into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    /// The first of this name that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// The words of a list separated by spaces.
    fn words(&self, name: &str) -> Vec<String> {
        self.get(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }
}
