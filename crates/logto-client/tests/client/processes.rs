//! Two processes of one application: two clients over one token store, and requests with sessions of
//! their own, as frameworks have them.

use crate::stage::config;
use logto_client::{
    LogtoClient, LogtoConfig, LogtoError, LogtoSession, ManualClock, MemoryTokenStore, SignInOptions,
    TokenTarget, VisitorStorage,
};
use logto_emulator::{Emulator, Endpoint, Rotation};
use logto_storage_core::{
    MemoryStorage, Storage, TokenStore, keys,
    token_store::{Realm, RecordKey},
};
use std::{sync::Arc, time::Duration};

pub(crate) const APIS: [&str; 8] = [
    "https://api0.example.test",
    "https://api1.example.test",
    "https://api2.example.test",
    "https://api3.example.test",
    "https://api4.example.test",
    "https://api5.example.test",
    "https://api6.example.test",
    "https://api7.example.test",
];

pub(crate) type Visitor = LogtoSession<VisitorStorage<MemoryStorage>>;

pub(crate) struct Processes {
    pub(crate) emulator: Emulator,
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<dyn TokenStore>,
    pub(crate) realm: Realm,
    config: LogtoConfig,
    pub(crate) clients: [LogtoClient; 2],
}

impl Processes {
    /// At a provider that replaces each refresh token and takes none twice.
    pub(crate) async fn start() -> Self {
        Self::at(Emulator::start().await.unwrap())
    }

    pub(crate) async fn over(store: Arc<dyn TokenStore>, clock: ManualClock) -> Self {
        Self::with(Emulator::start().await.unwrap(), store, clock)
    }

    /// At this provider.
    pub(crate) fn at(emulator: Emulator) -> Self {
        let clock = ManualClock::start_now();
        let store = MemoryTokenStore::new().with_clock(Arc::new(clock.clone()));
        Self::with(emulator, Arc::new(store), clock)
    }

    fn with(emulator: Emulator, store: Arc<dyn TokenStore>, clock: ManualClock) -> Self {
        emulator.set_rotation(Rotation::Always);
        emulator.set_reuse_interval(Duration::ZERO);
        let config = config(&emulator.endpoint())
            .resources(APIS)
            .clock(Arc::new(clock.clone()))
            .token_store(Arc::clone(&store));
        let client = || LogtoClient::new(config.clone()).unwrap();
        let clients = [client(), client()];
        let realm = Realm::new(clients[0].issuer(), "local-app");
        Self { emulator, clock, store, realm, config, clients }
    }

    /// One more process.
    pub(crate) fn another(&self) -> LogtoClient {
        LogtoClient::new(self.config.clone()).unwrap()
    }

    /// A request of this browser at one of the processes: it has loaded the session.
    pub(crate) async fn request(&self, process: usize, browser: &Browser) -> (MemoryStorage, Visitor) {
        let session = browser.session().await;
        let client = &self.clients[process];
        (session.clone(), client.session(client.storage(session)))
    }

    /// Starts a sign-in that this person agrees to; the callback's address.
    pub(crate) async fn callback(&self, process: usize, browser: &Browser, username: &str) -> String {
        let (session, visitor) = self.request(process, browser).await;
        let url = visitor.sign_in(SignInOptions::new()).await.unwrap();
        browser.keep(&session).await;
        self.emulator.approve(url.as_str(), username).unwrap()
    }

    pub(crate) async fn complete(
        &self,
        process: usize,
        browser: &Browser,
        callback: &str,
    ) -> Result<(), LogtoError> {
        let (session, visitor) = self.request(process, browser).await;
        visitor.handle_sign_in_callback(callback).await?;
        browser.keep(&session).await;
        Ok(())
    }

    /// A browser in which this person is signed in.
    pub(crate) async fn signed_in(&self, username: &str) -> Browser {
        let browser = Browser::default();
        let callback = self.callback(0, &browser, username).await;
        self.complete(1, &browser, &callback).await.unwrap();
        browser
    }

    pub(crate) async fn token(
        &self,
        process: usize,
        browser: &Browser,
        target: impl Into<TokenTarget>,
    ) -> Result<String, LogtoError> {
        let (_, visitor) = self.request(process, browser).await;
        Ok(visitor.access_token(target).await?.expose().to_owned())
    }

    pub(crate) async fn is_signed_in(&self, process: usize, browser: &Browser) -> bool {
        self.request(process, browser).await.1.is_authenticated().await.unwrap()
    }

    /// The `sub` of who is signed in.
    pub(crate) async fn sub(&self, browser: &Browser) -> String {
        self.request(0, browser).await.1.id_token_claims().await.unwrap().sub().to_owned()
    }

    /// How many records this person has.
    pub(crate) async fn records_of(&self, sub: &str) -> usize {
        self.store.find(&self.realm.sub(sub)).await.unwrap().len()
    }

    /// The record of this browser's ticket.
    pub(crate) async fn record(&self, browser: &Browser) -> RecordKey {
        let item = browser.item().await.unwrap();
        self.realm.record(item.strip_prefix("1.").unwrap())
    }

    /// Waits until the token endpoint has been asked so often.
    pub(crate) async fn until_asked(&self, times: u64) {
        while self.emulator.count(Endpoint::Token) < times {
            tokio::task::yield_now().await;
        }
    }

    /// Time passes for everybody.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.emulator.advance(by);
    }
}

/// A browser, by the session that its cookie names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser(MemoryStorage);

impl Browser {
    /// What a request loads that begins now.
    pub(crate) async fn session(&self) -> MemoryStorage {
        let copy = MemoryStorage::new();
        if let Some(item) = self.item().await {
            Storage::set(&copy, keys::SESSION_META, &item).await.unwrap();
        }
        copy
    }

    /// What a request has saved at its end: later ones load it.
    pub(crate) async fn keep(&self, session: &MemoryStorage) {
        match Storage::get(session, keys::SESSION_META).await.unwrap() {
            Some(item) => Storage::set(&self.0, keys::SESSION_META, &item).await.unwrap(),
            None => Storage::remove(&self.0, keys::SESSION_META).await.unwrap(),
        }
    }

    pub(crate) async fn item(&self) -> Option<String> {
        Storage::get(&self.0, keys::SESSION_META).await.unwrap()
    }
}
