//! Scripts in what the provider says, in a real browser: none runs.

use super::{Chromium, Sample, cases::fill_in};
use crate::{
    answers::{PAYLOADS, encoded, payload},
    flow::Browser,
    servers::{free_port, note_skip},
};
use logto_emulator::Emulator;
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// Tells whether a payload has run, once the page has been drawn and what waited has had its turn.
const HAS_RUN: &str = "const done = arguments[arguments.length - 1];
requestAnimationFrame(() => setTimeout(() => done(window.ran === 1)));";

impl Chromium {
    /// Whether a payload runs on the page of this address.
    pub async fn runs_a_payload(&self, url: &str) -> bool {
        self.goto(url).await;
        self.run(HAS_RUN).await == Value::Bool(true)
    }
}

/// In the claims on the sample's own page, in the error at the callback and in the address to return to: each of 200
/// payloads is shown as text or not at all.
pub async fn no_script_of_200_payloads_runs_in_a_browser(program: &str) {
    let Some(browser) = Chromium::start().await else {
        return note_skip("no_script_of_200_payloads_runs_in_a_browser", "Chromium and chromedriver");
    };
    let emulator = Emulator::start().await.expect("the local Logto starts");
    let claim = Arc::new(Mutex::new("Alice Example".to_owned()));
    let told = Arc::clone(&claim);
    emulator.tamper_id_token(move |claims| {
        let text = told.lock().expect("no panic while claims are told").clone();
        for name in ["name", "username", "email"] {
            claims.insert(name.to_owned(), text.clone().into());
        }
    });
    let endpoint = emulator.endpoint();
    let port = free_port();
    let environment = [
        ("LOGTO_ENDPOINT", endpoint.as_str()),
        ("LOGTO_APP_ID", "local-app"),
        ("LOGTO_APP_SECRET", "local-secret"),
    ];
    let sample = Sample::start(program, port, &environment);
    browser.goto(&sample.at("/logto/sign-in")).await;
    fill_in(&browser).await;
    browser.see("Hello, Alice Example").await;

    let mut live = Vec::new();
    for number in 0..PAYLOADS {
        let payload = payload(number);
        claim.lock().expect("no panic while claims are told").clone_from(&payload);
        // The provider still knows the person: the sign-in comes back with new claims.
        let query = encoded(&payload);
        if browser.runs_a_payload(&sample.at(&format!("/logto/sign-in?return_to=/?{query}"))).await {
            live.push(("claims", payload.clone()));
        }
        assert!(browser.url().await.starts_with(&sample.at("/")), "{}", browser.url().await);
        assert!(shows(&browser, &payload).await, "the claim stands on the page: {payload}");
        let callback = refused(&browser, &sample, &emulator, &query).await;
        if browser.runs_a_payload(&callback).await {
            live.push(("error", payload.clone()));
        }
        assert!(shows(&browser, &payload).await, "the error's code stands on the page: {payload}");
    }
    println!("{} of {PAYLOADS} payloads are live on two pages each", live.len());
    assert!(live.is_empty(), "{live:?}");
}

/// Whether this is to be read on the page, but for how white space is drawn.
async fn shows(browser: &Chromium, text: &str) -> bool {
    let text = Value::from(text);
    let script = format!(
        "const plain = text => text.replace(/\\s+/g, '');
         arguments[0](plain(document.body.textContent).includes(plain({text})));"
    );
    browser.run(&script).await == Value::Bool(true)
}

/// The callback of a refused sign-in of this browser's visitor, with this as all that the provider says.
async fn refused(browser: &Chromium, sample: &Sample, emulator: &Emulator, text: &str) -> String {
    let visitor = Browser::new();
    let mut cookies = HeaderMap::new();
    for (name, value) in browser.cookies().await {
        let cookie = HeaderValue::try_from(format!("{name}={value}")).expect("a cookie");
        cookies.append(SET_COOKIE, cookie);
    }
    visitor.keep_all("localhost", &cookies);
    let authorization = visitor.get(sample.at("/logto/sign-in")).await.location();
    let callback = emulator.abort(authorization.as_str()).expect("a callback");
    callback
        .replace("error=", &format!("error={text}&error_description={text}&error_uri={text}&{text}={text}&x"))
}
