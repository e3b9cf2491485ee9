//! How this process reaches one Logto: given by the application, checked and normalised once.

use crate::{
    Clock, LogtoError, Secret, SystemClock, Transport,
    transport::{HttpOptions, HttpTransport},
};
use std::{sync::Arc, time::Duration};
use url::{Host, Url};

/// As the application gives it; a part of each configuration.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionConfig {
    pub(crate) endpoint: String,
    pub(crate) clock_tolerance: Duration,
    pub(crate) internal_endpoint: Option<String>,
    pub(crate) proxy: Option<Secret>,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) allow_insecure_http: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
}

/// Checked and normalised.
#[derive(Debug)]
pub(crate) struct Connection {
    /// With a trailing slash, so that `join` keeps a tenant's path.
    pub(crate) endpoint: Url,
    internal_endpoint: Option<Url>,
    pub(crate) issuer: String,
    pub(crate) clock_tolerance: Duration,
    insecure_http: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
}

/// The setters of a configuration with a field `connection`.
macro_rules! connection_setters {
    () => {
        /// Where this process reaches Logto, if not at the endpoint that browsers use.
        pub fn internal_endpoint(mut self, endpoint: impl Into<String>) -> Self {
            self.connection.internal_endpoint = Some(endpoint.into());
            self
        }

        /// A proxy for requests to the provider, for example `http://proxy:3128`. The environment's are not used.
        pub fn proxy(mut self, proxy: impl Into<String>) -> Self {
            self.connection.proxy = Some($crate::Secret::new(proxy));
            self
        }

        /// Certificates in PEM that are trusted beside the system's.
        pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
            self.connection.root_certificates.push(pem.into());
            self
        }

        /// Danger: accepts `http` beyond loopback, so that secrets and tokens may travel in the clear.
        pub fn allow_insecure_http(mut self) -> Self {
            self.connection.allow_insecure_http = true;
            self
        }

        /// What time it is; tests bring a [`ManualClock`](crate::ManualClock).
        pub fn clock(mut self, clock: std::sync::Arc<dyn $crate::Clock>) -> Self {
            self.connection.clock = clock;
            self
        }

        /// What sends requests, instead of the built-in HTTP client.
        pub fn transport(mut self, transport: std::sync::Arc<dyn $crate::Transport>) -> Self {
            self.connection.transport = Some(transport);
            self
        }
    };
}
pub(crate) use connection_setters;

impl ConnectionConfig {
    pub(crate) fn new(endpoint: impl Into<String>, clock_tolerance: Duration) -> Self {
        Self {
            endpoint: endpoint.into(),
            clock_tolerance,
            internal_endpoint: None,
            proxy: None,
            root_certificates: Vec::new(),
            allow_insecure_http: false,
            clock: Arc::new(SystemClock),
            transport: None,
        }
    }
}

