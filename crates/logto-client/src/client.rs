//! The client: one per application.

use crate::{
    LogtoConfig, LogtoError, LogtoSession, StorageMode,
    exchange::Exchanges,
    memory::Memory,
    pending::{self, Pending},
    provider::Provider,
    refresh::Refreshes,
    return_to,
    settings::Settings,
};
use logto_storage_core::Storage;
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use tokio_util::task::TaskTracker;
use url::Url;

/// So many sign-ins are remembered beside the visitors' storages.
const MOST_REMEMBERED: usize = 10_000;

/// Signs people in at one Logto for one application. Cheap to clone; all clones share their caches.
///
/// It starts without the provider: nothing is fetched before it is needed.
#[derive(Clone)]
pub struct LogtoClient(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Arc<Settings>,
    pub(crate) provider: Provider,
    pub(crate) exchanges: Exchanges,
    pub(crate) refreshes: Refreshes,
    /// Sign-ins by the hash of state and visitor: two that start at once in one session both come back.
    pub(crate) started: Mutex<Memory<Pending>>,
    pub(crate) tasks: TaskTracker,
}

/// A route of the bindings, by its last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Route {
    /// Starts a sign-in.
    SignIn,
    /// Starts a sign-in at the registration screen.
    SignUp,
    /// Where Logto sends the person back to after a sign-in.
    SignInCallback,
    /// Starts a sign-out.
    SignOut,
    /// Where Logto sends the person back to after a sign-out.
    SignedOut,
    /// Where Logto itself tells that a session has ended.
    BackChannelLogout,
}

impl Route {
    /// The last segment of the route's path.
    #[must_use]
    pub fn segment(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignUp => "sign-up",
            Self::SignInCallback => "sign-in-callback",
            Self::SignOut => "sign-out",
            Self::SignedOut => "signed-out",
            Self::BackChannelLogout => "back-channel-logout",
        }
    }
}

impl LogtoClient {
    /// Checks the configuration and makes the client. Asks the provider for nothing yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` names the field that is wrong.
    pub fn new(config: LogtoConfig) -> Result<Self, LogtoError> {
        let settings = Arc::new(Settings::new(config)?);
        Ok(Self(Arc::new(Inner {
            provider: Provider::new(Arc::clone(&settings.connection)),
            settings,
            exchanges: Exchanges::default(),
            refreshes: Refreshes::default(),
            started: Mutex::new(Memory::new(pending::LIFETIME, MOST_REMEMBERED)),
            tasks: TaskTracker::new(),
        })))
    }

    /// The operations of one visitor, over their storage.
    pub fn session<S: Storage>(&self, storage: S) -> LogtoSession<S> {
        LogtoSession::new(self.clone(), storage)
    }

    /// Where the bindings keep a visitor's items.
    #[must_use]
    pub fn storage_mode(&self) -> StorageMode {
        self.0.settings.storage_mode()
    }

    /// Where people reach the application, as configured.
    #[must_use]
    pub fn base_url(&self) -> Option<&Url> {
        self.0.settings.base_url.as_ref()
    }

    /// The issuer: the endpoint followed by `/oidc`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.settings.connection.issuer
    }

    /// The path of a route, seen from outside, for example `/logto/sign-in`.
    #[must_use]
    pub fn route_path(&self, route: Route) -> String {
        self.0.settings.route_path(route)
    }

    /// The whole address of a route.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where no base URL is configured.
    pub fn route_url(&self, route: Route) -> Result<Url, LogtoError> {
        self.0.settings.route_url(route)
    }

    /// A place within the application that came from outside, checked: path, query and fragment on our
    /// own origin, `None` for everything that leads or could lead elsewhere.
    ///
    /// ```
    /// # use logto_client::{LogtoClient, LogtoConfig};
    /// let config = LogtoConfig::new("https://t.logto.app", "app").base_url("https://app.example.com");
    /// let client = LogtoClient::new(config)?;
    /// assert_eq!(client.return_to("/orders?id=7").as_deref(), Some("/orders?id=7"));
    /// assert_eq!(client.return_to("https://app.example.com/orders").as_deref(), Some("/orders"));
    /// assert_eq!(client.return_to("//evil.example"), None);
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    #[must_use]
    pub fn return_to(&self, raw: &str) -> Option<String> {
        return_to::on_origin(raw, self.base_url()?)
    }

    /// Waits until exchanges, refreshes and revocations under way have ended. Call it after the server has stopped.
    pub async fn shutdown(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl fmt::Debug for LogtoClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogtoClient")
            .field("issuer", &self.issuer())
            .field("app_id", &self.0.settings.app_id)
            .finish_non_exhaustive()
    }
}
