//! Back-channel logout: the provider ends sessions, and nobody else does.

use super::assert_status;
use crate::flow::{Application, Browser, Page, Stage};
use serde_json::{Map, Value};

const ROUTE: &str = "/logto/back-channel-logout";

async fn send(stage: &Stage, token: &str) -> Page {
    let form = [("logout_token".to_owned(), token.to_owned())];
    Browser::new().post_form(stage.at(ROUTE), &form).await
}

fn token(stage: &Stage, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    stage.emulator.logout_token("local-app", "alice", None, change).expect("a logout token")
}

/// The provider ends all sessions of a person: they are gone when it has the answer.
pub async fn a_back_channel_logout_ends_all_sessions_of_the_person<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let other = Browser::new();
    for browser in [&stage.browser, &other] {
        let authorization = browser.get(stage.at("/logto/sign-in")).await.location();
        assert_status(&browser.get(stage.approve(&authorization, "alice")).await, 303);
        assert_ne!(browser.get(stage.at("/")).await.body, "nobody");
    }
    let answers = stage.emulator.send_back_channel_logout("alice").await;
    assert_eq!(answers, [("local-app".to_owned(), Ok(200))]);
    for browser in [&stage.browser, &other] {
        assert_eq!(browser.get(stage.at("/")).await.body, "nobody");
    }
    // The person signs in again by a redirect.
    assert_status(&stage.sign_in("alice").await, 303);
    assert_ne!(stage.who().await, "nobody");
}

/// A logout token that is refused gets 400, which nobody stores, and ends nothing.
pub async fn a_refused_logout_token_gets_400_and_ends_nothing<A: Application>() {
    let stage = Stage::plain::<A>().await;
    assert_status(&stage.sign_in("alice").await, 303);
    let with_nonce = token(&stage, |claims| drop(claims.insert("nonce".into(), "n".into())));
    let of_another = token(&stage, |claims| drop(claims.insert("aud".into(), "another".into())));
    for refused in [with_nonce.as_str(), of_another.as_str(), "", "x.y.z"] {
        let answer = send(&stage, refused).await;
        assert_status(&answer, 400);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("set-cookie").is_none());
    }
    let large = "x".repeat(1024 * 1024);
    assert_status(&send(&stage, &large).await, 400);
    assert_status(&stage.get(ROUTE).await, 405);
    assert_ne!(stage.who().await, "nobody");
    let answer = send(&stage, &token(&stage, |_| {})).await;
    assert_status(&answer, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(stage.who().await, "nobody");
}

/// A logout token that is played back ends no later session.
pub async fn a_logout_token_ends_sessions_once<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let token = token(&stage, |_| {});
    assert_status(&send(&stage, &token).await, 200);
    assert_status(&stage.sign_in("alice").await, 303);
    assert_status(&send(&stage, &token).await, 200);
    assert_ne!(stage.who().await, "nobody");
}
