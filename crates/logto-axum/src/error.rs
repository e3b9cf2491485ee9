//! Errors as answers.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use logto_client::{
    ErrorKind,
    web::{self, Refusal},
};
use std::{error::Error, fmt, ops::Deref};

/// An error of Logto as an answer: its status, a fixed body, the cause only in the log.
///
/// It dereferences to the client's error. Handlers return it; `?` makes it from the client's error.
///
/// ```
/// use logto_axum::{Logto, LogtoError};
///
/// async fn email(logto: Logto) -> Result<String, LogtoError> {
///     Ok(logto.fetch_user_info().await?.email().unwrap_or("none").to_owned())
/// }
/// ```
#[derive(Clone)]
pub struct LogtoError(logto_client::LogtoError);

impl LogtoError {
    fn log(&self) {
        let (error, kind, code) = (&self.0, self.kind(), self.code());
        let cause = web::causes(error);
        match kind {
            ErrorKind::Misconfigured | ErrorKind::ProviderMisbehaved | ErrorKind::InvalidToken => {
                tracing::error!(%error, ?kind, code, cause, "answering with an error");
            }
            ErrorKind::Unavailable
            | ErrorKind::RateLimited
            | ErrorKind::Storage
            | ErrorKind::InvalidSignature => {
                tracing::warn!(%error, ?kind, code, cause, "answering with an error");
            }
            _ => tracing::debug!(%error, ?kind, code, cause, "answering with an error"),
        }
    }
}

impl IntoResponse for LogtoError {
    fn into_response(self) -> Response {
        self.log();
        let status = StatusCode::from_u16(self.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match self.refusal() {
            Some(Refusal::Redirect(to)) => return found_elsewhere(to),
            Some(Refusal::Page(sign_in)) => page(status, web::error_page(&self.0, Some(sign_in))),
            Some(Refusal::Program) => {
                let json = [(header::CONTENT_TYPE, "application/json")];
                private((status, json, web::error_json(&self.0)).into_response(), web::NO_REFERRER)
            }
            None => page(status, web::error_page(&self.0, None)),
        };
        if let Some(wait) = self.retry_after() {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A redirect that is neither stored nor tells where it came from.
pub(crate) fn found_elsewhere(to: &str) -> Response {
    private(Redirect::to(to).into_response(), web::NO_REFERRER)
}

/// A page that is not stored, not framed and loads nothing; it may stand at an address with a code.
pub(crate) fn page(status: StatusCode, html: String) -> Response {
    let policy = HeaderValue::from_static(web::PAGE_POLICY);
    let response = (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response();
    private(response, web::NO_REFERRER)
}

/// The page that asks whether to sign out: its form is sent with the origin.
pub(crate) fn page_that_asks(status: StatusCode, html: String) -> Response {
    private(page(status, html), web::SAME_ORIGIN_REFERRER)
}

/// What the provider hears of a logout that it has asked for: 200, or 400 for every error.
pub(crate) fn told_to_provider(outcome: Result<usize, logto_client::LogtoError>) -> Response {
    let answer = match outcome.map_err(LogtoError) {
        Ok(_) => StatusCode::OK.into_response(),
        Err(error) => {
            error.log();
            let json = [(header::CONTENT_TYPE, "application/json")];
            (StatusCode::BAD_REQUEST, json, web::error_json(&error.0)).into_response()
        }
    };
    private(answer, web::NO_REFERRER)
}

/// An answer that nobody stores, reads as something else or is told of by another site.
pub(crate) fn private(mut response: Response, referrer_policy: &'static str) -> Response {
    let headers: [(HeaderName, &'static str); 3] = [
        (header::CACHE_CONTROL, web::NO_STORE),
        (header::REFERRER_POLICY, referrer_policy),
        (header::X_CONTENT_TYPE_OPTIONS, web::NO_SNIFF),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

impl From<logto_client::LogtoError> for LogtoError {
    fn from(error: logto_client::LogtoError) -> Self {
        Self(error)
    }
}

impl From<logto_storage_core::StorageError> for LogtoError {
    fn from(error: logto_storage_core::StorageError) -> Self {
        logto_client::LogtoError::from(error).into()
    }
}

impl Deref for LogtoError {
    type Target = logto_client::LogtoError;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Display for LogtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for LogtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for LogtoError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
