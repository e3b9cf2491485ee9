//! What all modules do: sign-ins that are accepted or refused, with the requests counted and the store read.

use super::ledger::Ledger;
use crate::flow::{Application, Browser, Page, Plan, RESOURCES, Setting, Stage};
use logto_emulator::{Endpoint, SigningKey, User};
use logto_storage_core::TokenStore;
use reqwest::Method;
use serde_json::{Map, Value};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use url::Url;

/// What the provider is asked by applications, not by browsers.
const ASKED: [Endpoint; 8] = [
    Endpoint::Discovery,
    Endpoint::Jwks,
    Endpoint::Token,
    Endpoint::UserInfo,
    Endpoint::Revocation,
    Endpoint::Introspection,
    Endpoint::PushedAuthorization,
    Endpoint::DeviceAuthorization,
];

/// Where some of them stand among [`ASKED`].
pub(super) const DISCOVERY: usize = 0;
pub(super) const JWKS: usize = 1;
pub(super) const TOKEN: usize = 2;
pub(super) const USER_INFO: usize = 3;

/// How often each of [`ASKED`] was asked.
pub(super) type Counts = [u64; ASKED.len()];

/// One module over one way to keep tokens.
pub(super) struct Trial {
    pub(super) stage: Stage,
    /// The store, where tokens are kept in one.
    ledger: Option<Arc<Ledger>>,
    /// The token answers, as they were sent.
    answers: Arc<Mutex<Vec<Map<String, Value>>>>,
}

/// A module, with tokens in the session and then in a token store.
pub(super) async fn both_ways<A: Application>(key: SigningKey, module: impl AsyncFn(Trial)) {
    module(Trial::start::<A>(key, None).await).await;
    with_a_store::<A>(key, module).await;
}

/// A module with tokens in a token store.
pub(super) async fn with_a_store<A: Application>(key: SigningKey, module: impl AsyncFn(Trial)) {
    module(Trial::start::<A>(key, Some(Arc::default())).await).await;
}

impl Trial {
    async fn start<A: Application>(signing_key: SigningKey, ledger: Option<Arc<Ledger>>) -> Self {
        let token_store = ledger.clone().map(|ledger| ledger as Arc<dyn TokenStore>);
        let setting = Setting { signing_key, scopes: &["email", "phone", "address"], token_store };
        let stage = Stage::with::<A>(Plan::default(), setting).await;
        let trial = Self { stage, ledger, answers: Arc::default() };
        trial.answer_with(|_| ());
        trial
    }

    /// Changes token answers from now on.
    pub(super) fn answer_with(&self, change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        let answers = Arc::clone(&self.answers);
        self.stage.emulator.tamper_token_answer(move |answer| {
            change(answer);
            answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
        });
    }

    /// Replaces the ID tokens of token answers from now on.
    pub(super) fn forge_id_tokens(&self, forge: impl Fn(&str) -> String + Send + Sync + 'static) {
        self.answer_with(move |answer| {
            if let Some(Value::String(token)) = answer.get_mut("id_token") {
                *token = forge(token);
            }
        });
    }

    /// Publishes these keys beside the provider's own.
    pub(super) fn publish(&self, more: Vec<Value>) {
        self.stage.emulator.tamper_published_keys(move |set| {
            if let Some(Value::Array(keys)) = set.get_mut("keys") {
                keys.extend(more.iter().cloned());
            }
        });
    }

