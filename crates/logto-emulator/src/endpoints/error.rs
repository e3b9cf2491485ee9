//! Errors as the server words them.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An error as the server words it.
#[derive(Clone, Debug)]
pub(crate) struct OidcError {
    status: u16,
    error: &'static str,
    /// Where it is not `oidc.` and the error.
    code: Option<&'static str>,
    description: String,
    pub(super) authenticate: Option<String>,
    more: Vec<(&'static str, String)>,
}

impl OidcError {
    pub(crate) fn new(status: u16, error: &'static str, description: impl Into<String>) -> Self {
        let (description, more) = (description.into(), Vec::new());
        Self { status, error, code: None, description, authenticate: None, more }
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub(crate) fn invalid_grant() -> Self {
        Self::new(400, "invalid_grant", "grant request is invalid")
    }

    pub(crate) fn invalid_target() -> Self {
        Self::new(400, "invalid_target", "resource indicator is missing, or unknown")
    }

    /// A sign-in that is not known.
    pub(crate) fn session_not_found(description: &str, issuer: &str) -> Self {
        let error = Self::invalid_request(description).with("iss", issuer);
        Self { code: Some("session.not_found"), ..error }
    }

    /// With a challenge of this scheme.
    pub(super) fn challenging(mut self, scheme: &str, issuer: &str) -> Self {
        self.authenticate = Some(format!(
            "{scheme} realm=\"{issuer}\", error=\"{}\", error_description=\"{}\"",
            self.error, self.description
        ));
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    pub(super) fn error(&self) -> &'static str {
        self.error
    }

    /// As OAuth words it, without what Logto adds.
    pub(super) fn raw(&self) -> Value {
        let mut body = json!({ "error": self.error, "error_description": self.description });
        for (name, value) in &self.more {
            body[*name] = value.clone().into();
        }
        body
    }

    pub(crate) fn body(&self) -> Value {
        self.body_for(&HeaderMap::new())
    }

    /// With a message in the language of the one who asked.
    pub(super) fn body_for(&self, asked: &HeaderMap) -> Value {
        let mut body = self.raw();
        let code = self.code.map_or_else(|| format!("oidc.{}", self.error), str::to_owned);
        body["message"] = self.message(&code, speaks_french(asked)).into();
        body["code"] = code.into();
        if self.error == "invalid_grant" {
            body["error_uri"] = "https://openid.sh/debug/invalid_grant".into();
        }
        body
    }

    fn message(&self, code: &str, french: bool) -> String {
        let known = match self.error {
            _ if code == "session.not_found" => "Session not found. Please go back and sign in again.",
            // Of the server's many translations one is recorded.
            "invalid_grant" if french => "La requête de consentement est invalide.",
            "invalid_grant" => "Grant request is invalid.",
            "invalid_request" => "Request is invalid.",
            "invalid_token" => "Invalid token provided.",
            "invalid_target" => "Invalid resource indicator.",
            "access_denied" => "Access denied.",
            "invalid_scope" => "Invalid scope: {{error_description}}.",
            "insufficient_scope" => "Token missing scope `{{scope}}`.",
            "unsupported_grant_type" => "Unsupported `grant_type` requested.",
            "unsupported_response_mode" => "Unsupported `response_mode` requested.",
            "unsupported_response_type" => "Unsupported `response_type` requested.",
            "invalid_redirect_uri" => {
                "`redirect_uri` did not match any of the client's registered `redirect_uris`."
            }
            _ => return format!("An OIDC error occurred: {code}."),
        };
        known.to_owned()
    }
}

fn speaks_french(asked: &HeaderMap) -> bool {
    let languages = asked.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    languages.is_some_and(|text| text.trim_start().to_ascii_lowercase().starts_with("fr"))
}

impl IntoResponse for OidcError {
    /// The body is written where it is known who asked: see `headers.rs`.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = super::json_answer(status, &self.body());
        if let Some(value) = self.authenticate.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}
