//! A visitor of the local Logto: requests with cookies, no redirect followed.

use logto_emulator::Emulator;
use reqwest::{Client, RequestBuilder, header, redirect::Policy};
use serde_json::Value;
use std::{cell::RefCell, collections::BTreeMap};
use url::form_urlencoded;

pub(crate) struct Visitor {
    http: Client,
    cookies: RefCell<BTreeMap<String, String>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Visitor {
    pub(crate) fn new() -> Self {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { http, cookies: RefCell::default() }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(self.http.get(url)).await
    }

    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Answer {
        self.post_as(None, url, form).await
    }

    /// Posts a form as an application with these credentials.
    pub(crate) async fn post_as(
        &self,
        credentials: Option<(&str, &str)>,
        url: &str,
        form: &[(&str, &str)],
    ) -> Answer {
        let request = self.http.post(url).header(header::CONTENT_TYPE, FORM).body(encoded(form));
        self.send(match credentials {
            Some((id, secret)) => request.basic_auth(id, Some(secret)),
            None => request,
        })
        .await
    }

    /// Follows redirects within the server: the answer that leads out of it, or the page where they end.
    pub(crate) async fn follow(&self, emulator: &Emulator, mut answer: Answer) -> Answer {
        while let Some(path) = path_within(emulator, answer.header("location")) {
            answer = self.get(&format!("{}{path}", emulator.endpoint())).await;
        }
        answer
    }

    /// Asks and follows.
    pub(crate) async fn visit(&self, emulator: &Emulator, url: &str) -> Answer {
        let answer = self.get(url).await;
        self.follow(emulator, answer).await
    }

    pub(crate) fn client(&self) -> &Client {
        &self.http
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.unwrap() }
    }
}

fn path_within(emulator: &Emulator, location: &str) -> Option<String> {
    let path = location.strip_prefix(&emulator.endpoint()).unwrap_or(location);
    path.starts_with('/').then(|| path.to_owned())
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const CALLBACK: &str = "http://localhost:3000/callback";
/// The pair of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// A good authorization request for `local-app` with these parameters instead or beside; `""` leaves out.
pub(crate) fn authorization(emulator: &Emulator, changes: &[(&str, &str)]) -> String {
    let mut parameters = vec![
        ("client_id", "local-app"),
        ("redirect_uri", CALLBACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "st"),
        ("response_type", "code"),
        ("scope", "openid offline_access profile email custom_data"),
        ("prompt", "consent"),
        ("nonce", "no"),
    ];
    parameters.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    format!("{}/auth?{}", emulator.issuer(), encoded(&parameters))
}

/// A parameter of an address.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