    /// A member of the last token answer.
    pub(super) fn issued(&self, member: &str) -> String {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let last = answers.last().expect("a token answer");
        last.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("no {member}")).to_owned()
    }

    /// Whether the store has ever held a member of the last token answer; not known where the application
    /// keeps its tokens elsewhere.
    pub(super) fn has_kept(&self, member: &str) -> Option<bool> {
        self.ledger.as_ref()?.has_held(&self.issued(member))
    }

    /// The client's time, in seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        use logto_client::Clock;
        self.stage.clock.now().as_secs()
    }

    /// All tokens of now have expired but the refresh tokens.
    pub(super) fn let_tokens_expire(&self) {
        let by = Duration::from_secs(4000);
        self.stage.clock.advance(by);
        self.stage.emulator.advance(by);
    }

    pub(super) fn counts(&self) -> Counts {
        ASKED.map(|endpoint| self.stage.emulator.count(endpoint))
    }

    /// Goes to a path of the application.
    pub(super) async fn get(&self, browser: &Browser, path: &str) -> Page {
        browser.get(self.stage.at(path)).await
    }

    /// Asks for a path of the application as a script does.
    pub(super) async fn ask(&self, browser: &Browser, path: &str) -> Page {
        browser.request(Method::GET, self.stage.at(path), &[("sec-fetch-mode", "cors")]).await
    }

    pub(super) async fn token_for_an_api(&self, browser: &Browser) -> Page {
        self.ask(browser, &format!("/access-token?resource={}", RESOURCES[0])).await
    }

    pub(super) async fn who(&self, browser: &Browser) -> String {
        self.get(browser, "/").await.body
    }

    /// Starts a sign-in; the callback's address after the person has agreed.
    pub(super) async fn callback(&self, browser: &Browser) -> Url {
        let authorization = self.get(browser, "/logto/sign-in").await.location();
        Url::parse(&self.stage.approve(&authorization, "alice")).expect("an address")
    }

    /// A whole sign-in by a browser of its own is accepted.
    pub(super) async fn accepts(&self) -> Browser {
        let browser = Browser::new();
        let callback = self.callback(&browser).await;
        self.accepts_callback(&browser, &callback).await;
        browser
    }

    /// The callback is accepted: the person is signed in, the token opens the user info, all is kept.
    pub(super) async fn accepts_callback(&self, browser: &Browser, callback: &Url) {
        let done = browser.get(callback).await;
        assert_eq!(done.status, 303, "not accepted: {}", done.body);
        assert_eq!(done.location().as_str(), self.stage.at("/"), "not accepted");
        self.is_signed_in(browser).await;
        for member in ["access_token", "id_token", "refresh_token"] {
            assert_ne!(self.has_kept(member), Some(false), "the {member} is not kept");
        }
    }

    pub(super) async fn is_signed_in(&self, browser: &Browser) {
        assert_eq!(self.who(browser).await, alice());
        let info = self.ask(browser, "/user-info").await;
        assert_eq!(info.status, 200, "{}", info.body);
        let info: Value = serde_json::from_str(&info.body).expect("JSON");
        assert_eq!(info["sub"], alice());
    }

    /// A sign-in whose tokens are wrong is refused: the code is spent, and that is all.
    pub(super) async fn refuses_tokens(&self) {
        let browser = Browser::new();
        let callback = self.callback(&browser).await;
        self.refuses_callback(&browser, &callback, 1).await;
        for member in ["access_token", "id_token", "refresh_token"] {
            assert_ne!(self.has_kept(member), Some(true), "not refused: the {member} is kept");
        }
    }

    /// The callback is refused after so many token calls: nobody is signed in, and nothing more is asked of
    /// the provider, whatever the browser tries.
    pub(super) async fn refuses_callback(&self, browser: &Browser, callback: &Url, token_calls: u64) {
        let mut due = self.counts();
        due[TOKEN] += token_calls;
        let page = browser.get(callback).await;
        assert!((400..600).contains(&page.status), "not refused: {} {}", page.status, page.body);
        assert!(page.header("location").is_none(), "not refused");
        // Keys that are not known are looked for once.
        let counts = self.counts();
        due[JWKS] = counts[JWKS].min(due[JWKS] + token_calls);
        assert_eq!(counts, due, "not refused: more is asked for");
        assert_eq!(self.who(browser).await, "nobody", "not refused");
        let again = browser.get(callback).await;
        assert!((400..600).contains(&again.status), "not refused: {} {}", again.status, again.body);
        for path in ["/protected", "/user-info"] {
            assert_eq!(self.ask(browser, path).await.status, 401, "not refused: {path}");
        }
        assert_eq!(self.token_for_an_api(browser).await.status, 401, "not refused");
        assert_eq!(self.counts(), due, "not refused: more is asked for later");
    }
}

/// The `sub` of the person who signs in.
pub(super) fn alice() -> String {
    User::new("alice").sub()
}

/// A parameter of an address.
pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The address with another value of a parameter, or without it.
pub(super) fn with_parameter(url: &Url, name: &str, value: Option<&str>) -> Url {
    let kept: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(value.map(|value| (name, value)));
    changed
}
