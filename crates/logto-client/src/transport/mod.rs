//! HTTP as the client needs it: small requests, small answers, no redirects.

mod http;

pub(crate) use http::{HttpOptions, HttpTransport};

use crate::Secret;
use std::{error::Error, fmt, time::Duration};
use url::Url;

/// The largest answer that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Sends requests to the provider. The built-in one is HTTP/1.1 and 2 with TLS; tests bring their own.
///
/// An implementation must not follow redirects and must stop reading at [`MAX_BODY_BYTES`].
#[async_trait::async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends the request and reads the whole answer, within the request's time-out.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}

/// A request to the provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The whole address.
    pub url: Url,
    /// A form for POST; `None` means GET.
    pub form: Option<Secret>,
    /// The `Authorization` header.
    pub authorization: Option<Secret>,
    /// From connecting to the last byte.
    pub timeout: Duration,
}

impl Request {
    pub(crate) fn get(url: Url, timeout: Duration) -> Self {
        Self { url, form: None, authorization: None, timeout }
    }

    pub(crate) fn post(url: Url, form: &[(&str, &str)], timeout: Duration) -> Self {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        Self { url, form: Some(Secret::new(form)), authorization: None, timeout }
    }

    pub(crate) fn with_authorization(mut self, authorization: Option<Secret>) -> Self {
        self.authorization = authorization;
        self
    }
}

/// The provider's answer.
#[derive(Clone)]
pub struct Response {
    /// The status, for example 200.
    pub status: u16,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// `Cache-Control`, as sent.
    pub cache_control: Option<String>,
    /// `Retry-After`, as sent.
    pub retry_after: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub struct TransportError {
    reason: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// An error with a short reason, such as "timed out".
    #[must_use]
    pub fn new(reason: &'static str) -> Self {
        Self { reason, source: None }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
