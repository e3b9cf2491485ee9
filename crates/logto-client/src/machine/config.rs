//! The configuration of a machine-to-machine application.

use crate::{
    LogtoError, Secret,
    connection::{ConnectionConfig, connection_setters},
};
use std::time::Duration;

/// What a machine must know: the endpoint, and the id and secret of a machine-to-machine application.
///
/// Nothing is checked here; [`MachineClient::new`](crate::MachineClient::new) checks every value once and
/// names the field that is wrong.
///
/// ```
/// use logto_client::{MachineClient, MachineConfig};
///
/// let config = MachineConfig::new("https://tenant.logto.app", "app-id", "app-secret");
/// let machine = MachineClient::new(config)?;
/// # Ok::<(), logto_client::LogtoError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing before it is given to MachineClient::new"]
pub struct MachineConfig {
    pub(super) connection: ConnectionConfig,
    pub(super) app_id: String,
    pub(super) app_secret: Secret,
    pub(super) management_api: Option<String>,
}

impl MachineConfig {
    /// For the Logto at this endpoint (a tenant or self-hosted, a path is kept) and this application.
    pub fn new(
        endpoint: impl Into<String>,
        app_id: impl Into<String>,
        app_secret: impl Into<String>,
    ) -> Self {
        Self {
            connection: ConnectionConfig::new(endpoint, Duration::ZERO),
            app_id: app_id.into(),
            app_secret: Secret::new(app_secret),
            management_api: None,
        }
    }

    /// From the environment: `LOGTO_ENDPOINT`, `LOGTO_M2M_APP_ID`, `LOGTO_M2M_APP_SECRET`, and where it is
    /// set `LOGTO_MANAGEMENT_API` (see [`management_api`](Self::management_api)).
    ///
    /// ```no_run
    /// use logto_client::{MachineClient, MachineConfig};
    ///
    /// let machine = MachineClient::new(MachineConfig::from_env()?)?;
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
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
        let mut config = Self::new(
            required("LOGTO_ENDPOINT")?,
            required("LOGTO_M2M_APP_ID")?,
            required("LOGTO_M2M_APP_SECRET")?,
        );
        config.management_api = variable("LOGTO_MANAGEMENT_API");
        Ok(config)
    }

    /// The indicator of the Management API, where the endpoint does not tell it: that of a tenant of Logto
    /// Cloud that is reached by a domain of one's own is `https://<tenant id>.logto.app/api`.
    ///
    /// By default it is `https://<tenant id>.logto.app/api` for an endpoint `https://<tenant id>.logto.app`,
    /// and `https://default.logto.app/api` for any other, as self-hosted servers name it whatever their domain is.
    ///
    /// ```
    /// use logto_client::MachineConfig;
    ///
    /// let config = MachineConfig::new("https://auth.example.com", "app-id", "app-secret")
    ///     .management_api("https://a1b2c3.logto.app/api");
    /// ```
    ///
    /// Source: <https://docs.logto.io/integrate-logto/interact-with-management-api>.
    pub fn management_api(mut self, indicator: impl Into<String>) -> Self {
        self.management_api = Some(indicator.into());
        self
    }

    connection_setters!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_gives_a_configuration_or_the_name_of_what_is_missing() {
        let variables = |missing: &'static str| {
            MachineConfig::from_variables(move |name| (name != missing).then(|| format!("value of {name}")))
        };
        let config = variables("nothing").unwrap();
        assert_eq!(config.connection.endpoint, "value of LOGTO_ENDPOINT");
        assert_eq!(config.app_id, "value of LOGTO_M2M_APP_ID");
        assert_eq!(config.app_secret.expose(), "value of LOGTO_M2M_APP_SECRET");
        assert_eq!(config.management_api.as_deref(), Some("value of LOGTO_MANAGEMENT_API"));
        assert_eq!(variables("LOGTO_MANAGEMENT_API").unwrap().management_api, None);
        for name in ["LOGTO_ENDPOINT", "LOGTO_M2M_APP_ID", "LOGTO_M2M_APP_SECRET"] {
            assert!(variables(name).unwrap_err().to_string().contains(name));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = MachineConfig::new("https://a", "b", "canary").proxy("http://u:canary@proxy");
        assert!(!format!("{config:?}").contains("canary"));
    }
}
