//! A request as bytes on a connection: no HTTP client sends what is sent here.

use super::mixes::{Mix, OWN};
use crate::flow::{Browser, Page};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

/// What is asked, beside what a mix says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a str,
}

impl<'a> Ask<'a> {
    /// A person's request for a page, from the application's own site.
    pub(super) fn get(url: &'a str) -> Self {
        Self { method: "GET", url, headers: &[("sec-fetch-site", "same-origin")], body: "" }
    }
}

/// Sends a request with this mix and the browser's cookies, which it renews.
pub(super) async fn ask(browser: &Browser, ask: Ask<'_>, mix: &Mix) -> Page {
    let url = Url::parse(ask.url).expect("an absolute address");
    let (host, port) = (url.host_str().expect("a host"), url.port_or_known_default().expect("a port"));
    let target = format!("{}{}", mix.before_path, &url[url::Position::BeforePath..]);
    let mut request = format!("{} {target} HTTP/1.1\r\n", ask.method);
    let own = format!("{host}:{port}");
    let hosts = mix.hosts.iter().map(|host| ("host", if *host == OWN { own.as_str() } else { host }));
    let (cookies, length) = (browser.cookie_header(host), ask.body.len().to_string());
    let always = [
        ("cookie", cookies.as_str()),
        ("content-length", &length),
        ("accept", "text/html,*/*;q=0.8"),
        ("connection", "close"),
    ];
    let headers = hosts.chain(mix.headers.iter().copied()).chain(ask.headers.iter().copied()).chain(always);
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("\r\n{}", ask.body);

    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part).await {
        answer.extend_from_slice(&part[..count]);
    }
    let page = read(&String::from_utf8(answer).expect("text"), url.clone());
    browser.keep_all(host, &page.headers);
    page
}

fn read(answer: &str, url: Url) -> Page {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers: HeaderMap = pairs
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("the name of a header");
            (name, HeaderValue::from_str(value).expect("the value of a header"))
        })
        .collect();
    Page { status, headers, body: body.to_owned(), url }
}
