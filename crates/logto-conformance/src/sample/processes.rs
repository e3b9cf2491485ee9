//! Two processes of a sample, with their sessions and tokens in one Redis.

use super::Sample;
use crate::{
    flow::{Browser, Page},
    servers::{Server, free_port, note_skip},
};
use logto_emulator::{Emulator, Endpoint, Rotation};
use reqwest::Method;
use std::time::Duration;

const API: &str = "https://api.example.test";

/// A person who signs in at one process is signed in at the other; a refresh that both need is made once;
/// a sign-out at one is a sign-out at both.
pub async fn two_processes_behind_one_redis_are_one_application(program: &str) {
    let Some(redis) = Server::redis() else {
        return note_skip("two_processes_behind_one_redis_are_one_application", "redis-server");
    };
    let emulator = Emulator::start().await.expect("the local Logto starts");
    // Nothing that is used twice is forgiven.
    emulator.set_rotation(Rotation::Always);
    emulator.set_reuse_interval(Duration::ZERO);
    let ports = [free_port(), free_port()];
    let at = |process: usize, path: &str| format!("http://localhost:{}{path}", ports[process]);
    let store = format!("redis://127.0.0.1:{}", redis.port());
    let endpoint = emulator.endpoint();
    // People reach both under one address, as behind a load balancer.
    let base_url = format!("http://localhost:{}", ports[0]);
    let environment = [
        ("LOGTO_ENDPOINT", endpoint.as_str()),
        ("LOGTO_APP_ID", "local-app"),
        ("LOGTO_APP_SECRET", "local-secret"),
        ("LOGTO_BASE_URL", base_url.as_str()),
        ("LOGTO_RESOURCES", API),
        ("LOGTO_STORE", store.as_str()),
        ("SESSION_STORE", store.as_str()),
        ("SESSION_KEY", "a key that both processes know, of at least sixty-four bytes, no less"),
    ];
    let _processes = ports.map(|port| Sample::start(program, port, &environment));
    let browser = Browser::new();

    let sent = browser.get(at(0, "/protected")).await;
    let authorization = browser.get(sent.location()).await.location();
    let callback = emulator.approve(authorization.as_str(), "alice").expect("alice may sign in");
    let elsewhere = callback.replace(&at(0, "/"), &at(1, "/"));
    assert_eq!(browser.get(&elsewhere).await.status, 303, "the other process completes the sign-in");
    for process in [0, 1] {
        let page = browser.get(at(process, "/protected")).await;
        assert!(page.body.contains("Only people who are signed in see this page."), "{}", page.body);
    }

    let calls = emulator.count(Endpoint::Token);
    let requests: Vec<_> = (0..50)
        .map(|index| {
            let (browser, url) = (browser.clone(), at(index % 2, &format!("/access-token?resource={API}")));
            tokio::spawn(async move { browser.get(url).await })
        })
        .collect();
    for request in requests {
        let page: Page = request.await.expect("no panic");
        assert!(page.body.contains(&format!("\"aud\":\"{API}\"")), "{} {}", page.status, page.body);
    }
    assert_eq!(emulator.count(Endpoint::Token) - calls, 1, "one refresh for both");

    let headers = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
    assert_eq!(browser.request(Method::POST, at(1, "/logto/sign-out"), &headers).await.status, 303);
    for process in [0, 1] {
        let page = browser.get(at(process, "/")).await;
        assert!(page.body.contains("You are not signed in."), "{}", page.body);
    }
}
