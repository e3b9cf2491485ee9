//! Signing out.

use crate::stage::{BASE, Stage, config, parameter};
use logto_client::{ErrorKind, LogtoClient};
use logto_emulator::{Application, Emulator, Endpoint, Failure};
use logto_storage_core::{MemoryStorage, Storage, keys};
use std::time::{Duration, Instant};

const AFTER: &str = "http://localhost:3000/logto/signed-out";

#[tokio::test]
async fn a_sign_out_revokes_forgets_and_leads_to_the_provider() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let refresh = Storage::get(&stage.storage, keys::REFRESH_TOKEN).await.unwrap().unwrap();
    let url = stage.session().sign_out(Some(AFTER)).await.unwrap();
    let state = parameter(url.as_str(), "state");
    assert_eq!(state.len(), 43);
    assert_eq!(
        url.as_str(),
        format!(
            "{}/session/end?client_id=local-app&post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Flogto%2Fsigned-out&state={state}",
            stage.client.issuer()
        )
    );
    assert!(stage.items().await.is_empty() && !stage.session().is_authenticated().await.unwrap());
    assert!(!stage.emulator.accepts_refresh_token(&refresh));
    let sent = stage.emulator.received(Endpoint::Revocation).unwrap();
    assert!(sent.authorization.unwrap().starts_with("Basic "));
    assert!(sent.parameters.contains(&("token".to_owned(), refresh)));
}

#[tokio::test]
async fn the_state_of_the_sign_out_is_compared_and_good_once() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let url = stage.session().sign_out(Some(AFTER)).await.unwrap();
    let state = parameter(url.as_str(), "state");
    let wrong = stage.session().handle_sign_out_callback(Some("x")).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::CallbackRejected);
    stage.session().handle_sign_out_callback(Some(&state)).await.unwrap();
    assert_eq!(Storage::get(&stage.storage, keys::SESSION_META).await.unwrap(), None);
}

#[tokio::test]
async fn whatever_the_revocation_answers_the_sign_out_goes_on() {
    for failure in [Failure::Status(500), Failure::Status(400), Failure::Disconnect, Failure::NotJson] {
        let stage = Stage::set().await;
        stage.sign_in().await;
        stage.emulator.set_failure(Endpoint::Revocation, Some(failure));
        stage.session().sign_out(None).await.unwrap();
        assert!(stage.items().await.is_empty(), "{failure:?}");
    }
}

#[tokio::test]
async fn a_sign_out_waits_three_seconds_for_the_revocation_and_no_longer() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    stage.emulator.set_failure(Endpoint::Revocation, Some(Failure::Hang));
    let since = Instant::now();
    let url = stage.session().sign_out(None).await.unwrap();
    assert_eq!(url.query(), Some("client_id=local-app"));
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test]
async fn with_a_provider_that_was_never_reached_the_person_is_signed_out_here() {
    let gone = Emulator::start().await.unwrap();
    let endpoint = gone.endpoint();
    gone.stop().await;
    let client = LogtoClient::new(config(&endpoint)).unwrap();
    let storage = MemoryStorage::new();
    for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN, keys::ACCESS_TOKEN_MAP] {
        Storage::set(&storage, key, "{}").await.unwrap();
    }
    let error = client.session(storage.clone()).sign_out(Some(AFTER)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN, keys::ACCESS_TOKEN_MAP] {
        assert_eq!(Storage::get(&storage, key).await.unwrap(), None, "{key}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_before_anything_is_done() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let error = stage.session().sign_out(Some("/signed-out")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(stage.session().is_authenticated().await.unwrap());
}

#[tokio::test]
async fn a_public_client_sends_its_id_and_no_secret() {
    let emulator = Emulator::builder().application(Application::new("spa")).start().await.unwrap();
    let config = logto_client::LogtoConfig::new(emulator.endpoint(), "spa").base_url(BASE);
    let session = LogtoClient::new(config).unwrap().session(MemoryStorage::new());
    let url = session.sign_in(logto_client::SignInOptions::new()).await.unwrap();
    session.handle_sign_in_callback(&emulator.approve(url.as_str(), "alice").unwrap()).await.unwrap();
    session.sign_out(None).await.unwrap();
    for endpoint in [Endpoint::Token, Endpoint::Revocation] {
        let sent = emulator.received(endpoint).unwrap();
        assert_eq!(sent.authorization, None);
        assert!(sent.parameters.contains(&("client_id".to_owned(), "spa".to_owned())));
        assert!(sent.parameters.iter().all(|(name, _)| name != "client_secret"));
    }
}

#[tokio::test]
async fn a_confidential_client_authenticates_by_http_basic_alone() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let sent = stage.emulator.received(Endpoint::Token).unwrap();
    assert_eq!(sent.authorization.as_deref(), Some("Basic bG9jYWwtYXBwOmxvY2FsLXNlY3JldA=="));
    assert!(sent.parameters.iter().all(|(name, _)| name != "client_secret"));
}

#[tokio::test]
async fn a_callback_that_is_played_back_after_the_sign_out_signs_nobody_in() {
    let stage = Stage::set().await;
    let callback = stage.callback().await;
    // A request that was there when the callback came, and is slow.
    let before = MemoryStorage::new();
    for key in [keys::SIGN_IN_SESSION, keys::SESSION_META] {
        Storage::set(&before, key, &stage.item(key).await.unwrap()).await.unwrap();
    }
    stage.complete(&callback).await.unwrap();
    stage.session().sign_out(None).await.unwrap();
    let slow = stage.client.session(before);
    let refused = slow.handle_sign_in_callback(&callback).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CallbackRejected);
    assert!(!slow.is_authenticated().await.unwrap());
}
