//! A browser without a window: cookies per host, no redirect followed unasked, headers as browsers send them.

use reqwest::{Client, Method, RequestBuilder, header, redirect::Policy};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use url::Url;

/// One visitor's browser; clones share the cookies, as tabs do.
#[derive(Clone, Debug)]
pub struct Browser {
    http: Client,
    cookies: Arc<Mutex<BTreeMap<(String, String), String>>>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: header::HeaderMap,
    /// The body.
    pub body: String,
    /// The address that was asked.
    pub url: Url,
}

impl Browser {
    /// A browser without cookies.
    #[must_use]
    pub fn new() -> Self {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().expect("an HTTP client");
        Self { http, cookies: Arc::default() }
    }

    /// The same browser, as it is now: what one of the two receives from now on the other does not.
    ///
    /// # Panics
    ///
    /// Where another thread has panicked while it kept cookies.
    #[must_use]
    pub fn with_cookies_of_its_own(&self) -> Self {
        let cookies = self.cookies.lock().expect("no panic while cookies are kept").clone();
        Self { http: self.http.clone(), cookies: Arc::new(Mutex::new(cookies)) }
    }

    /// Goes to a page, as by a click on a link of the page's own site.
    pub async fn get(&self, url: impl AsRef<str>) -> Page {
        self.try_get(url).await.expect("an answer")
    }

    /// Goes to a page as [`get`](Self::get) does, where the server may go away meanwhile.
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub async fn try_get(&self, url: impl AsRef<str>) -> reqwest::Result<Page> {
        let navigation = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
        let (url, request) = self.prepare(Method::GET, url, &navigation);
        self.try_send(url, request).await
    }

    /// Sends a request with these headers beside `Accept` and the cookies.
    pub async fn request(&self, method: Method, url: impl AsRef<str>, headers: &[(&str, &str)]) -> Page {
        let (url, request) = self.prepare(method, url, headers);
        self.send(url, request).await
    }

    fn prepare(
        &self,
        method: Method,
        url: impl AsRef<str>,
        headers: &[(&str, &str)],
    ) -> (Url, RequestBuilder) {
        let url = Url::parse(url.as_ref()).expect("an absolute address");
        let mut request =
            self.http.request(method, url.clone()).header(header::ACCEPT, "text/html,*/*;q=0.8");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        (url, request)
    }

    /// Submits a form.
    pub async fn post_form(&self, url: impl AsRef<str>, pairs: &[(String, String)]) -> Page {
        self.post_form_with(url, pairs, &[]).await
    }

    /// Submits a form with these headers beside its own.
    pub async fn post_form_with(
        &self,
        url: impl AsRef<str>,
        pairs: &[(String, String)],
        headers: &[(&str, &str)],
    ) -> Page {
        let (url, request) = self.prepare(Method::POST, url, headers);
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(url, request.body(form)).await
    }

    async fn send(&self, url: Url, request: RequestBuilder) -> Page {
        self.try_send(url, request).await.expect("an answer")
    }

    async fn try_send(&self, url: Url, request: RequestBuilder) -> reqwest::Result<Page> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let cookies = self.cookie_header(&host);
        let request = if cookies.is_empty() { request } else { request.header(header::COOKIE, cookies) };
        let response = request.send().await?;
        self.keep_all(&host, response.headers());
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Page { status, headers, body: response.text().await?, url })
    }

    /// The cookies of a host, as a `Cookie` header.
    #[must_use]
    pub fn cookie_header(&self, host: &str) -> String {
        let cookies = self.cookies.lock().expect("no panic while cookies are kept");
        let pairs = cookies.iter().filter(|((of, _), _)| of == host);
        pairs.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Keeps the cookies that come with an answer of this host.
    pub(crate) fn keep_all(&self, host: &str, headers: &header::HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            self.keep(host, cookie.to_str().expect("a readable cookie"));
        }
    }

    fn keep(&self, host: &str, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').expect("a name");
        if !keeps_its_promise(name, attributes) {
            return;
        }
        let gone = attributes.to_ascii_lowercase().contains("max-age=0");
        let mut cookies = self.cookies.lock().expect("no panic while cookies are kept");
        let key = (host.to_owned(), name.to_owned());
        if gone {
            cookies.remove(&key);
        } else {
            cookies.insert(key, value.to_owned());
        }
    }
}

/// What browsers ask of a cookie by its name (RFC 6265bis §4.1.3); loopback stands for TLS here.
fn keeps_its_promise(name: &str, attributes: &str) -> bool {
    let attributes = attributes.to_ascii_lowercase();
    let has = |wanted: &str| attributes.split(';').any(|attribute| attribute.trim() == wanted);
    let name = name.to_ascii_lowercase();
    if name.starts_with("__host-") {
        return has("secure") && has("path=/") && !attributes.contains("domain=");
    }
    !name.starts_with("__secure-") || has("secure")
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Page {
    /// Where a redirect leads to, absolute.
    ///
    /// # Panics
    ///
    /// Where the answer is no redirect.
    #[must_use]
    pub fn location(&self) -> Url {
        let location =
            self.header("location").unwrap_or_else(|| panic!("no redirect: {} {}", self.status, self.body));
        self.url.join(location).expect("an address")
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