impl Connection {
    /// Errors name the field of the configuration.
    pub(crate) fn new(config: ConnectionConfig) -> Result<Self, LogtoError> {
        let insecure_http = config.allow_insecure_http;
        let endpoint = endpoint_url("endpoint", &config.endpoint, insecure_http)?;
        let internal_endpoint = config
            .internal_endpoint
            .map(|internal| endpoint_url("internal_endpoint", &internal, insecure_http))
            .transpose()?;
        if config.clock_tolerance > Duration::from_secs(3600) {
            return Err(wrong("clock_tolerance", "is more than one hour"));
        }
        let transport = match config.transport {
            Some(transport) => transport,
            None => {
                let options = HttpOptions {
                    root_certificates: config.root_certificates,
                    proxy: config.proxy.map(|proxy| proxy.expose().to_owned()),
                };
                Arc::new(HttpTransport::new(&options)?)
            }
        };
        Ok(Self {
            issuer: endpoint.join("oidc").map_err(|_| wrong("endpoint", "is no base"))?.into(),
            endpoint,
            internal_endpoint,
            clock_tolerance: config.clock_tolerance,
            insecure_http,
            clock: config.clock,
            transport,
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Whether secrets may be sent to this address.
    pub(crate) fn accepts_scheme(&self, url: &Url) -> bool {
        url.scheme() == "https" || url.scheme() == "http" && (self.insecure_http || is_loopback(url))
    }

    /// The address at which this process reaches what browsers reach at `url`.
    pub(crate) fn internal(&self, url: Url) -> Url {
        let Some(internal) = &self.internal_endpoint else { return url };
        let Some(rest) = url.as_str().strip_prefix(self.endpoint.as_str()) else { return url };
        internal.join(&format!("./{rest}")).unwrap_or(url)
    }
}

pub(crate) fn wrong(field: &'static str, problem: &str) -> LogtoError {
    LogtoError::misconfigured(format!("configuration: `{field}` {problem}"))
}

pub(crate) fn http_url(field: &'static str, text: &str, insecure_http: bool) -> Result<Url, LogtoError> {
    let url = Url::parse(text.trim()).map_err(|error| {
        wrong(field, "is no absolute URL such as https://tenant.logto.app").with_source(error)
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong(field, "is no http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(field, "holds a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(field, "holds a query or a fragment"));
    }
    if url.scheme() == "http" && !insecure_http && !is_loopback(&url) {
        return Err(wrong(field, "is http beyond loopback: use https, or accept it by allow_insecure_http"));
    }
    Ok(url)
}

fn endpoint_url(field: &'static str, text: &str, insecure_http: bool) -> Result<Url, LogtoError> {
    let mut url = http_url(field, text, insecure_http)?;
    let path = format!("{}/", url.path().trim_end_matches('/'));
    if path.ends_with("/oidc/") {
        return Err(wrong(field, "ends in /oidc: leave that part out, it is the issuer"));
    }
    url.set_path(&path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(endpoint: &str) -> ConnectionConfig {
        ConnectionConfig::new(endpoint, Duration::ZERO)
    }

    #[test]
    fn the_issuer_keeps_a_tenants_path_and_forgives_a_trailing_slash() {
        for (endpoint, issuer) in [
            ("https://example.com", "https://example.com/oidc"),
            ("https://example.com/", "https://example.com/oidc"),
            ("https://cloud.logto.io/tenantId", "https://cloud.logto.io/tenantId/oidc"),
            ("https://cloud.logto.io/tenantId/", "https://cloud.logto.io/tenantId/oidc"),
            ("http://127.0.0.1:3001", "http://127.0.0.1:3001/oidc"),
        ] {
            assert_eq!(Connection::new(connection(endpoint)).unwrap().issuer, issuer);
        }
    }

    #[test]
    fn plain_http_is_for_loopback_unless_it_is_allowed_by_name() {
        for (url, good) in [
            ("https://example.com/x", true),
            ("http://localhost:3001/x", true),
            ("http://127.0.0.1/x", true),
            ("http://[::1]:3001/x", true),
            ("http://example.com/x", false),
            ("http://localhost.example.com/x", false),
            ("http://127.0.0.1.example.com/x", false),
            ("http://10.0.0.1/x", false),
            ("ftp://localhost/x", false),
        ] {
            let mut config = connection("https://example.com");
            let url = Url::parse(url).unwrap();
            assert_eq!(Connection::new(config.clone()).unwrap().accepts_scheme(&url), good, "{url}");
            config.allow_insecure_http = true;
            assert_eq!(Connection::new(config).unwrap().accepts_scheme(&url), url.scheme() != "ftp", "{url}");
        }
    }

    #[test]
    fn the_internal_endpoint_serves_the_same_paths() {
        let mut config = connection("https://login.example.com/t");
        config.internal_endpoint = Some("http://logto:3001/x".to_owned());
        config.allow_insecure_http = true;
        let connection = Connection::new(config).unwrap();
        let token = Url::parse("https://login.example.com/t/oidc/token").unwrap();
        assert_eq!(connection.internal(token).as_str(), "http://logto:3001/x/oidc/token");
        let other = Url::parse("https://other.example.com/oidc/token").unwrap();
        assert_eq!(connection.internal(other.clone()), other);
    }
}
