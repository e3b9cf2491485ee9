//! A visit as a person makes it: redirects followed, pages reloaded, links clicked, and all of it counted.

use logto_conformance::{
    flow::{Browser, Page},
    harness::{Process, Provider, worker},
};
use std::time::{Duration, Instant};
use url::Url;

/// Who sees a page that says so reloads it until this is over.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(250);
/// No visit leads on so often.
const MOST_REDIRECTS: u32 = 40;

/// A person with a browser, and what they have met since this was made.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) browser: Browser,
    pub(crate) username: String,
    /// How often the sign-in page asked for the password.
    pub(crate) prompts: u32,
    /// How often a page was left for the route that starts a sign-in.
    pub(crate) sign_ins: u32,
    /// How often a person had to click a link.
    pub(crate) clicks: u32,
    pub(crate) reloads: u32,
}

impl Visit {
    pub(crate) fn new(username: &str) -> Self {
        let (prompts, sign_ins, clicks, reloads) = (0, 0, 0, 0);
        Self { browser: Browser::new(), username: username.to_owned(), prompts, sign_ins, clicks, reloads }
    }

    /// The same person from now on, with nothing met yet.
    pub(crate) fn anew(&self) -> Self {
        Self { browser: self.browser.clone(), ..Self::new(&self.username) }
    }

    /// The cookie of the application.
    pub(crate) fn cookie(&self) -> String {
        self.browser.cookie_header("localhost")
    }

    /// Goes to a path of this process and wherever that leads; the page at the end.
    pub(crate) async fn go(&mut self, process: &Process, path: &str) -> Page {
        self.follow(process, &at(process, path), |_| false).await
    }

    /// Goes to a path of this process until the provider sends the person back: the path and query of that
    /// callback.
    pub(crate) async fn until_callback(&mut self, process: &Process, path: &str) -> Result<String, String> {
        let back = |url: &Url| url.path() == "/logto/sign-in-callback";
        let page = self.follow(process, &at(process, path), back).await;
        match page.header("location") {
            Some(_) if back(&page.location()) => Ok(path_of(&page.location())),
            _ => Err(format!("no callback: {} {}", page.status, page.body)),
        }
    }

    async fn follow(&mut self, process: &Process, url: &str, ends: impl Fn(&Url) -> bool) -> Page {
        let (since, mut page) = (Instant::now(), self.browser.get(url).await);
        for _ in 0..MOST_REDIRECTS {
            page = match page.status {
                302 | 303 if ends(&page.location()) => return page,
                302 | 303 => {
                    let to = page.location();
                    self.sign_ins += u32::from(to.path() == "/logto/sign-in");
                    self.browser.get(mapped(process, &to)).await
                }
                503 if since.elapsed() < PATIENCE => {
                    self.reloads += 1;
                    tokio::time::sleep(PAUSE).await;
                    self.browser.get(&page.url).await
                }
                200 if page.url.path() == "/sign-in" => self.enter_password(&page).await,
                400..500 => match link(&page.body) {
                    Some(link) if self.clicks < 3 => {
                        self.clicks += 1;
                        let to = page.url.join(&link).expect("a link");
                        self.browser.get(to).await
                    }
                    _ => return page,
                },
                _ => return page,
            };
        }
        page
    }

    async fn enter_password(&mut self, page: &Page) -> Page {
        self.prompts += 1;
        let uid = between(&page.body, "name=\"uid\" value=\"", "\"").unwrap_or_default();
        let form = [("uid", uid), ("username", &self.username), ("password", &self.username)];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.browser.post_form(page.url.clone(), &form).await
    }

    /// Signs in for the first time: a person types their password.
    pub(crate) async fn sign_in(&mut self, process: &Process, provider: &Provider) -> Result<(), String> {
        let sub = provider.add(&self.username);
        let page = self.go(process, "/logto/sign-in").await;
        match page.status == 200 && page.body == sub && self.prompts == 1 {
            true => Ok(()),
            false => Err(format!("the first sign-in: {} {}", page.status, page.body)),
        }
    }
}

/// The address of a path of this process, as a browser of this machine sees it.
pub(crate) fn at(process: &Process, path: &str) -> String {
    format!("http://localhost:{}{path}", process.port())
}

/// The balancer: whatever leads to the application leads to this process.
fn mapped(process: &Process, to: &Url) -> String {
    match to.as_str().strip_prefix(worker::BASE) {
        Some(path) => at(process, path),
        None => to.as_str().to_owned(),
    }
}

fn path_of(url: &Url) -> String {
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

/// Where the link of an error page leads to.
fn link(body: &str) -> Option<String> {
    between(body, "<a href=\"", "\"").map(|link| link.replace("&amp;", "&"))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(between, _)| between)
}
