//! Configuration of an API that takes access tokens.

use crate::{
    LogtoError, Secret,
    connection::{ConnectionConfig, connection_setters, wrong},
};
use std::time::Duration;
use url::Url;

/// So many tokens are remembered by default.
const REMEMBERED_TOKENS: usize = 10_000;
/// No introspection answer is believed for longer.
const LONGEST_BELIEF: Duration = Duration::from_secs(600);

/// What an API must know to check access tokens: the endpoint, and what it is called.
///
/// Nothing is checked here; [`AccessTokenVerifier::new`](crate::AccessTokenVerifier::new) checks every value
/// once and names the field that is wrong.
///
/// ```
/// use logto_client::{AccessTokenVerifier, ApiConfig};
///
/// let config = ApiConfig::new("https://tenant.logto.app").audience("https://api.example.com");
/// let verifier = AccessTokenVerifier::new(config)?;
/// # Ok::<(), logto_client::LogtoError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing before it is given to AccessTokenVerifier::new"]
pub struct ApiConfig {
    pub(crate) connection: ConnectionConfig,
    pub(crate) audiences: Vec<String>,
    pub(crate) realm: Option<String>,
    pub(crate) resource_metadata: Option<String>,
    pub(crate) remembered_tokens: usize,
    pub(crate) introspection: Option<Introspection>,
}

/// How opaque tokens are taken too: the provider is asked about each.
///
/// An opaque token names no API, so that any application's would do: taken are those of the applications
/// named by [`clients`](Self::clients), and of none where none is named but the asking one itself.
///
/// ```
/// use logto_client::{ApiConfig, Introspection};
///
/// let config = ApiConfig::new("https://tenant.logto.app")
///     .audience("https://api.example.com")
///     .introspection(Introspection::new("api-app-id", "api-app-secret").clients(["web-app-id"]));
/// ```
///
/// Source: RFC 7662.
#[derive(Clone, Debug)]
#[must_use = "it does nothing before it is given to ApiConfig::introspection"]
pub struct Introspection {
    pub(crate) app_id: String,
    pub(crate) app_secret: Secret,
    pub(crate) clients: Vec<String>,
    pub(crate) lifetime: Duration,
}

impl Introspection {
    /// The provider is asked in the name of this application, which has a secret.
    pub fn new(app_id: impl Into<String>, app_secret: impl Into<String>) -> Self {
        Self {
            app_id: app_id.into(),
            app_secret: Secret::new(app_secret),
            clients: Vec::new(),
            lifetime: Duration::from_secs(60),
        }
    }

    /// Tokens of these applications are taken. Without any: of the asking one alone.
    pub fn clients<T: Into<String>>(mut self, ids: impl IntoIterator<Item = T>) -> Self {
        self.clients.extend(ids.into_iter().map(Into::into));
        self
    }

    /// How long an answer is believed; default 60 s, at most 10 min. A token that is revoked is taken for so
    /// long.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether tokens that were issued to this application are taken.
    pub(crate) fn takes(&self, client_id: &str) -> bool {
        match self.clients.as_slice() {
            [] => client_id == self.app_id,
            clients => clients.iter().any(|known| known == client_id),
        }
    }
}

