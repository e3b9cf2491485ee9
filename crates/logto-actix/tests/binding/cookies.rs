//! Sessions in cookies: what does not fit is told, and nothing is lost.

use crate::{flow, server::serve};
use actix_session::{config::CookieContentSecurity::Private, storage::CookieSessionStore};
use logto_actix::{LogtoClient, LogtoConfig, LogtoRoutes, MemoryTokenStore};
use logto_conformance::flow::{Browser, Plan, RESOURCES};
use logto_emulator::{Emulator, User};
use reqwest::Method;
use std::{net::TcpListener, sync::Arc};

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
    let _running = serve(listener, 1, CookieSessionStore::default, "id", Private, configure);
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

#[tokio::test]
async fn with_tickets_a_cookie_session_stays_under_200_bytes_whatever_the_person_holds() {
    let emulator = Emulator::start().await.unwrap();
    emulator.add_user(User::new("bob").password("bob"));
    emulator.tamper_id_token(|claims| drop(claims.insert("roles".into(), "r".repeat(4000).into())));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let config = LogtoConfig::new(emulator.endpoint(), "local-app")
        .app_secret("local-secret")
        .base_url(&base)
        .resources(RESOURCES)
        .cookie_session()
        .token_store(Arc::new(MemoryTokenStore::new()));
    let client = LogtoClient::new(config).unwrap();
    let configure = flow::configuration(client, Plan::default(), LogtoRoutes::configure);
    let _running = serve(listener, 1, CookieSessionStore::default, "id", Private, configure);
    let browser = Browser::new();
    let mut largest = 0;
    let mut get = async |url: String| {
        let page = browser.get(url).await;
        let cookies = page.headers.get_all("set-cookie").iter();
        largest = cookies.map(reqwest::header::HeaderValue::len).max().unwrap_or(0).max(largest);
        page
    };
    let mut authorization = get(format!("{base}/logto/sign-in")).await.location();
    for _ in 0..15 {
        authorization = get(format!("{base}/logto/sign-in?return_to=/{}", "x".repeat(500))).await.location();
    }
    let callback = emulator.approve(authorization.as_str(), "bob").unwrap();
    assert_eq!(get(callback).await.status, 303);
    for resource in RESOURCES {
        assert_eq!(get(format!("{base}/access-token?resource={resource}")).await.status, 200);
    }
    assert_ne!(get(format!("{base}/")).await.body, "nobody");
    assert!((100..200).contains(&largest), "{largest} bytes");
}
