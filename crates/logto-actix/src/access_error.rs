//! Refusals of an API as answers.

use crate::error::private;
use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use logto_client::{AccessErrorKind, web};
use std::{error::Error, fmt, ops::Deref};

/// Why a request may not use an API, as an answer: by RFC 6750, the cause only in the log.
///
/// It dereferences to the client's error. Handlers return it; `?` makes it from the client's error.
///
/// ```
/// use logto_actix::{Access, AccessError, AccessTokenVerifier, LogtoAuth};
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

impl ResponseError for AccessError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let answer = self.answer();
        let mut response = private(self.status_code(), web::NO_REFERRER);
        if let Some(challenge) = answer.www_authenticate {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(seconds) = answer.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.content_type("application/json").body(answer.body)
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