impl ApiConfig {
    /// For tokens of the Logto at this endpoint (a tenant or self-hosted, a path is kept).
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            connection: ConnectionConfig::new(endpoint, Duration::from_secs(60)),
            audiences: Vec::new(),
            realm: None,
            resource_metadata: None,
            remembered_tokens: REMEMBERED_TOKENS,
            introspection: None,
        }
    }

    /// From the environment: `LOGTO_ENDPOINT`, and `LOGTO_AUDIENCE` (several are separated by spaces) where it
    /// is set.
    ///
    /// # Errors
    ///
    /// `Misconfigured` names the variable that is missing.
    pub fn from_env() -> Result<Self, LogtoError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, LogtoError> {
        let endpoint = variable("LOGTO_ENDPOINT")
            .filter(|value| !value.trim().is_empty())
            .ok_or_else(|| LogtoError::misconfigured("the environment variable LOGTO_ENDPOINT is not set"))?;
        let audiences = variable("LOGTO_AUDIENCE").unwrap_or_default();
        Ok(audiences.split_whitespace().fold(Self::new(endpoint), Self::audience))
    }

    /// The indicator of this API, as in Logto's console; one more with each call. Tokens are taken whose
    /// audience is one of them, to the letter.
    ///
    /// Where only tokens for organizations are taken, none is needed.
    pub fn audience(mut self, indicator: impl Into<String>) -> Self {
        self.audiences.push(indicator.into());
        self
    }

    /// How far the clocks of provider and API may differ; default 60 s, at most one hour.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.connection.clock_tolerance = tolerance;
        self
    }

    /// What the API calls itself in `WWW-Authenticate`; default the first audience, else the issuer.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Where the API publishes what it is, for example
    /// `https://api.example.com/.well-known/oauth-protected-resource`: refusals name the address, and
    /// [`AccessTokenVerifier::resource_metadata`](crate::AccessTokenVerifier::resource_metadata) is the document.
    ///
    /// Source: RFC 9728.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// How many verified tokens are remembered at most, so that the signature of each is checked once; default
    /// 10 000, about 15 MB. With 0 none is remembered.
    ///
    /// Expiry, audience, organization and scopes are checked at every request all the same, and a token is
    /// forgotten as soon as its key is withdrawn.
    pub fn remembered_tokens(mut self, most: usize) -> Self {
        self.remembered_tokens = most;
        self
    }

    /// Takes opaque tokens too, for [`Access::api`](crate::Access::api).
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(introspection);
        self
    }

    connection_setters!();

    /// Checks what is not checked with the connection.
    pub(crate) fn check(&self) -> Result<(), LogtoError> {
        for audience in &self.audiences {
            if Url::parse(audience).map_or(true, |url| url.fragment().is_some()) {
                return Err(wrong(
                    "audience",
                    "is no absolute URI without fragment (RFC 8707): copy it from the API's page in Logto's console",
                ));
            }
        }
        if let Some(metadata) = &self.resource_metadata {
            let http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.fragment().is_none();
            if !Url::parse(metadata).is_ok_and(|url| http(&url)) {
                return Err(wrong("resource_metadata", "is no http or https URL"));
            }
            if self.audiences.is_empty() {
                return Err(wrong("resource_metadata", "describes an API, and no `audience` is given"));
            }
        }
        match &self.introspection {
            Some(asking) if asking.app_id.trim().is_empty() || asking.app_secret.expose().is_empty() => {
                Err(wrong("introspection", "needs the id and the secret of an application"))
            }
            Some(asking) if asking.lifetime > LONGEST_BELIEF => {
                Err(wrong("introspection", "believes an answer for more than ten minutes"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessTokenVerifier;

    #[test]
    fn the_environment_gives_a_configuration_or_the_name_of_what_is_missing() {
        let config = ApiConfig::from_variables(|name| match name {
            "LOGTO_ENDPOINT" => Some("https://tenant.logto.app".to_owned()),
            _ => Some(" https://api.example.com  https://old.example.com ".to_owned()),
        });
        assert_eq!(config.unwrap().audiences, ["https://api.example.com", "https://old.example.com"]);
        let error = ApiConfig::from_variables(|_| None).unwrap_err();
        assert!(error.to_string().contains("LOGTO_ENDPOINT"));
    }

    #[test]
    fn a_wrong_value_is_an_error_that_names_the_field() {
        let config = || ApiConfig::new("https://example.com").audience("https://api.example.com");
        let asking = || Introspection::new("app", "secret");
        assert!(AccessTokenVerifier::new(config().introspection(asking())).is_ok());
        assert!(AccessTokenVerifier::new(ApiConfig::new("https://example.com")).is_ok());
        for (config, field) in [
            (ApiConfig::new("example.com"), "endpoint"),
            (ApiConfig::new("https://example.com/oidc"), "endpoint"),
            (config().audience("orders"), "audience"),
            (config().audience(""), "audience"),
            (config().audience("https://api.example.com#x"), "audience"),
            (config().resource_metadata("/.well-known/oauth-protected-resource"), "resource_metadata"),
            (
                ApiConfig::new("https://example.com").resource_metadata("https://a.example"),
                "resource_metadata",
            ),
            (config().clock_tolerance(Duration::from_secs(7200)), "clock_tolerance"),
            (config().internal_endpoint("http://logto:3001"), "internal_endpoint"),
            (config().introspection(Introspection::new(" ", "secret")), "introspection"),
            (config().introspection(Introspection::new("app", "")), "introspection"),
            (config().introspection(asking().lifetime(Duration::from_secs(601))), "introspection"),
        ] {
            let error = AccessTokenVerifier::new(config).map(|_| field).unwrap_err();
            assert!(error.to_string().contains(&format!("`{field}`")), "{field}: {error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = ApiConfig::new("https://a").introspection(Introspection::new("b", "canary"));
        assert!(!format!("{config:?}").contains("canary"));
    }
}
