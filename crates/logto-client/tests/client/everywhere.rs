//! Sign-ins that end without their visitors.

use crate::{
    processes::{Browser, Processes},
    stage::{CALLBACK, Stage, config},
};
use logto_client::{ErrorKind, LogtoClient};
use logto_emulator::{Application, Emulator, Endpoint, User};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Changes nothing of a logout token.
fn as_it_is(_: &mut Map<String, Value>) {}

#[tokio::test]
async fn a_person_is_signed_out_everywhere_and_nobody_else_is() {
    let processes = Processes::start().await;
    processes.emulator.add_user(User::new("bob").password("bob"));
    let browsers = [processes.signed_in("alice").await, processes.signed_in("alice").await];
    let bob = processes.signed_in("bob").await;
    let sub = processes.sub(&browsers[0]).await;
    assert_eq!(processes.clients[1].sign_out_everywhere(&sub).await.unwrap(), 2);
    assert_eq!(processes.emulator.count(Endpoint::Revocation), 2);
    for browser in &browsers {
        assert!(!processes.is_signed_in(0, browser).await);
    }
    assert!(processes.is_signed_in(0, &bob).await);
    assert_eq!(processes.clients[0].sign_out_everywhere(&sub).await.unwrap(), 0);
}

#[tokio::test]
async fn without_a_token_store_the_error_says_what_is_missing() {
    let stage = Stage::set().await;
    for error in [
        stage.client.sign_out_everywhere("x").await.unwrap_err(),
        stage.client.handle_back_channel_logout("x").await.unwrap_err(),
        stage.client.check_back_channel_logout().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains("token_store"), "{error}");
    }
}

#[tokio::test]
async fn a_logout_token_with_sub_ends_all_sessions_of_that_person() {
    let processes = Processes::start().await;
    let browsers = [processes.signed_in("alice").await, processes.signed_in("alice").await];
    let token = processes.emulator.logout_token("local-app", "alice", None, as_it_is).unwrap();
    assert_eq!(processes.clients[0].handle_back_channel_logout(&token).await.unwrap(), 2);
    for browser in &browsers {
        assert!(!processes.is_signed_in(1, browser).await);
    }
    assert_eq!(processes.emulator.count(Endpoint::Revocation), 0, "the provider has ended what it ends");
    // The same token again, after another sign-in: at no process.
    let again = processes.signed_in("alice").await;
    for client in &processes.clients {
        assert_eq!(client.handle_back_channel_logout(&token).await.unwrap(), 0);
    }
    assert!(processes.is_signed_in(0, &again).await);
}

/// The application asks for the session in its tokens from now on.
async fn with_sessions() -> Processes {
    let application = Application::new("local-app")
        .secret("local-secret")
        .redirect_uri(CALLBACK)
        .back_channel_logout_uri("http://127.0.0.1:9/unused")
        .back_channel_logout_session_required();
    let emulator = Emulator::builder().application(application).start().await.unwrap();
    Processes::at(emulator)
}

async fn sid(processes: &Processes, browser: &Browser) -> String {
    let claims = processes.request(0, browser).await.1.id_token_claims().await.unwrap();
    claims.get("sid").unwrap().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_logout_token_with_sid_ends_that_session_and_those_that_name_none() {
    let processes = with_sessions().await;
    let (one, two) = (processes.signed_in("alice").await, processes.signed_in("alice").await);
    let nameless = {
        processes.emulator.tamper_id_token(|claims| drop(claims.remove("sid")));
        processes.signed_in("alice").await
    };
    let sid = sid(&processes, &one).await;
    let token = processes.emulator.logout_token("local-app", "alice", Some(&sid), as_it_is).unwrap();
    assert_eq!(processes.clients[1].handle_back_channel_logout(&token).await.unwrap(), 2);
    assert!(!processes.is_signed_in(0, &one).await);
    assert!(!processes.is_signed_in(0, &nameless).await);
    assert!(processes.is_signed_in(0, &two).await);
}

#[tokio::test]
async fn a_logout_token_that_is_refused_ends_nothing_and_spends_no_id() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let client = &processes.clients[0];
    for (claim, value) in [
        ("nonce", Some(json!("n"))),
        ("events", None),
        ("events", Some(json!({"other": {}}))),
        ("aud", Some(json!("other"))),
        ("iss", Some(json!("https://evil.example"))),
        ("jti", None),
        ("sub", None),
    ] {
        let change = |claims: &mut Map<String, Value>| match value.clone() {
            Some(value) => drop(claims.insert(claim.to_owned(), value)),
            None => drop(claims.remove(claim)),
        };
        let token = processes.emulator.logout_token("local-app", "alice", None, change).unwrap();
        let error = client.handle_back_channel_logout(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{claim}: {value:?}");
    }
    let token = processes.emulator.logout_token("local-app", "alice", None, as_it_is).unwrap();
    processes.advance(Duration::from_secs(1200));
    assert!(client.handle_back_channel_logout(&token).await.is_err(), "too old");
    assert!(processes.is_signed_in(0, &browser).await);
}

#[tokio::test]
async fn a_logout_token_that_is_played_back_a_hundred_times_ends_sessions_once() {
    let processes = Processes::start().await;
    processes.signed_in("alice").await;
    let token = processes.emulator.logout_token("local-app", "alice", None, as_it_is).unwrap();
    let told: Vec<_> = (0..100)
        .map(|number| {
            let (client, token) = (processes.clients[number % 2].clone(), token.clone());
            tokio::spawn(async move { client.handle_back_channel_logout(&token).await.unwrap() })
        })
        .collect();
    let mut ended = 0;
    for told in told {
        ended += told.await.unwrap();
    }
    assert_eq!(ended, 1);
}

#[tokio::test]
async fn a_logout_token_of_an_unknown_session_or_person_is_good_and_ends_nothing() {
    let processes = with_sessions().await;
    processes.emulator.add_user(User::new("bob").password("bob"));
    let browser = processes.signed_in("alice").await;
    let client = &processes.clients[0];
    for (username, sid) in [("bob", None), ("bob", Some("unknown")), ("alice", Some("unknown"))] {
        let token = processes.emulator.logout_token("local-app", username, sid, as_it_is).unwrap();
        assert_eq!(client.handle_back_channel_logout(&token).await.unwrap(), 0, "{username} {sid:?}");
        assert!(processes.is_signed_in(1, &browser).await, "{username} {sid:?}");
    }
}

#[tokio::test]
async fn a_strict_client_wants_the_type_of_a_logout_token() {
    let processes = Processes::start().await;
    let config = config(&processes.emulator.endpoint()).token_store(processes.store.clone());
    let strict = LogtoClient::new(config.strict_logout_tokens()).unwrap();
    let token = processes.emulator.logout_token("local-app", "alice", None, as_it_is).unwrap();
    assert!(strict.handle_back_channel_logout(&token).await.is_ok(), "Logto's tokens say it");
}

#[tokio::test]
async fn fifty_sessions_end_within_a_second() {
    let processes = Processes::start().await;
    let mut browsers = Vec::new();
    for _ in 0..50 {
        browsers.push(processes.signed_in("alice").await);
    }
    let token = processes.emulator.logout_token("local-app", "alice", None, as_it_is).unwrap();
    let since = std::time::Instant::now();
    assert_eq!(processes.clients[0].handle_back_channel_logout(&token).await.unwrap(), 50);
    assert!(since.elapsed() < Duration::from_secs(1));
}
