//! A real browser: Chromium without a window, driven by WebDriver.

use crate::servers::{Server, find};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    env, fs,
    io::{self, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

/// The member that names an element (WebDriver §12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long it waits for what is to be seen, in milliseconds.
const PATIENCE: u32 = 15_000;

/// A browser with a profile of its own; gone when it is dropped.
#[derive(Debug)]
pub struct Chromium {
    http: Client,
    session: String,
    driver: Server,
}

impl Chromium {
    /// A new browser; `None` where Chromium or its driver is missing.
    ///
    /// # Panics
    ///
    /// Where they are there and do not start.
    pub async fn start() -> Option<Self> {
        let chromium = find("LOGTO_TEST_CHROMIUM", &["chromium", "chromium-browser", "google-chrome"])?;
        let program = find("LOGTO_TEST_CHROMEDRIVER", &["chromedriver"])?;
        let driver = Server::start("chromedriver", |port, folder| {
            let mut command = Command::new(&program);
            command.arg(format!("--port={port}")).env("TMPDIR", folder).env("HOME", folder);
            command
        });
        let http = Client::builder().no_proxy().build().expect("an HTTP client");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-proxy-server",
            "--disable-background-networking",
            "--window-size=1000,720",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "timeouts": {"implicit": PATIENCE},
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
        }}});
        let mut browser =
            Self { http, session: format!("http://127.0.0.1:{}/session", driver.port()), driver };
        let started = browser.send(Method::POST, "", &wanted).await;
        let id = started["sessionId"].as_str().expect("the id of a session").to_owned();
        browser.session = format!("{}/{id}", browser.session);
        Some(browser)
    }

    /// Goes to an address.
    pub async fn goto(&self, url: &str) {
        self.send(Method::POST, "/url", &json!({"url": url})).await;
    }

    /// The address that is shown.
    pub async fn url(&self) -> String {
        self.send(Method::GET, "/url", &Value::Null).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until this text, without quotes, is to be seen.
    ///
    /// # Panics
    ///
    /// Where it does not come.
    pub async fn see(&self, text: &str) {
        let by =
            json!({"using": "xpath", "value": format!("//body[contains(normalize-space(.), '{text}')]")});
        if self.try_send(Method::POST, "/element", &by).await.is_err() {
            let shown = self.send(Method::GET, "/source", &Value::Null).await;
            panic!("`{text}` is not to be seen on {}: {shown}", self.url().await);
        }
    }

    /// Clicks on the element of this CSS selector.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.send(Method::POST, &format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into the element of this CSS selector.
    pub async fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.send(Method::POST, &format!("/element/{element}/value"), &json!({"text": text})).await;
    }

    /// Runs the body of a function in the page, whatever the page's policy says; what it gives to its last argument.
    pub async fn run(&self, body: &str) -> Value {
        self.send(Method::POST, "/execute/async", &json!({"script": body, "args": []})).await
    }

    /// The cookies of the page, as a `Cookie` header has them.
    pub async fn cookies(&self) -> Vec<(String, String)> {
        let cookies = self.send(Method::GET, "/cookie", &Value::Null).await;
        let text = |cookie: &Value, name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
        let cookies = cookies.as_array().into_iter().flatten();
        cookies.map(|cookie| (text(cookie, "name"), text(cookie, "value"))).collect()
    }

    /// Opens a tab and goes there; its handle.
    pub async fn new_tab(&self) -> String {
        let tab = self.send(Method::POST, "/window/new", &json!({"type": "tab"})).await;
        let handle = tab["handle"].as_str().expect("a handle").to_owned();
        self.switch(&handle).await;
        handle
    }

    /// The handle of the tab that is shown.
    pub async fn tab(&self) -> String {
        self.send(Method::GET, "/window", &Value::Null).await.as_str().unwrap_or_default().to_owned()
    }

    /// Goes to a tab.
    pub async fn switch(&self, handle: &str) {
        self.send(Method::POST, "/window", &json!({"handle": handle})).await;
    }

    /// Keeps a picture of what is shown in the folder that `LOGTO_TEST_SCREENSHOTS` names, if it does.
    ///
    /// # Panics
    ///
    /// Where the folder cannot be written to.
    pub async fn screenshot(&self, name: &str) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let Some(folder) = env::var_os("LOGTO_TEST_SCREENSHOTS") else { return };
        let picture = self.send(Method::GET, "/screenshot", &Value::Null).await;
        let png = STANDARD.decode(picture.as_str().unwrap_or_default()).expect("a picture in base64");
        fs::write(Path::new(&folder).join(format!("{name}.png")), png).expect("a written picture");
    }

    async fn element(&self, selector: &str) -> String {
        let by = json!({"using": "css selector", "value": selector});
        let element = self.send(Method::POST, "/element", &by).await;
        element[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Without the HTTP client: its connections live in a runtime that is blocked here.
    fn delete_session(&self) -> io::Result<()> {
        let port = self.driver.port();
        let path = self.session.strip_prefix(&format!("http://127.0.0.1:{port}")).unwrap_or_default();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "DELETE {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        io::copy(&mut stream, &mut io::sink()).map(drop)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        self.try_send(method, path, body).await.unwrap_or_else(|message| panic!("{path}: {message}"))
    }

    async fn try_send(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let mut request = self.http.request(method, format!("{}{path}", self.session));
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.expect("an answer of the driver");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        let mut answer: Value = serde_json::from_str(&text).expect("JSON");
        let value = answer["value"].take();
        if status.is_success() { Ok(value) } else { Err(value["message"].to_string()) }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The driver ends its browser when the session is deleted, and not when it is killed itself.
        drop(self.delete_session());
    }
}
