//! Sessions in cookies: what does not fit is told, and nothing is lost.

use crate::{flow, server::serve};
use actix_session::{config::CookieContentSecurity::Private, storage::CookieSessionStore};
use logto_actix::{LogtoClient, LogtoConfig, LogtoRoutes};
use logto_conformance::flow::{Browser, Plan, RESOURCES};
use logto_emulator::Emulator;
use reqwest::Method;
use std::net::TcpListener;

#[tokio::test]
async fn tokens_that_do_not_fit_are_a_named_error_and_the_person_stays_signed_in() {
    let emulator = Emulator::start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let config = LogtoConfig::new(emulator.endpoint(), "local-app")
        .app_secret("local-secret")
        .base_url(&base)
        .resources(RESOURCES)
        .cookie_session();
    let client = LogtoClient::new(config).unwrap();
    let configure = flow::configuration(client, Plan::default(), LogtoRoutes::configure);
    let _running = serve(listener, 1, CookieSessionStore::default, Private, configure);
    let browser = Browser::new();

    let authorization = browser.get(format!("{base}/logto/sign-in")).await.location();
    let callback = emulator.approve(authorization.as_str(), "alice").unwrap();
    assert_eq!(browser.get(callback).await.status, 303);
    let who = browser.get(format!("{base}/")).await.body;
    assert_ne!(who, "nobody");
    let mut statuses = Vec::new();
    for resource in RESOURCES {
        let url = format!("{base}/access-token?resource={resource}");
        let answer = browser.request(Method::GET, url, &[("sec-fetch-mode", "cors")]).await;
        if answer.status == 500 {
            assert_eq!(answer.body, r#"{"error":"misconfigured"}"#);
        }
        statuses.push(answer.status);
        assert!(browser.cookie_header("localhost").len() <= 4096, "browsers would drop it");
        assert_eq!(browser.get(format!("{base}/")).await.body, who);
    }
    assert_eq!((statuses[0], statuses[7]), (200, 500), "{statuses:?}");
}
