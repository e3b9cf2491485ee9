//! Configuration as the application gives it.

use crate::{
    LogtoError, Prompt, Secret,
    connection::{ConnectionConfig, connection_setters},
};
use logto_storage_core::TokenStore;
use std::{sync::Arc, time::Duration};

/// What the client must know: endpoint and application, and options with the defaults of Logto's SDKs.
///
/// Nothing is checked here; [`LogtoClient::new`](crate::LogtoClient::new) checks every value once and
/// names the field that is wrong.
///
/// ```
/// use logto_client::{LogtoClient, LogtoConfig, scope};
///
/// let config = LogtoConfig::new("https://tenant.logto.app", "app-id")
///     .app_secret("app-secret")
///     .base_url("https://app.example.com")
///     .scopes([scope::EMAIL]);
/// let client = LogtoClient::new(config)?;
/// # Ok::<(), logto_client::LogtoError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing before it is given to LogtoClient::new"]
pub struct LogtoConfig {
    pub(crate) connection: ConnectionConfig,
    pub(crate) app_id: String,
    pub(crate) app_secret: Option<Secret>,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) prompt: Vec<Prompt>,
    pub(crate) include_reserved_scopes: bool,
    pub(crate) base_url: Option<String>,
    pub(crate) route_prefix: String,
    pub(crate) cookie_session: bool,
    pub(crate) token_store: Option<Arc<dyn TokenStore>>,
    pub(crate) sign_in_lifetime: Duration,
    pub(crate) sign_in_absolute_lifetime: Option<Duration>,
    pub(crate) strict_logout_tokens: bool,
}

/// Where the bindings keep a visitor's items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageMode {
    /// In the framework's session, which lives on the server.
    #[default]
    Session,
    /// In the framework's session, which lives in a cookie: what does not fit is an error at the write.
    CookieSession,
    /// In a token store that all processes share; the framework's session holds a ticket only.
    Tickets,
}

impl LogtoConfig {
    /// For the Logto at this endpoint (a tenant or self-hosted, a path is kept) and this application.
    pub fn new(endpoint: impl Into<String>, app_id: impl Into<String>) -> Self {
        Self {
            connection: ConnectionConfig::new(endpoint, Duration::from_secs(300)),
            app_id: app_id.into(),
            app_secret: None,
            scopes: Vec::new(),
            resources: Vec::new(),
            prompt: vec![Prompt::Consent],
            include_reserved_scopes: true,
            base_url: None,
            route_prefix: "/logto".to_owned(),
            cookie_session: false,
            token_store: None,
            sign_in_lifetime: Duration::from_secs(14 * 86_400),
            sign_in_absolute_lifetime: None,
            strict_logout_tokens: false,
        }
    }

