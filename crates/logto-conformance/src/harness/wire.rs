//! Many requests at once: HTTP/2 without TLS, over as many connections as they need.

use reqwest::{Client, Method, header, redirect::Policy};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// A server takes 200 requests at once over a connection; this leaves room.
const STREAMS: usize = 100;
/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// The connections.
#[derive(Debug)]
pub struct Wire {
    clients: Vec<Client>,
    next: AtomicUsize,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status; 0 where there is no answer.
    pub status: u16,
    /// The body, or why there is none.
    pub body: String,
    /// `Location`
    pub location: Option<String>,
    /// The cookie that it sets, as it is sent back; empty where it deletes it.
    pub cookie: Option<String>,
}

impl Wire {
    /// For so many requests at once to each process.
    ///
    /// # Panics
    ///
    /// Where no HTTP client can be made.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        let client = || {
            let builder = Client::builder().http2_prior_knowledge().no_proxy().redirect(Policy::none());
            builder.timeout(PATIENCE).build().expect("an HTTP client")
        };
        let clients = (0..at_once.div_ceil(STREAMS).max(1)).map(|_| client()).collect();
        Self { clients, next: AtomicUsize::new(0) }
    }

    /// Goes to this address with this cookie, as a program of the page's own site.
    pub async fn get(&self, url: &str, cookie: &str) -> Answer {
        self.send(Method::GET, url, cookie).await
    }

    /// Posts to this address.
    pub async fn post(&self, url: &str, cookie: &str) -> Answer {
        self.send(Method::POST, url, cookie).await
    }

    async fn send(&self, method: Method, url: &str, cookie: &str) -> Answer {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len();
        let mut request = self.clients[index]
            .request(method, url)
            .header(header::ACCEPT, "application/json")
            .header("sec-fetch-site", "same-origin");
        if !cookie.is_empty() {
            request = request.header(header::COOKIE, cookie);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Answer { body: format!("{error:?}"), ..Answer::default() },
        };
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let cookie = text(header::SET_COOKIE).map(|cookie| {
            let gone = cookie.contains("Max-Age=0");
            if gone { String::new() } else { cookie.split(';').next().unwrap_or_default().to_owned() }
        });
        let (status, location) = (answer.status().as_u16(), text(header::LOCATION));
        match answer.text().await {
            Ok(body) => Answer { status, body, location, cookie },
            Err(error) => Answer { body: format!("{error:?}"), ..Answer::default() },
        }
    }
}
