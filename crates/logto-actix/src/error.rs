//! Errors as answers.

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
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
/// use logto_actix::{Logto, LogtoError};
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

impl ResponseError for LogtoError {
    fn status_code(&self) -> StatusCode {
        match self.refusal() {
            Some(Refusal::Redirect(_)) => StatusCode::SEE_OTHER,
            _ => StatusCode::from_u16(self.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let status = self.status_code();
        let mut response = match self.refusal() {
            Some(Refusal::Redirect(to)) => return found_elsewhere(to),
            Some(Refusal::Page(sign_in)) => page(status, web::error_page(&self.0, Some(sign_in))),
            Some(Refusal::Program) => private(status, web::NO_REFERRER)
                .content_type("application/json")
                .body(web::error_json(&self.0)),
            None => page(status, web::error_page(&self.0, None)),
        };
        if let Some(wait) = self.retry_after() {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        response
    }
}

/// A redirect that is neither stored nor tells where it came from.
pub(crate) fn found_elsewhere(to: &str) -> HttpResponse {
    private(StatusCode::SEE_OTHER, web::NO_REFERRER).insert_header((header::LOCATION, to)).finish()
}

/// A page that is not stored, not framed and loads nothing; it may stand at an address with a code.
pub(crate) fn page(status: StatusCode, html: String) -> HttpResponse {
    html_page(status, web::NO_REFERRER, html)
}

/// The page that asks whether to sign out: its form is sent with the origin.
pub(crate) fn page_that_asks(status: StatusCode, html: String) -> HttpResponse {
    html_page(status, web::SAME_ORIGIN_REFERRER, html)
}

fn html_page(status: StatusCode, referrer_policy: &'static str, html: String) -> HttpResponse {
    private(status, referrer_policy)
        .insert_header((header::CONTENT_SECURITY_POLICY, web::PAGE_POLICY))
        .content_type("text/html; charset=utf-8")
        .body(html)
}

/// What the provider hears of a logout that it has asked for: 200, or 400 for every error.
pub(crate) fn told_to_provider(outcome: Result<usize, logto_client::LogtoError>) -> HttpResponse {
    match outcome.map_err(LogtoError) {
        Ok(_) => private(StatusCode::OK, web::NO_REFERRER).finish(),
        Err(error) => {
            error.log();
            private(StatusCode::BAD_REQUEST, web::NO_REFERRER)
                .content_type("application/json")
                .body(web::error_json(&error.0))
        }
    }
}

/// An answer that nobody stores, reads as something else or is told of by another site.
pub(crate) fn private(status: StatusCode, referrer_policy: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, web::NO_STORE));
    response.insert_header((header::REFERRER_POLICY, referrer_policy));
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, web::NO_SNIFF));
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
