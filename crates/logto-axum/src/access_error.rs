//! Refusals of an API as answers.

use crate::error::private;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use logto_client::{AccessErrorKind, web};
use std::{error::Error, fmt, ops::Deref};

/// Why a request may not use an API, as an answer: by RFC 6750, the cause only in the log.
///
/// It dereferences to the client's error. Handlers return it; `?` makes it from the client's error.
///
/// ```
/// use logto_axum::{Access, AccessError, AccessTokenVerifier, LogtoAuth};
///
/// async fn refund(verifier: &AccessTokenVerifier, token: &str) -> Result<String, AccessError> {
///     let auth = verifier.verify(token, &Access::api().scopes(["refund:orders"])).await?;
///     Ok(format!("refunded by {}", auth.sub()))
/// }
/// ```
///
/// Source: RFC 6750 §3.
#[derive(Clone)]
pub struct AccessError(logto_client::AccessError);

impl AccessError {
    fn log(&self) {
        let (error, kind, cause) = (&self.0, self.kind(), web::causes(&self.0));
        match kind {
            AccessErrorKind::Misconfigured => {
                tracing::error!(%error, ?kind, cause, "an API refuses a request");
            }
            AccessErrorKind::Unavailable => {
                tracing::warn!(%error, ?kind, cause, "an API refuses a request");
            }
            _ => tracing::debug!(%error, ?kind, cause, "an API refuses a request"),
        }
    }
}

impl IntoResponse for AccessError {
    fn into_response(self) -> Response {
        self.log();
        let answer = self.answer();
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut response = private((status, json, answer.body).into_response(), web::NO_REFERRER);
        let challenge = answer.www_authenticate.and_then(|value| HeaderValue::try_from(value).ok());
        if let Some(challenge) = challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = answer.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<logto_client::AccessError> for AccessError {
    fn from(error: logto_client::AccessError) -> Self {
        Self(error)
    }
}

impl Deref for AccessError {
    type Target = logto_client::AccessError;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for AccessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
