//! The configuration, checked and normalised once.

use crate::{
    Clock, LogtoConfig, LogtoError, Prompt, Route, Secret, StorageMode, Transport,
    scope::{resource_list, scope_list},
    transport::{HttpOptions, HttpTransport},
};
use logto_storage_core::{Realm, Tickets};
use std::{sync::Arc, time::Duration};
use url::{Host, Url};

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) app_id: String,
    pub(crate) app_secret: Option<Secret>,
    /// With a trailing slash, so that `join` keeps a tenant's path.
    pub(crate) endpoint: Url,
    pub(crate) internal_endpoint: Option<Url>,
    pub(crate) issuer: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) prompt: Vec<Prompt>,
    pub(crate) base_url: Option<Url>,
    pub(crate) route_prefix: String,
    pub(crate) clock_tolerance: Duration,
    pub(crate) cookie_session: bool,
    pub(crate) tickets: Option<Tickets>,
    pub(crate) strict_logout_tokens: bool,
    pub(crate) insecure_http: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
}

impl Settings {
    pub(crate) fn new(config: LogtoConfig) -> Result<Self, LogtoError> {
        let insecure_http = config.allow_insecure_http;
        let endpoint = endpoint_url("endpoint", &config.endpoint, insecure_http)?;
        let internal_endpoint = config
            .internal_endpoint
            .map(|internal| endpoint_url("internal_endpoint", &internal, insecure_http))
            .transpose()?;
        if config.app_id.trim().is_empty() || config.app_id.chars().any(char::is_control) {
            return Err(wrong("app_id", "is empty: copy it from the application's page in Logto's console"));
        }
        if config.app_secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
            return Err(wrong("app_secret", "is empty: leave it out for a public client"));
        }
        for scope in &config.scopes {
            if scope.is_empty() || scope.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(wrong("scopes", "holds an empty scope or one with white space"));
            }
        }
        for resource in &config.resources {
            if Url::parse(resource).map_or(true, |url| url.fragment().is_some()) {
                return Err(wrong(
                    "resources",
                    "holds an indicator that is no absolute URI without fragment (RFC 8707)",
                ));
            }
        }
        if config.prompt.is_empty() {
            return Err(wrong("prompt", "is empty: leave it out for `consent`"));
        }
        if config.prompt.contains(&Prompt::None) && config.prompt.len() > 1 {
            return Err(wrong("prompt", "holds `none` beside another value"));
        }
        if config.clock_tolerance > Duration::from_secs(3600) {
            return Err(wrong("clock_tolerance", "is more than one hour"));
        }
        let base_url = config.base_url.map(|url| base_url(&url, insecure_http)).transpose()?;
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
        if config.sign_in_lifetime < Duration::from_secs(60) {
            return Err(wrong("sign_in_lifetime", "is less than one minute"));
        }
        let issuer: String = endpoint.join("oidc").map_err(|_| wrong("endpoint", "is no base"))?.into();
        let tickets = config.token_store.map(|store| {
            let realm = Realm::new(&issuer, &config.app_id);
            Tickets::new(store, realm).with_lifetime(config.sign_in_lifetime)
        });
        Ok(Self {
            issuer,
            app_id: config.app_id,
            app_secret: config.app_secret,
            endpoint,
            internal_endpoint,
            scopes: scope_list(&config.scopes, config.include_reserved_scopes),
            resources: resource_list(&config.resources, &config.scopes),
            prompt: config.prompt,
            base_url,
            route_prefix: route_prefix(&config.route_prefix)?,
            clock_tolerance: config.clock_tolerance,
            cookie_session: config.cookie_session,
            tickets,
            strict_logout_tokens: config.strict_logout_tokens,
            insecure_http,
            clock: config.clock,
            transport,
        })
    }

    pub(crate) fn storage_mode(&self) -> StorageMode {
        match (&self.tickets, self.cookie_session) {
            (Some(_), _) => StorageMode::Tickets,
            (None, true) => StorageMode::CookieSession,
            (None, false) => StorageMode::Session,
        }
    }

    pub(crate) fn route_path(&self, route: Route) -> String {
        format!("{}/{}", self.route_prefix, route.segment())
    }

    pub(crate) fn route_url(&self, route: Route) -> Result<Url, LogtoError> {
        let base = self.base_url.as_ref().ok_or_else(|| {
            wrong("base_url", "is not set: the routes need it, for example https://app.example.com")
        })?;
        base.join(&self.route_path(route)).map_err(|_| wrong("route_prefix", "gives no address"))
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

fn wrong(field: &'static str, problem: &str) -> LogtoError {
    LogtoError::misconfigured(format!("configuration: `{field}` {problem}"))
}

fn http_url(field: &'static str, text: &str, insecure_http: bool) -> Result<Url, LogtoError> {
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

fn base_url(text: &str, insecure_http: bool) -> Result<Url, LogtoError> {
    let url = http_url("base_url", text, insecure_http)?;
    if url.path() != "/" {
        return Err(wrong("base_url", "holds a path: give it to route_prefix instead"));
    }
    Ok(url)
}

fn route_prefix(text: &str) -> Result<String, LogtoError> {
    let prefix = text.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if prefix.is_empty() {
        return Ok(String::new());
    }
    let dots = prefix.split('/').any(|segment| matches!(segment, "." | ".."));
    if !prefix.starts_with('/') || prefix.contains("//") || dots || !prefix.chars().all(plain) {
        return Err(wrong("route_prefix", "is no path such as /logto"));
    }
    Ok(prefix.to_owned())
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

    fn settings(endpoint: &str) -> Result<Settings, LogtoError> {
        Settings::new(LogtoConfig::new(endpoint, "app"))
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
            assert_eq!(settings(endpoint).unwrap().issuer, issuer);
        }
    }

    #[test]
    fn a_wrong_value_is_an_error_that_names_the_field() {
        let config = || LogtoConfig::new("https://example.com", "app");
        for (config, field) in [
            (LogtoConfig::new("example.com", "app"), "endpoint"),
            (LogtoConfig::new("ftp://example.com", "app"), "endpoint"),
            (LogtoConfig::new("http://example.com", "app"), "endpoint"),
            (LogtoConfig::new("https://example.com/oidc", "app"), "endpoint"),
            (LogtoConfig::new("https://u:p@example.com", "app"), "endpoint"),
            (LogtoConfig::new("https://example.com", " "), "app_id"),
            (config().app_secret(""), "app_secret"),
            (config().scopes(["a b"]), "scopes"),
            (config().resources(["not a uri"]), "resources"),
            (config().prompt([]), "prompt"),
            (config().prompt([Prompt::None, Prompt::Login]), "prompt"),
            (config().base_url("https://app.example.com/path"), "base_url"),
            (config().base_url("/"), "base_url"),
            (config().route_prefix("logto"), "route_prefix"),
            (config().route_prefix("/a/../b"), "route_prefix"),
            (config().clock_tolerance(Duration::from_secs(7200)), "clock_tolerance"),
            (config().internal_endpoint("http://logto:3001"), "internal_endpoint"),
            (config().proxy("::"), "proxy"),
            (config().root_certificate("no pem"), "root_certificate"),
        ] {
            let error = Settings::new(config).map(|_| field).unwrap_err();
            assert!(error.to_string().contains(&format!("`{field}`")), "{field}: {error}");
        }
    }

    #[test]
    fn the_internal_endpoint_serves_the_same_paths() {
        let config = LogtoConfig::new("https://login.example.com/t", "app")
            .internal_endpoint("http://logto:3001/x")
            .allow_insecure_http();
        let settings = Settings::new(config).unwrap();
        let token = Url::parse("https://login.example.com/t/oidc/token").unwrap();
        assert_eq!(settings.internal(token).as_str(), "http://logto:3001/x/oidc/token");
        let other = Url::parse("https://other.example.com/oidc/token").unwrap();
        assert_eq!(settings.internal(other.clone()), other);
    }
}
