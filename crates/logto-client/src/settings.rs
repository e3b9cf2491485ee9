//! The configuration, checked and normalised once.

use crate::{
    LogtoConfig, LogtoError, Prompt, Route, Secret, StorageMode,
    connection::{Connection, http_url, wrong},
    oidc::token::client_authentication,
    scope::{resource_list, scope_list},
};
use logto_storage_core::{Realm, Tickets};
use std::{sync::Arc, time::Duration};
use url::Url;

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) connection: Arc<Connection>,
    pub(crate) app_id: String,
    pub(crate) app_secret: Option<Secret>,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) prompt: Vec<Prompt>,
    pub(crate) base_url: Option<Url>,
    pub(crate) route_prefix: String,
    pub(crate) cookie_session: bool,
    pub(crate) tickets: Option<Tickets>,
    pub(crate) sign_in_absolute_lifetime: Option<Duration>,
    pub(crate) strict_logout_tokens: bool,
}

impl Settings {
    pub(crate) fn new(config: LogtoConfig) -> Result<Self, LogtoError> {
        let insecure_http = config.connection.allow_insecure_http;
        let connection = Arc::new(Connection::new(config.connection)?);
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
        let base_url = config.base_url.map(|url| base_url(&url, insecure_http)).transpose()?;
        if config.sign_in_lifetime < Duration::from_secs(60) {
            return Err(wrong("sign_in_lifetime", "is less than one minute"));
        }
        if config.sign_in_absolute_lifetime.is_some_and(|lifetime| lifetime < Duration::from_secs(60)) {
            return Err(wrong("sign_in_absolute_lifetime", "is less than one minute"));
        }
        let tickets = config.token_store.map(|store| {
            let realm = Realm::new(&connection.issuer, &config.app_id);
            Tickets::new(store, realm).with_lifetime(config.sign_in_lifetime)
        });
        Ok(Self {
            connection,
            app_id: config.app_id,
            app_secret: config.app_secret,
            scopes: scope_list(&config.scopes, config.include_reserved_scopes),
            resources: resource_list(&config.resources, &config.scopes),
            prompt: config.prompt,
            base_url,
            route_prefix: route_prefix(&config.route_prefix)?,
            cookie_session: config.cookie_session,
            tickets,
            sign_in_absolute_lifetime: config.sign_in_absolute_lifetime,
            strict_logout_tokens: config.strict_logout_tokens,
        })
    }

    /// How the application authenticates itself; a public client does not.
    pub(crate) fn authentication(&self) -> Option<Secret> {
        client_authentication(&self.app_id, self.app_secret.as_ref())
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

#[cfg(test)]
mod tests {
    use super::*;

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
            (config().sign_in_lifetime(Duration::from_secs(59)), "sign_in_lifetime"),
            (config().sign_in_absolute_lifetime(Duration::from_secs(59)), "sign_in_absolute_lifetime"),
            (config().internal_endpoint("http://logto:3001"), "internal_endpoint"),
            (config().proxy("::"), "proxy"),
            (config().root_certificate("no pem"), "root_certificate"),
        ] {
            let error = Settings::new(config).map(|_| field).unwrap_err();
            assert!(error.to_string().contains(&format!("`{field}`")), "{field}: {error}");
        }
    }
}
