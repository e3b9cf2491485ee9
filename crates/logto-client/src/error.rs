//! The one error of this crate.

use crate::web::Refusal;
use logto_storage_core::{StorageError, StorageErrorKind};
use std::{borrow::Cow, error::Error, fmt, sync::Arc, time::Duration};

/// Why an operation failed. Cheap to clone; never holds a token, secret, code or verifier.
///
/// [`kind`](Self::kind) says what to do, [`code`](Self::code) is the name that Logto's SDKs give it.
#[derive(Clone)]
pub struct LogtoError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    code: Option<Cow<'static, str>>,
    description: Option<String>,
    retry_after: Option<Duration>,
    repeated: bool,
    refusal: Option<Refusal>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What went wrong, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nobody is signed in: send the person to sign-in.
    NotAuthenticated,
    /// No pending sign-in belongs to this callback: start again.
    SignInSessionNotFound,
    /// The callback is not an answer to what was asked: start again.
    CallbackRejected,
    /// The person refused consent or aborted.
    ConsentRefused,
    /// The provider answered the sign-in with an error.
    ProviderRefused,
    /// The application's own sign-in hook refused the person.
    SignInRefused,
    /// The provider does not answer, or answers 5xx: try later, nothing is lost.
    Unavailable,
    /// The provider asks to slow down: try after [`LogtoError::retry_after`].
    RateLimited,
    /// The provider's answer is not what the specifications say.
    ProviderMisbehaved,
    /// A token did not pass verification.
    InvalidToken,
    /// A value of the configuration is wrong; the message names it.
    Misconfigured,
    /// A value given to the call is wrong; the message names it.
    InvalidInput,
    /// The storage failed; the source is the [`StorageError`].
    Storage,
    /// The person may not have what was asked, for example in an organization they are not in.
    Forbidden,
    /// The tokens lack a scope.
    InsufficientScope,
    /// The resource was not asked for at sign-in, or is unknown.
    InvalidTarget,
    /// A webhook does not come from Logto, or the signing key is another webhook's.
    InvalidSignature,
    /// A body is larger than it may be.
    TooLarge,
}

impl ErrorKind {
    /// The kind as programs are told it, for example `not_authenticated`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "not_authenticated",
            Self::SignInSessionNotFound => "sign_in_session_not_found",
            Self::CallbackRejected => "callback_rejected",
            Self::ConsentRefused => "consent_refused",
            Self::ProviderRefused => "provider_refused",
            Self::SignInRefused => "sign_in_refused",
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::ProviderMisbehaved => "provider_misbehaved",
            Self::InvalidToken => "invalid_token",
            Self::Misconfigured => "misconfigured",
            Self::InvalidInput => "invalid_input",
            Self::Storage => "storage",
            Self::Forbidden => "forbidden",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidSignature => "invalid_signature",
            Self::TooLarge => "too_large",
        }
    }

    /// The HTTP status of an answer that tells this error: the one table for all bindings.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NotAuthenticated | Self::InvalidSignature => 401,
            Self::TooLarge => 413,
            Self::SignInSessionNotFound
            | Self::CallbackRejected
            | Self::ConsentRefused
            | Self::ProviderRefused
            | Self::InvalidInput
            | Self::InvalidTarget => 400,
            Self::SignInRefused | Self::Forbidden | Self::InsufficientScope => 403,
            Self::Misconfigured => 500,
            Self::ProviderMisbehaved | Self::InvalidToken => 502,
            Self::Unavailable | Self::RateLimited | Self::Storage => 503,
        }
    }
}

impl LogtoError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            code: None,
            description: None,
            retry_after: None,
            repeated: false,
            refusal: None,
            source: None,
        }))
    }

    /// An error that blames the application's set-up; for bindings.
    #[must_use]
    pub fn misconfigured(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Misconfigured, message)
    }

    pub(crate) fn with_code(self, code: impl Into<Cow<'static, str>>) -> Self {
        self.map(|inner| inner.code = Some(code.into()))
    }

    pub(crate) fn with_description(self, description: Option<String>) -> Self {
        self.map(|inner| inner.description = description)
    }

    pub(crate) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        self.map(|inner| inner.retry_after = retry_after)
    }

    pub(crate) fn repeated(self) -> Self {
        self.map(|inner| inner.repeated = true)
    }

    pub(crate) fn with_refusal(self, refusal: Refusal) -> Self {
        self.map(|inner| inner.refusal = Some(refusal))
    }

    pub(crate) fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        self.map(|inner| inner.source = Some(Arc::new(source)))
    }

    /// The same error, told of another call.
    pub(crate) fn retold(self, kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        self.map(|inner| {
            inner.kind = kind;
            inner.message = message.into();
        })
    }

    fn map(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// What went wrong, and so what to do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The name that Logto's SDKs give the error, or the provider's own `error`, dots included.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The provider's `error_description`. It comes from outside: escape it before showing it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// How long to wait before the next try, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the sign-in has ended twice within a minute: to send the person to sign-in by themselves
    /// once more would go round in a circle.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.0.repeated
    }

    /// How the visitor hears of it, where the request is known; for bindings.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal.as_ref()
    }
}

impl fmt::Display for LogtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for LogtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogtoError")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("code", &self.0.code)
            .field("description", &self.0.description)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for LogtoError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<StorageError> for LogtoError {
    fn from(error: StorageError) -> Self {
        let (kind, message) = match error.kind() {
            StorageErrorKind::Misconfigured => {
                (ErrorKind::Misconfigured, "the session storage is not set up as it must be")
            }
            StorageErrorKind::TooLarge => (
                ErrorKind::Misconfigured,
                "the tokens do not fit into this session: keep the session on the server, not in a cookie",
            ),
            StorageErrorKind::Corrupt => (ErrorKind::Storage, "what the session holds cannot be read"),
            StorageErrorKind::Gone => (
                ErrorKind::NotAuthenticated,
                "the person was signed out in the meantime: send them to sign-in",
            ),
            _ => (ErrorKind::Storage, "the session storage does not answer: try again"),
        };
        Self::new(kind, message).with_source(error)
    }
}

impl From<crate::verify::VerifyError> for LogtoError {
    fn from(error: crate::verify::VerifyError) -> Self {
        Self::new(ErrorKind::InvalidToken, format!("the ID token is refused: {error}"))
            .with_code("id_token.invalid_token")
            .with_source(error)
    }
}

/// What an application's sign-in hook answers to refuse a person. The text is shown to them, escaped.
#[derive(Clone, Debug)]
pub struct SignInRefused(String);

impl SignInRefused {
    /// Refuses with this text for the person.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text for the person.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for SignInRefused {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl From<SignInRefused> for LogtoError {
    fn from(refused: SignInRefused) -> Self {
        Self::new(ErrorKind::SignInRefused, "the application refused the sign-in")
            .with_description(Some(refused.0))
    }
}
