//! The stage of an item: the local Logto, a site under test that keeps tokens one way or the other, a browser.

use super::Binding;
use crate::{
    flow::{Browser, Page, RESOURCES},
    servers::listener,
};
use logto_client::{LogtoClient, LogtoConfig, ManualClock, MemoryTokenStore, Prompt};
use logto_emulator::{Application, Emulator};
use reqwest::Method;
use std::{fmt, net::TcpListener, sync::Arc, time::Duration};
use url::Url;

/// Sessions end when nobody has used them for so long.
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);
/// Sign-ins end at this age.
pub(super) const ABSOLUTE: Duration = Duration::from_secs(8 * 3600);

/// Where a visitor's items are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// In the framework's session.
    Session,
    /// In a token store, the session holding a ticket.
    Tickets,
}

impl Keeping {
    /// One way and the other.
    pub const BOTH: [Self; 2] = [Self::Session, Self::Tickets];
}

/// What a binding serves its pages by.
#[derive(Debug)]
pub struct Site {
    /// Bound and not blocking.
    pub listener: TcpListener,
    /// What the application makes its client of.
    pub config: LogtoConfig,
    /// For how long a session of the framework lives after its last use.
    pub idle: Duration,
    /// What time it is for the framework's sessions.
    pub clock: ManualClock,
}

/// A site that runs.
pub struct Served {
    /// Its client.
    pub client: LogtoClient,
    /// It ends when this is dropped.
    pub running: Box<dyn Send>,
}

/// Everything an item plays with.
pub struct Stage {
    /// The provider.
    pub emulator: Emulator,
    /// The visitor.
    pub browser: Browser,
    /// The application's client.
    pub client: LogtoClient,
    /// The time of client, stores and sessions.
    pub clock: ManualClock,
    base: Url,
    empty: Browser,
    _running: Box<dyn Send>,
}

impl Stage {
    pub(super) async fn set<B: Binding>(keeping: Keeping) -> Self {
        Self::with::<B>(keeping, |config| config).await
    }

    pub(super) async fn with<B: Binding>(
        keeping: Keeping,
        change: impl FnOnce(LogtoConfig) -> LogtoConfig,
    ) -> Self {
        let (listener, address) = listener();
        let port = address.port();
        let base = Url::parse(&format!("http://localhost:{port}")).expect("an address");
        let mut application = Application::new("local-app").secret("local-secret");
        if keeping == Keeping::Tickets {
            let uri = format!("http://127.0.0.1:{port}/logto/back-channel-logout");
            application = application.back_channel_logout_uri(uri);
        }
        let emulator = Emulator::builder().application(application).start().await;
        let emulator = emulator.expect("the local Logto starts");
        let clock = ManualClock::start_now();
        let mut config = LogtoConfig::new(emulator.endpoint(), "local-app")
            .app_secret("local-secret")
            .base_url(base.as_str())
            .scopes(["email", "custom_data"])
            .resources(RESOURCES)
            .prompt([Prompt::Login, Prompt::Consent])
            .sign_in_lifetime(IDLE)
            .sign_in_absolute_lifetime(ABSOLUTE)
            .strict_logout_tokens()
            .clock(Arc::new(clock.clone()));
        if keeping == Keeping::Tickets {
            let store = MemoryTokenStore::new().with_clock(Arc::new(clock.clone()));
            config = config.token_store(Arc::new(store));
        }
        // With tickets it is the record that ends.
        let idle = if keeping == Keeping::Tickets { 1000 * IDLE } else { IDLE };
        let site = Site { listener, config: change(config), idle, clock: clock.clone() };
        let Served { client, running } = B::serve(site).await;
        let empty = Browser::new();
        let browser = empty.with_cookies_of_its_own();
        Self { emulator, browser, client, clock, base, empty, _running: running }
    }

    /// The address of a path of the site.
    pub(super) fn at(&self, path: &str) -> String {
        self.base.join(path).expect("a path").into()
    }

    pub(super) async fn get(&self, path: &str) -> Page {
        self.browser.get(self.at(path)).await
    }

    /// Asks as a script does: who is not signed in is told so.
    pub(super) async fn ask(&self, path: &str) -> Page {
        self.browser.request(Method::GET, self.at(path), &[("sec-fetch-mode", "cors")]).await
    }

    /// Goes to a page with this cookie header and nothing else of the browser's.
    pub(super) async fn with_cookie(&self, cookie: &str, path: &str) -> Page {
        let headers = [("cookie", cookie), ("sec-fetch-mode", "cors")];
        self.fresh().request(Method::GET, self.at(path), &headers).await
    }

    /// A browser that has never been here.
    pub(super) fn fresh(&self) -> Browser {
        self.empty.with_cookies_of_its_own()
    }

    /// The cookies of the visitor.
    pub(super) fn cookie(&self) -> String {
        self.browser.cookie_header("localhost")
    }

    /// Starts a sign-in in this browser; the authorization address.
    pub(super) async fn start_in(&self, browser: &Browser) -> Url {
        browser.get(self.at("/logto/sign-in")).await.location()
    }

    pub(super) async fn start(&self) -> Url {
        self.start_in(&self.browser).await
    }

    /// What the person does at the provider; the callback's address.
    pub(super) fn approve(&self, authorization: &Url, username: &str) -> String {
        self.emulator.approve(authorization.as_str(), username).expect("the provider lets the person in")
    }

    pub(super) async fn sign_in_by(&self, browser: &Browser, username: &str) -> Page {
        let authorization = self.start_in(browser).await;
        browser.get(self.approve(&authorization, username)).await
    }

    pub(super) async fn sign_in(&self, username: &str) -> Page {
        self.sign_in_by(&self.browser, username).await
    }

    /// Signed in, or the item fails; the `sub`.
    pub(super) async fn signed_in(&self, username: &str) -> String {
        let page = self.sign_in(username).await;
        assert_eq!(page.status, 303, "{} answered {}", page.url, page.body);
        let who = self.who().await;
        assert!(!who.is_empty() && who != "nobody", "{who}");
        who
    }

    pub(super) async fn who(&self) -> String {
        self.get("/").await.body
    }

    /// A token for the first API, as the site uses one; the status.
    pub(super) async fn token_status(&self) -> u16 {
        self.ask(&format!("/access-token?resource={}", RESOURCES[0])).await.status
    }

    pub(super) async fn sign_out(&self) -> Page {
        let headers = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
        self.browser.request(Method::POST, self.at("/logto/sign-out"), &headers).await
    }

    /// Time passes for everybody.
    pub(super) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.emulator.advance(by);
    }

    /// Posts a logout token as the provider does; the status.
    pub(super) async fn tell(&self, logout_token: &str) -> u16 {
        let form = [("logout_token".to_owned(), logout_token.to_owned())];
        self.fresh().post_form(self.at("/logto/back-channel-logout"), &form).await.status
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("client", &self.client).finish_non_exhaustive()
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// A parameter of an address.
pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// An address whose parameter of this name says something else; without the parameter where that is nothing.
pub(super) fn with_parameter(url: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(url).expect("an address");
    let others: Vec<(String, String)> =
        url.query_pairs().filter(|(key, _)| key != name).map(|(k, v)| (k.into(), v.into())).collect();
    url.query_pairs_mut().clear().extend_pairs(others).extend_pairs(value.map(|value| (name, value)));
    url.into()
}