    /// From the environment: `LOGTO_ENDPOINT`, `LOGTO_APP_ID`, and where they are set `LOGTO_APP_SECRET`,
    /// `LOGTO_BASE_URL`, `LOGTO_SCOPES` and `LOGTO_RESOURCES` (separated by spaces).
    ///
    /// # Errors
    ///
    /// `Misconfigured` names the variable that is missing.
    pub fn from_env() -> Result<Self, LogtoError> {
        Self::from_variables(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
    }

    fn from_variables(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, LogtoError> {
        let required = |name: &'static str| {
            variable(name).ok_or_else(|| {
                LogtoError::misconfigured(format!("the environment variable {name} is not set"))
            })
        };
        let list = |name| -> Vec<String> {
            variable(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        let mut config = Self::new(required("LOGTO_ENDPOINT")?, required("LOGTO_APP_ID")?)
            .scopes(list("LOGTO_SCOPES"))
            .resources(list("LOGTO_RESOURCES"));
        config.app_secret = variable("LOGTO_APP_SECRET").map(Secret::new);
        config.base_url = variable("LOGTO_BASE_URL");
        Ok(config)
    }

    /// The application's secret. Without one the application is a public client.
    pub fn app_secret(mut self, secret: impl Into<String>) -> Self {
        self.app_secret = Some(Secret::new(secret));
        self
    }

    /// Scopes to ask for beside the reserved ones, see [`scope`](crate::scope).
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// API resource indicators that tokens may be asked for.
    pub fn resources<T: Into<String>>(mut self, resources: impl IntoIterator<Item = T>) -> Self {
        self.resources = resources.into_iter().map(Into::into).collect();
        self
    }

    /// The prompts of a sign-in; default `consent`, without which default applications get no refresh token.
    pub fn prompt(mut self, prompt: impl IntoIterator<Item = Prompt>) -> Self {
        self.prompt = prompt.into_iter().collect();
        self
    }

    /// Whether `openid offline_access profile` are asked for by themselves; default `true`.
    pub fn include_reserved_scopes(mut self, include: bool) -> Self {
        self.include_reserved_scopes = include;
        self
    }

    /// Where people reach the application: scheme, host and port, without a path. The routes of the
    /// bindings need it; it never comes from a request's headers.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// The path under which the application mounts the sign-in routes, seen from outside; default `/logto`.
    pub fn route_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.route_prefix = prefix.into();
        self
    }

    /// How far the clocks of provider and application may differ; default 300 s, at most one hour.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.connection.clock_tolerance = tolerance;
        self
    }

    /// Declares that the framework's session lives in a cookie: tokens that do not fit are an error.
    pub fn cookie_session(mut self) -> Self {
        self.cookie_session = true;
        self
    }

    /// Keeps tokens in this store, which all processes of the application share; the framework's session
    /// holds a ticket of 45 characters only.
    ///
    /// ```
    /// use logto_client::{LogtoConfig, MemoryTokenStore};
    /// use std::sync::Arc;
    ///
    /// let config = LogtoConfig::new("https://tenant.logto.app", "app-id")
    ///     .token_store(Arc::new(MemoryTokenStore::new()));
    /// ```
    pub fn token_store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.token_store = Some(store);
        self
    }

    /// How long a sign-in in the token store lives after its last use; default 14 days, the life of a
    /// refresh token at Logto. A use prolongs it once half of that is over. Sessions of the framework have
    /// their own.
    pub fn sign_in_lifetime(mut self, lifetime: Duration) -> Self {
        self.sign_in_lifetime = lifetime;
        self
    }

    /// How long a sign-in lives however much it is used, wherever it is kept; by default there is no such
    /// end. At it the tokens are dropped and revoked. A sign-in from before this was set ends too.
    ///
    /// Logto asks for a password again where the sign-in says so, by
    /// [`prompt`](Self::prompt)`([Prompt::Login, Prompt::Consent])`; else its own session decides.
    pub fn sign_in_absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.sign_in_absolute_lifetime = Some(lifetime);
        self
    }

    /// Refuses logout tokens whose header does not say `typ: logout+jwt`. Logto's say it.
    pub fn strict_logout_tokens(mut self) -> Self {
        self.strict_logout_tokens = true;
        self
    }

    connection_setters!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_gives_a_configuration_or_the_name_of_what_is_missing() {
        let config = LogtoConfig::from_variables(|name| match name {
            "LOGTO_ENDPOINT" => Some("https://tenant.logto.app".to_owned()),
            "LOGTO_APP_ID" => Some("app".to_owned()),
            "LOGTO_SCOPES" => Some(" email  phone ".to_owned()),
            _ => None,
        })
        .unwrap();
        assert_eq!(config.scopes, ["email", "phone"]);
        let error = LogtoConfig::from_variables(|_| None).unwrap_err();
        assert!(error.to_string().contains("LOGTO_ENDPOINT"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = LogtoConfig::new("https://a", "b").app_secret("canary").proxy("http://u:canary@proxy");
        assert!(!format!("{config:?}").contains("canary"));
    }
}
