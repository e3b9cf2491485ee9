//! Metadata and keys: fetched once, kept, fetched anew in need.

use crate::stage::{BASE, Stage, config};
use logto_client::{ErrorKind, LogtoClient, LogtoConfig, ManualClock, SignInOptions};
use logto_emulator::{Emulator, Endpoint, Failure};
use logto_storage_core::MemoryStorage;
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn fifty_who_start_at_once_share_one_fetch() {
    let stage = Stage::set().await;
    stage.emulator.set_latency(Endpoint::Discovery, Duration::from_millis(30));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let session = stage.client.session(MemoryStorage::new());
            tokio::spawn(async move { session.sign_in(SignInOptions::new()).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(stage.emulator.count(Endpoint::Discovery), 1);
}

#[tokio::test]
async fn the_client_starts_without_the_provider_and_works_when_it_comes() {
    let emulator = Emulator::start().await.unwrap();
    let (endpoint, port) = (emulator.endpoint(), emulator.address().port());
    emulator.stop().await;
    let clock = ManualClock::start_now();
    let client = LogtoClient::new(config(&endpoint).clock(Arc::new(clock.clone()))).unwrap();
    let session = client.session(MemoryStorage::new());
    let error = session.sign_in(SignInOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let emulator = Emulator::builder().port(port).start().await.unwrap();
    let paused = session.sign_in(SignInOptions::new()).await.unwrap_err();
    assert!(paused.retry_after().unwrap() <= Duration::from_millis(500));
    assert_eq!(emulator.count(Endpoint::Discovery), 0, "nobody asks before the pause is over");
    clock.advance(Duration::from_millis(501));
    let url = session.sign_in(SignInOptions::new()).await.unwrap();
    session.handle_sign_in_callback(&emulator.approve(url.as_str(), "alice").unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_is_known_is_used_while_the_provider_gives_nothing_new() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    for failure in [
        Failure::Status(500),
        Failure::NotJson,
        Failure::Empty,
        Failure::WrongShape,
        Failure::TooLarge,
        Failure::GzipBomb,
        Failure::Truncated,
        Failure::Disconnect,
        Failure::Redirect,
        Failure::RetryAfter(1),
    ] {
        stage.emulator.set_failure(Endpoint::Discovery, Some(failure));
        stage.emulator.set_failure(Endpoint::Jwks, Some(failure));
        stage.clock.advance(Duration::from_secs(2 * 3600));
        stage.emulator.advance(Duration::from_secs(2 * 3600));
        let callback = stage.callback().await;
        stage.complete(&callback).await.unwrap();
    }
}

#[tokio::test]
async fn keys_that_are_withdrawn_are_not_trusted_for_ever() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    stage.emulator.set_failure(Endpoint::Jwks, Some(Failure::Status(500)));
    stage.clock.advance(Duration::from_secs(25 * 3600));
    stage.emulator.advance(Duration::from_secs(25 * 3600));
    let callback = stage.callback().await;
    assert_eq!(stage.complete(&callback).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(stage.emulator.count(Endpoint::Token), 1, "no code is spent that could not be verified");
    stage.emulator.set_failure(Endpoint::Jwks, None);
    stage.clock.advance(Duration::from_secs(5));
    stage.complete(&callback).await.unwrap();
}

#[tokio::test]
async fn a_key_published_one_second_after_the_last_fetch_is_accepted() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    stage.clock.advance(Duration::from_secs(1));
    stage.emulator.rotate_keys().unwrap();
    stage.sign_in().await;
    assert_eq!(stage.emulator.count(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn unknown_keys_make_three_fetches_a_minute_at_most() {
    let stage = Stage::set().await;
    let mut refused = 0;
    for _ in 0..8 {
        stage.emulator.rotate_keys().unwrap();
        let callback = stage.callback().await;
        match stage.complete(&callback).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidToken);
                refused += 1;
            }
        }
        stage.clock.advance(Duration::from_secs(1));
    }
    assert_eq!((stage.emulator.count(Endpoint::Jwks), refused), (3, 5));
    stage.clock.advance(Duration::from_secs(60));
    stage.sign_in().await;
    assert_eq!(stage.emulator.count(Endpoint::Jwks), 4);
}

#[tokio::test]
async fn metadata_of_another_issuer_are_refused() {
    let emulator = Emulator::builder().endpoint("https://other.example").start().await.unwrap();
    let config = LogtoConfig::new(format!("http://{}", emulator.address()), "local-app").base_url(BASE);
    let session = LogtoClient::new(config).unwrap().session(MemoryStorage::new());
    let error = session.sign_in(SignInOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProviderMisbehaved, "{error}");
}
