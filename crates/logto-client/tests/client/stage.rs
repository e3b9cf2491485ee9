//! The local Logto, a client with a clock of its own, and one visitor's storage.

use logto_client::{
    LogtoClient, LogtoConfig, LogtoError, LogtoSession, ManualClock, SignInOptions, SignedIn,
};
use logto_emulator::{Emulator, Endpoint};
use logto_storage_core::{MemoryStorage, Storage, keys};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use url::Url;

pub(crate) const BASE: &str = "http://localhost:3000";
pub(crate) const CALLBACK: &str = "http://localhost:3000/logto/sign-in-callback";

pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    pub(crate) client: LogtoClient,
    pub(crate) clock: ManualClock,
    pub(crate) storage: MemoryStorage,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(change: impl FnOnce(LogtoConfig) -> LogtoConfig) -> Self {
        Self::over(Emulator::start().await.unwrap(), change)
    }

    pub(crate) fn over(emulator: Emulator, change: impl FnOnce(LogtoConfig) -> LogtoConfig) -> Self {
        let clock = ManualClock::start_now();
        let config = config(&emulator.endpoint()).clock(Arc::new(clock.clone()));
        let client = LogtoClient::new(change(config)).unwrap();
        Self { emulator, client, clock, storage: MemoryStorage::new() }
    }

    /// The visitor's session.
    pub(crate) fn session(&self) -> LogtoSession<MemoryStorage> {
        self.client.session(self.storage.clone())
    }

    /// Starts a sign-in that alice agrees to; the callback's address.
    pub(crate) async fn callback(&self) -> String {
        self.callback_of(SignInOptions::new(), "alice").await
    }

    pub(crate) async fn callback_of(&self, options: SignInOptions, username: &str) -> String {
        let url = self.session().sign_in(options).await.unwrap();
        self.emulator.approve(url.as_str(), username).unwrap()
    }

    pub(crate) async fn sign_in(&self) -> SignedIn {
        let callback = self.callback().await;
        self.complete(&callback).await.unwrap()
    }

    pub(crate) async fn complete(&self, callback: &str) -> Result<SignedIn, LogtoError> {
        self.session().handle_sign_in_callback(callback).await
    }

    /// Runs this as a task, and returns when its token request has arrived, which waits until it is released.
    pub(crate) async fn until_held<F: Future<Output = ()> + Send + 'static>(
        &self,
        work: impl FnOnce(LogtoSession<MemoryStorage>) -> F,
    ) -> JoinHandle<()> {
        let before = self.emulator.count(Endpoint::Token);
        self.emulator.hold(Endpoint::Token);
        let task = tokio::spawn(work(self.session()));
        while self.emulator.count(Endpoint::Token) == before {
            tokio::task::yield_now().await;
        }
        task
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        logto_client::Clock::now(&self.clock).as_secs()
    }

    /// Time passes for everybody.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.emulator.advance(by);
    }

    pub(crate) async fn item(&self, key: &str) -> Option<String> {
        Storage::get(&self.storage, key).await.unwrap()
    }

    /// Which items are stored, ours aside.
    pub(crate) async fn items(&self) -> Vec<&'static str> {
        let mut items = Vec::new();
        for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN, keys::ACCESS_TOKEN_MAP, keys::SIGN_IN_SESSION] {
            if Storage::get(&self.storage, key).await.unwrap().is_some() {
                items.push(key);
            }
        }
        items
    }
}

pub(crate) fn config(endpoint: &str) -> LogtoConfig {
    LogtoConfig::new(endpoint, "local-app").app_secret("local-secret").base_url(BASE)
}

/// A parameter of an address.
pub(crate) fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
