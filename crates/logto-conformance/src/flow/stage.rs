//! The stage of a case: the local Logto, the application under test, a browser.

use super::{Browser, Page};
use crate::servers::listener;
use logto_client::{LogtoClient, LogtoConfig, ManualClock, TokenStore};
use logto_emulator::{Emulator, Endpoint, SigningKey};
use std::{future::Future, net::TcpListener, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use url::Url;

/// An application over a binding, as the suite needs it; with the route of back-channel logout where the
/// client keeps tokens in a token store.
///
/// Beside the binding's routes it serves `/` (the person's `sub`, or `nobody`), `/protected` (the `sub`,
/// sign-in needed), `/user-info` (JSON, sign-in needed), `/note?text=…` (keeps a text of its own in the
/// session), `/note` (the text, or `none`), `/access-token?resource=…` (the token's claims, JSON),
/// `/refresh-then-500?resource=…` (asks for the token, then answers 500), and `/slow-note?text=…` (reads the
/// note, fetches the provider's keys as any slow server of its own, then writes the note).
pub trait Application {
    /// Serves until the returned guard is dropped. `client` is configured and `listener` is bound.
    fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> impl Future<Output = Box<dyn Send>>;

    /// Where tokens are kept; by default in the session.
    fn token_store() -> Option<Arc<dyn TokenStore>> {
        None
    }
}

/// The API resources that are configured.
pub const RESOURCES: [&str; 8] = [
    "https://api0.example.test",
    "https://api1.example.test",
    "https://api2.example.test",
    "https://api3.example.test",
    "https://api4.example.test",
    "https://api5.example.test",
    "https://api6.example.test",
    "https://api7.example.test",
];

/// What of the application differs from case to case.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The sign-in hook refuses everybody with this text.
    pub refuse: Option<String>,
    /// The session is kept at sign-out, but for Logto's items.
    pub keep_session: bool,
    /// The session's cookie is `__Host-id`, with `Secure`, instead of one that plain HTTP may have.
    pub host_cookie: bool,
}

/// What of the provider and of the client's configuration differs from suite to suite.
pub(crate) struct Setting {
    pub(crate) signing_key: SigningKey,
    pub(crate) scopes: &'static [&'static str],
    pub(crate) token_store: Option<Arc<dyn TokenStore>>,
}

/// Everything a case plays with.
pub struct Stage {
    /// The provider.
    pub emulator: Emulator,
    /// The visitor.
    pub browser: Browser,
    /// The application's client.
    pub client: LogtoClient,
    /// The client's time.
    pub clock: ManualClock,
    base: Url,
    _application: Box<dyn Send>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Stage {
    /// A stage with this plan.
    ///
    /// # Panics
    ///
    /// Where something cannot be started.
    pub async fn set<A: Application>(plan: Plan) -> Self {
        let scopes = &["email", "custom_data"];
        let setting = Setting { signing_key: SigningKey::default(), scopes, token_store: A::token_store() };
        Self::with::<A>(plan, setting).await
    }

    /// A stage with this plan and setting.
    pub(crate) async fn with<A: Application>(plan: Plan, setting: Setting) -> Self {
        let (listener, address) = listener();
        let base = Url::parse(&format!("http://localhost:{}", address.port())).expect("an address");
        let mut application = logto_emulator::Application::new("local-app").secret("local-secret");
        if setting.token_store.is_some() {
            let uri = base.join("/logto/back-channel-logout").expect("an address");
            application = application.back_channel_logout_uri(uri.as_str().replace("localhost", "127.0.0.1"));
        }
        let emulator = Emulator::builder().application(application).signing_key(setting.signing_key);
        let emulator = emulator.start().await.expect("the local Logto starts");
        let clock = ManualClock::start_now();
        let config = LogtoConfig::new(emulator.endpoint(), "local-app")
            .app_secret("local-secret")
            .base_url(base.as_str())
            .scopes(setting.scopes.iter().copied())
            .resources(RESOURCES)
            .clock(Arc::new(clock.clone()));
        let config = match setting.token_store {
            Some(store) => config.token_store(store),
            None => config,
        };
        let client = LogtoClient::new(config).expect("a client");
        let application = A::serve(listener, client.clone(), plan).await;
        Self { emulator, browser: Browser::new(), client, clock, base, _application: application }
    }

    /// A stage without particulars.
    pub async fn plain<A: Application>() -> Self {
        Self::set::<A>(Plan::default()).await
    }

    /// The address of a path of the application.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        self.base.join(path).expect("a path").into()
    }

    /// Goes to a path of the application.
    pub async fn get(&self, path: &str) -> Page {
        self.browser.get(self.at(path)).await
    }

    /// Goes to an address in a tab of its own, and returns when the provider has been asked at this endpoint
    /// and answers nothing yet: [`Emulator::release`] lets it.
    pub async fn until_held(&self, endpoint: Endpoint, url: impl Into<String>) -> JoinHandle<Page> {
        let (browser, url, before) = (self.browser.clone(), url.into(), self.emulator.count(endpoint));
        self.emulator.hold(endpoint);
        let tab = tokio::spawn(async move { browser.get(url).await });
        while self.emulator.count(endpoint) == before {
            assert!(!tab.is_finished(), "answered without the provider");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tab
    }

    /// Starts a sign-in; the authorization address.
    pub async fn start(&self) -> Url {
        self.get("/logto/sign-in").await.location()
    }

    /// What the person does at the provider; the callback's address.
    ///
    /// # Panics
    ///
    /// Where the provider refuses.
    #[must_use]
    pub fn approve(&self, authorization: &Url, username: &str) -> String {
        self.emulator.approve(authorization.as_str(), username).expect("the provider lets the person in")
    }

    /// A whole sign-in; the answer to the callback.
    pub async fn sign_in(&self, username: &str) -> Page {
        let authorization = self.start().await;
        let callback = self.approve(&authorization, username);
        self.browser.get(callback).await
    }

    /// The `sub` of who is signed in, or `nobody`.
    pub async fn who(&self) -> String {
        self.get("/").await.body
    }

    /// A sign-out as by the form of the application's own page.
    pub async fn sign_out(&self) -> Page {
        let headers = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
        self.browser.request(reqwest::Method::POST, self.at("/logto/sign-out"), &headers).await
    }
}
