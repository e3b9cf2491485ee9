//! The built-in transport.

use super::{MAX_BODY_BYTES, Request, Response, Transport, TransportError};
use crate::LogtoError;
use reqwest::header;
use std::time::Duration;

/// What of the configuration concerns the connection.
#[derive(Debug, Default)]
pub(crate) struct HttpOptions {
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) proxy: Option<String>,
}

#[derive(Debug)]
pub(crate) struct HttpTransport(reqwest::Client);

impl HttpTransport {
    /// Errors name the field of the configuration.
    pub(crate) fn new(options: &HttpOptions) -> Result<Self, LogtoError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(Duration::from_secs(2))
            .user_agent(concat!("logto-rust/", env!("CARGO_PKG_VERSION")));
        for pem in &options.root_certificates {
            let bundle = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|error| wrong("`root_certificate` cannot be read").with_source(error))?;
            if bundle.is_empty() {
                return Err(wrong("`root_certificate` holds no certificate in PEM form"));
            }
            builder = builder.tls_certs_merge(bundle);
        }
        builder = match &options.proxy {
            Some(proxy) => builder.proxy(
                reqwest::Proxy::all(proxy)
                    .map_err(|error| wrong("`proxy` is no address of a proxy").with_source(error))?,
            ),
            None => builder.no_proxy(),
        };
        let problem =
            "`root_certificate`: the certificates given here and the system's cannot be used together";
        builder.build().map(Self).map_err(|error| wrong(problem).with_source(error))
    }
}

fn wrong(problem: &str) -> LogtoError {
    LogtoError::misconfigured(format!("configuration: {problem}"))
}

#[async_trait::async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let builder = match &request.form {
            None => self.0.get(request.url),
            Some(form) => self
                .0
                .post(request.url)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose().to_owned()),
        };
        let mut builder = builder.header(header::ACCEPT, "application/json").timeout(request.timeout);
        if let Some(authorization) = &request.authorization {
            let mut value = header::HeaderValue::from_str(authorization.expose())
                .map_err(|_| TransportError::new("the authorization header holds illegal characters"))?;
            value.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, value);
        }
        let mut answer = builder.send().await.map_err(transport_error)?;
        let text = |name: header::HeaderName| {
            answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (status, content_type) = (answer.status().as_u16(), text(header::CONTENT_TYPE));
        let (cache_control, retry_after) = (text(header::CACHE_CONTROL), text(header::RETRY_AFTER));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(transport_error)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(TransportError::new("the answer is larger than 1 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, content_type, cache_control, retry_after, body })
    }
}

fn transport_error(error: reqwest::Error) -> TransportError {
    let reason = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "no connection (refused, name not found, or TLS not accepted)"
    } else {
        "the connection broke"
    };
    TransportError::new(reason).with_source(error.without_url())
}
