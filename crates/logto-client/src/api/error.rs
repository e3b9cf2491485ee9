//! Why a request may not use an API.

use crate::{
    ErrorKind, LogtoError,
    verify::VerifyError,
    web::{ApiAnswer, Challenge},
};
use std::{borrow::Cow, error::Error, fmt, sync::Arc, time::Duration};

/// Why a request may not use an API. Cheap to clone; never holds a token.
///
/// [`answer`](Self::answer) gives the whole answer of RFC 6750.
///
/// ```
/// use logto_client::{AccessErrorKind, web::bearer};
///
/// let error = bearer([], None, None).unwrap_err();
/// assert_eq!(error.kind(), AccessErrorKind::NoCredentials);
/// assert_eq!(error.answer().status, 401);
/// ```
#[derive(Clone)]
pub struct AccessError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: AccessErrorKind,
    reason: Cow<'static, str>,
    scope: Option<String>,
    retry_after: Option<Duration>,
    challenge: Option<Arc<Challenge>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What is wrong with the request, and so what its sender can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessErrorKind {
    /// It brings no access token where one is looked for: send one.
    NoCredentials,
    /// It brings tokens in two ways, or something that is none: repair the request.
    InvalidRequest,
    /// Its access token is refused: get another one.
    InvalidToken,
    /// Its access token is good and not enough: [`AccessError::scope`] says what is missing, where it is a
    /// scope; else it is the organization.
    InsufficientScope,
    /// The token cannot be checked, because the provider does not answer: try later.
    Unavailable,
    /// The API is not set up as it must be; the message says where.
    Misconfigured,
}

impl AccessErrorKind {
    /// The kind as programs are told it; three of them are the error codes of RFC 6750 §3.1.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// The HTTP status of the answer: the one table for all bindings.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::NoCredentials | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::Misconfigured => 500,
            Self::Unavailable => 503,
        }
    }
}

impl AccessError {
    pub(crate) fn new(kind: AccessErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Self(Arc::new(Inner { kind, reason, scope: None, retry_after: None, challenge: None, source: None }))
    }

    /// An error that blames the API's set-up; for bindings.
    #[must_use]
    pub fn misconfigured(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(AccessErrorKind::Misconfigured, message)
    }

    /// An error that blames the form of the request, for example where it should name an organization and
    /// does not; for bindings. The sender is told the reason.
    #[must_use]
    pub fn invalid_request(reason: &'static str) -> Self {
        Self::new(AccessErrorKind::InvalidRequest, reason)
    }

    pub(crate) fn invalid_token(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(AccessErrorKind::InvalidToken, reason)
    }

    pub(crate) fn insufficient(reason: &'static str, scope: Option<String>) -> Self {
        let mut error = Self::new(AccessErrorKind::InsufficientScope, reason);
        error.change().scope = scope;
        error
    }

    /// With how the API asks for a token, where nobody has said so yet.
    pub(crate) fn with_challenge(mut self, challenge: &Arc<Challenge>) -> Self {
        self.change().challenge.get_or_insert_with(|| Arc::clone(challenge));
        self
    }

    fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.change().source = Some(Arc::new(source));
        self
    }

    fn change(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// What is wrong with the request.
    #[must_use]
    pub fn kind(&self) -> AccessErrorKind {
        self.0.kind
    }

    /// The scopes that the request needs, separated by spaces, where the token lacks one.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// How long to wait before the next try, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The reason as the sender of the request is told it; nothing of the set-up and of outages.
    #[must_use]
    pub fn description(&self) -> &str {
        match self.0.kind {
            AccessErrorKind::Unavailable => "the access token cannot be checked at the moment: try again",
            AccessErrorKind::Misconfigured => "the API is not set up correctly",
            _ => &self.0.reason,
        }
    }

    /// The answer that tells the error: status, headers, body.
    #[must_use]
    pub fn answer(&self) -> ApiAnswer {
        match &self.0.challenge {
            Some(challenge) => challenge.answer(self),
            None => Challenge::default().answer(self),
        }
    }
}

impl From<VerifyError> for AccessError {
    fn from(error: VerifyError) -> Self {
        Self::invalid_token(format!("the access token is refused: {error}")).with_source(error)
    }
}

impl From<LogtoError> for AccessError {
    fn from(error: LogtoError) -> Self {
        let kind = match error.kind() {
            ErrorKind::Misconfigured => AccessErrorKind::Misconfigured,
            _ => AccessErrorKind::Unavailable,
        };
        let mut converted = Self::new(kind, error.to_string());
        converted.change().retry_after = error.retry_after();
        converted.with_source(error)
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.reason)
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError")
            .field("kind", &self.0.kind)
            .field("reason", &self.0.reason)
            .field("scope", &self.0.scope)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for AccessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
