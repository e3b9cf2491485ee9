//! Tokens that an application asks for in its own name, without a person.

mod config;
mod tokens;
mod told;

pub use config::MachineConfig;

use crate::{
    AccessToken, ErrorKind, LogtoClient, LogtoError, Secret, TokenTarget,
    access_token::may_pass,
    connection::{Connection, wrong},
    oidc::token::{client_authentication, client_credentials_form},
    provider::Provider,
    tokens::StoredToken,
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokens::{Answer, Call, Found, Outcome, Tokens};
use tokio_util::task::TaskTracker;
use url::Url;

/// Who holds a token that is still good waits no longer than this for a newer one.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);
/// The Management API, as a self-hosted server names it whatever its domain is.
const SELF_HOSTED_MANAGEMENT_API: &str = "https://default.logto.app/api";
/// Where tenants of Logto Cloud are.
const CLOUD: &str = ".logto.app";

/// A machine-to-machine application: asks for access tokens with its own credentials, and keeps them. Cheap
/// to clone; all clones share the tokens.
///
/// ```
/// use logto_client::{LogtoError, MachineClient, TokenTarget};
///
/// async fn call_an_api(machine: &MachineClient) -> Result<(), LogtoError> {
///     let orders = TokenTarget::resource("https://api.example.com").scopes(["read:orders"]);
///     let _globally = machine.access_token(orders.clone()).await?;
///     let _within_an_organization = machine.access_token(orders.in_organization("acme")).await?;
///     let _of_logto_itself = machine.access_token(machine.management_api()).await?;
///     Ok(())
/// }
/// ```
///
/// Logto gives a machine only scopes that are asked for **and** that one of its roles has: without
/// [`scopes`](TokenTarget::scopes) a token has none.
///
/// It starts without the provider: nothing is fetched before it is needed. It runs on tokio.
///
/// Source: RFC 6749 §4.4, RFC 8707, <https://docs.logto.io/quick-starts/m2m>.
#[derive(Clone)]
pub struct MachineClient(Arc<Inner>);

struct Inner {
    app_id: String,
    app_secret: Secret,
    management_api: String,
    connection: Arc<Connection>,
    provider: Provider,
    tokens: Mutex<Tokens>,
    tasks: TaskTracker,
}

impl MachineClient {
    /// Checks the configuration and makes the client. Asks the provider for nothing yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` names the field that is wrong.
    pub fn new(config: MachineConfig) -> Result<Self, LogtoError> {
        let connection = Arc::new(Connection::new(config.connection)?);
        let provider = Provider::new(Arc::clone(&connection));
        let application = (config.app_id, config.app_secret);
        Self::over(connection, provider, TaskTracker::new(), application, config.management_api)
    }

    fn over(
        connection: Arc<Connection>,
        provider: Provider,
        tasks: TaskTracker,
        (app_id, app_secret): (String, Secret),
        management_api: Option<String>,
    ) -> Result<Self, LogtoError> {
        if app_id.trim().is_empty() || app_id.chars().any(char::is_control) {
            return Err(wrong("app_id", "is empty: copy it from the application's page in Logto's console"));
        }
        if app_secret.expose().trim().is_empty() {
            return Err(wrong("app_secret", "is empty: a machine-to-machine application has one"));
        }
        let management_api = management_api.unwrap_or_else(|| management_api_of(&connection.endpoint));
        if Url::parse(&management_api).map_or(true, |url| url.fragment().is_some()) {
            return Err(wrong("management_api", "is no indicator such as https://default.logto.app/api"));
        }
        let tokens = Mutex::new(Tokens::default());
        let inner = Inner { app_id, app_secret, management_api, connection, provider, tokens, tasks };
        Ok(Self(Arc::new(inner)))
    }

    /// A token for an API resource, for an organization, or for a resource within an organization: the one
    /// that is held while it is good for another 60 s, else a new one.
    ///
    /// All who need the same token at once share one request, which nobody's leaving ends. While the provider
    /// is away the token that is held is served until it expires, and nobody waits longer than 2 s for a newer
    /// one. After a failure the next request for the same is made after 0.5 s, doubling to 4 s.
    /// [`TokenTarget::forced`] asks for a new token in any case.
    ///
    /// ```
    /// # use logto_client::{LogtoError, MachineClient, TokenTarget};
    /// # async fn orders(machine: &MachineClient) -> Result<(), LogtoError> {
    /// let target = TokenTarget::resource("https://api.example.com").scopes(["read:orders"]);
    /// let token = machine.access_token(target).await?;
    /// let header = format!("Bearer {}", token.expose());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `InsufficientScope` where a scope that was asked for is not granted: the message names it and says
    /// where to grant it; `Forbidden` where the application is not in the organization; `InvalidTarget` where
    /// the resource is unknown, or neither a resource nor an organization is named; `Misconfigured` where id
    /// or secret is wrong or the application is no machine-to-machine application; `Unavailable` and
    /// `RateLimited` where the same call may succeed later, see [`LogtoError::retry_after`];
    /// `ProviderMisbehaved` where the answer is refused.
    pub async fn access_token(&self, target: impl Into<TokenTarget>) -> Result<AccessToken, LogtoError> {
        let target = target.into();
        if target.resource_indicator().is_none() && target.organization_id().is_none() {
            return Err(LogtoError::new(
                ErrorKind::InvalidTarget,
                "a machine has no user info: ask for a resource, an organization or both",
            )
            .with_code("invalid_target"));
        }
        let found = self.tokens().find(self.now(), &target);
        match found {
            Found::Fresh(token) => Ok(AccessToken(token)),
            Found::Paused(error, held) => self.served(Err(error), held),
            Found::Awaited { answer, call, held } => {
                if let Some(call) = call {
                    self.start(target, call);
                }
                let outcome = match &held {
                    Some(_) => tokio::time::timeout(SHORT_PATIENCE, wait(answer)).await,
                    None => Ok(wait(answer).await),
                };
                self.served(outcome.unwrap_or_else(|_| Err(slow())), held)
            }
        }
    }

    /// The Management API of this Logto, with the scope `all`. A machine gets it by a role with the permission
    /// `all` of the Logto Management API.
    ///
    /// ```
    /// use logto_client::{MachineClient, MachineConfig};
    ///
    /// let config = MachineConfig::new("https://auth.example.com", "app-id", "app-secret");
    /// let machine = MachineClient::new(config)?;
    /// assert_eq!(format!("{:?}", machine.management_api()), "TokenTarget(all@https://default.logto.app/api)");
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    ///
    /// Source: <https://docs.logto.io/integrate-logto/interact-with-management-api>.
    pub fn management_api(&self) -> TokenTarget {
        TokenTarget::resource(&self.0.management_api).scopes(["all"])
    }

    /// Where this process reaches the Management API: the endpoint followed by `/api`, which is not its
    /// indicator. With a slash at its end, so that `join` adds to it.
    ///
    /// ```
    /// use logto_client::{MachineClient, MachineConfig};
    ///
    /// let config = MachineConfig::new("https://auth.example.com", "app-id", "app-secret");
    /// let users = MachineClient::new(config)?.management_api_url().join("users").unwrap();
    /// assert_eq!(users.as_str(), "https://auth.example.com/api/users");
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    #[must_use]
    pub fn management_api_url(&self) -> Url {
        let endpoint = self.0.connection.endpoint.clone();
        self.0.connection.internal(endpoint.join("api/").unwrap_or(endpoint))
    }

    /// Forgets all tokens and failures: each token is asked for anew.
    pub fn clear(&self) {
        self.tokens().clear();
    }

    /// Waits until calls under way have ended. Call it after the server has stopped; a machine of
    /// [`LogtoClient::machine`] is waited for by [`LogtoClient::shutdown`] too.
    pub async fn shutdown(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// In a task of its own, which the leaving of those who wait does not end.
    fn start(&self, target: TokenTarget, call: Call) {
        let flight = Flight { machine: self.clone(), target, call: Some(call) };
        self.0.tasks.spawn(async move {
            let outcome = flight.machine.call(&flight.target).await;
            flight.land(outcome);
        });
    }

    async fn call(&self, target: &TokenTarget) -> Outcome {
        let scope = target.scope();
        let form = client_credentials_form(target, scope.as_deref());
        let sent_at = self.now();
        let provider = &self.0.provider;
        let answer = provider
            .token_without_keys(&form, self.authentication())
            .await
            .map_err(|error| told::refused(error, &self.0.app_id, target, &self.0.management_api))?;
        let token = answer.stored(sent_at);
        let granted: Vec<_> = token.scope.split_whitespace().collect();
        let asked = scope.as_deref().unwrap_or_default().split_whitespace();
        let missing: Vec<_> = asked.filter(|scope| !granted.contains(scope)).collect();
        if missing.is_empty() { Ok(token) } else { Err(told::lacking(&missing, &self.0.app_id, target)) }
    }

    /// The outcome, or the token that is held where a later try may succeed.
    fn served(&self, outcome: Outcome, held: Option<StoredToken>) -> Result<AccessToken, LogtoError> {
        let held = held.filter(|held| self.now().as_secs() < held.expires_at);
        match (outcome, held) {
            (Err(error), Some(held)) if may_pass(&error) => {
                tracing::warn!(%error, kind = ?error.kind(), "a machine's token near its end is served");
                Ok(AccessToken(held))
            }
            (outcome, _) => outcome.map(AccessToken),
        }
    }

    pub(crate) fn app_id(&self) -> &str {
        &self.0.app_id
    }

    pub(crate) fn authentication(&self) -> Option<Secret> {
        client_authentication(&self.0.app_id, Some(&self.0.app_secret))
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.0.provider
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.connection.now()
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogtoClient {
    /// A machine-to-machine application beside this one, at the same Logto: it shares metadata, connections
    /// and clock. Keep it as long as this client, for it holds the tokens. Where the Management API has an
    /// indicator that the endpoint does not tell, use [`MachineClient::new`] instead.
    ///
    /// ```
    /// use logto_client::{LogtoClient, LogtoConfig};
    ///
    /// let client = LogtoClient::new(LogtoConfig::new("https://tenant.logto.app", "app-id"))?;
    /// let machine = client.machine("machine-id", "machine-secret")?;
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where id or secret is empty.
    pub fn machine(
        &self,
        app_id: impl Into<String>,
        app_secret: impl Into<String>,
    ) -> Result<MachineClient, LogtoError> {
        let (connection, provider) = (Arc::clone(&self.0.settings.connection), self.0.provider.clone());
        let application = (app_id.into(), Secret::new(app_secret));
        MachineClient::over(connection, provider, self.0.tasks.clone(), application, None)
    }
}

impl fmt::Debug for MachineClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineClient")
            .field("issuer", &self.0.connection.issuer)
            .field("app_id", &self.0.app_id)
            .finish_non_exhaustive()
    }
}

/// A call under way. Whatever becomes of its task, those who wait hear of it.
struct Flight {
    machine: MachineClient,
    target: TokenTarget,
    call: Option<Call>,
}

impl Flight {
    fn land(mut self, outcome: Outcome) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Outcome) {
        if let Some(call) = self.call.take() {
            self.machine.tokens().land(self.machine.now(), &self.target, call.number, &outcome);
            call.told.send_replace(Some(outcome));
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.tell(Err(interrupted()));
    }
}

async fn wait(mut answer: Answer) -> Outcome {
    let outcome = answer.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
    outcome.unwrap_or_else(|| Err(interrupted()))
}

/// The process ends, or the task that made the call.
fn interrupted() -> LogtoError {
    LogtoError::new(ErrorKind::Unavailable, "the request for a token was interrupted: try again")
}

fn slow() -> LogtoError {
    LogtoError::new(ErrorKind::Unavailable, "the provider takes long to answer: try later")
}

/// The indicator of the Management API of the Logto at this endpoint.
fn management_api_of(endpoint: &Url) -> String {
    let tenant = endpoint.host_str().and_then(|host| host.strip_suffix(CLOUD)?.split('.').next());
    match tenant.filter(|tenant| !tenant.is_empty()) {
        Some(tenant) => format!("https://{tenant}{CLOUD}/api"),
        None => SELF_HOSTED_MANAGEMENT_API.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_management_api_has_the_indicator_of_the_tenant_or_that_of_all_self_hosted_servers() {
        for (endpoint, indicator) in [
            ("https://a1b2c3.logto.app", "https://a1b2c3.logto.app/api"),
            ("https://a1b2c3.logto.app/", "https://a1b2c3.logto.app/api"),
            ("https://auth.example.com", SELF_HOSTED_MANAGEMENT_API),
            ("https://evillogto.app", SELF_HOSTED_MANAGEMENT_API),
            ("https://logto.app", SELF_HOSTED_MANAGEMENT_API),
            ("http://localhost:3001", SELF_HOSTED_MANAGEMENT_API),
            ("http://127.0.0.1:3001", SELF_HOSTED_MANAGEMENT_API),
        ] {
            let machine = MachineClient::new(MachineConfig::new(endpoint, "app", "secret")).unwrap();
            assert_eq!(machine.management_api().resource_indicator(), Some(indicator), "{endpoint}");
            assert_eq!(machine.management_api().scope().as_deref(), Some("all"));
        }
        let config = MachineConfig::new("https://auth.example.com/t", "app", "secret")
            .internal_endpoint("https://inside.example.com/x")
            .management_api("https://a1b2c3.logto.app/api");
        let machine = MachineClient::new(config).unwrap();
        assert_eq!(machine.management_api().resource_indicator(), Some("https://a1b2c3.logto.app/api"));
        assert_eq!(machine.management_api_url().as_str(), "https://inside.example.com/x/api/");
    }

    #[test]
    fn a_wrong_value_is_an_error_that_names_the_field() {
        let config = |endpoint, id, secret| MachineConfig::new(endpoint, id, secret);
        let good = || config("https://example.com", "app", "secret");
        for (config, field) in [
            (config("example.com", "app", "secret"), "endpoint"),
            (config("http://example.com", "app", "secret"), "endpoint"),
            (config("https://example.com", " ", "secret"), "app_id"),
            (config("https://example.com", "a\nb", "secret"), "app_id"),
            (config("https://example.com", "app", ""), "app_secret"),
            (good().management_api("default"), "management_api"),
            (good().internal_endpoint("http://logto:3001"), "internal_endpoint"),
            (good().proxy("::"), "proxy"),
        ] {
            let error = MachineClient::new(config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(error.to_string().contains(&format!("`{field}`")), "{field}: {error}");
        }
    }
}
