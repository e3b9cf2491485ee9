//! Refreshes that meet: one call, the newest token, nothing lost.

use crate::{
    stage::Stage,
    tokens::{API, signed_in},
};
use logto_client::{ErrorKind, LogtoError, TokenTarget};
use logto_emulator::{Emulator, Endpoint, Failure, Rotation};
use logto_storage_core::{MemoryStorage, Storage, keys};
use std::{collections::HashSet, time::Duration};
use tokio::task::JoinHandle;

/// A copy of the visitor's items: what a request loads that begins now.
async fn snapshot(stage: &Stage) -> MemoryStorage {
    let copy = MemoryStorage::new();
    for key in keys::ALL {
        if let Some(value) = stage.item(key).await {
            Storage::set(&copy, key, &value).await.unwrap();
        }
    }
    copy
}

async fn write_back(stage: &Stage, copy: &MemoryStorage) {
    for key in keys::ALL {
        match Storage::get(copy, key).await.unwrap() {
            Some(value) => Storage::set(&stage.storage, key, &value).await.unwrap(),
            None => Storage::remove(&stage.storage, key).await.unwrap(),
        }
    }
}

/// A request of its own, as in a framework: it loads the items, works, and writes them back at its end.
async fn request(
    stage: &Stage,
    target: TokenTarget,
) -> JoinHandle<(MemoryStorage, Result<String, LogtoError>)> {
    let copy = snapshot(stage).await;
    let session = stage.client.session(copy.clone());
    tokio::spawn(async move {
        let outcome = session.access_token(target).await.map(|token| token.expose().to_owned());
        (copy, outcome)
    })
}

/// Lets the provider answer the call that it has received: on this one thread all other requests wait by then.
async fn when_all_wait(stage: &Stage) {
    while stage.emulator.count(Endpoint::Token) < 2 {
        tokio::task::yield_now().await;
    }
    stage.emulator.release(Endpoint::Token);
}

/// Eight APIs, rotation at every refresh, no second use of a refresh token.
async fn strict() -> (Stage, Vec<String>) {
    let resources: Vec<String> = (0..8).map(|n| format!("https://api{n}.example.test")).collect();
    let configured = resources.clone();
    let stage = Stage::over(Emulator::start().await.unwrap(), |config| config.resources(configured));
    stage.emulator.set_rotation(Rotation::Always);
    stage.emulator.set_reuse_interval(Duration::ZERO);
    stage.sign_in().await;
    (stage, resources)
}

#[tokio::test]
async fn fifty_requests_at_once_make_one_call() {
    let (stage, resources) = strict().await;
    stage.emulator.hold(Endpoint::Token);
    let calls = stage.emulator.count(Endpoint::Token);
    let mut requests = Vec::new();
    for _ in 0..50 {
        requests.push(request(&stage, resources[0].as_str().into()).await);
    }
    when_all_wait(&stage).await;
    let mut tokens = HashSet::new();
    for request in requests {
        let (copy, outcome) = request.await.unwrap();
        tokens.insert(outcome.unwrap());
        write_back(&stage, &copy).await;
    }
    assert_eq!((tokens.len(), stage.emulator.count(Endpoint::Token) - calls), (1, 1));
    stage.session().access_token(TokenTarget::resource(&resources[1])).await.unwrap();
}

#[tokio::test]
async fn eight_resources_at_once_get_each_its_own_token_by_calls_in_turn() {
    let (stage, resources) = strict().await;
    let mut requests = Vec::new();
    for resource in &resources {
        requests.push(request(&stage, resource.as_str().into()).await);
    }
    let mut tokens = HashSet::new();
    let mut last = None;
    for request in requests {
        let (copy, outcome) = request.await.unwrap();
        tokens.insert(outcome.unwrap());
        last = Some(copy);
    }
    assert_eq!((tokens.len(), stage.emulator.count(Endpoint::Token)), (8, 9));
    // Whichever request writes last: the session goes on.
    write_back(&stage, &last.unwrap()).await;
    stage.session().access_token(TokenTarget::user_info().forced()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_goes_away_ends_no_refresh() {
    let (stage, resources) = strict().await;
    stage.emulator.hold(Endpoint::Token);
    let gone = request(&stage, resources[0].as_str().into()).await;
    while stage.emulator.count(Endpoint::Token) < 2 {
        tokio::task::yield_now().await;
    }
    gone.abort();
    stage.emulator.release(Endpoint::Token);
    stage.client.shutdown().await;
    // The session still holds the refresh token that is spent.
    let token = stage.session().access_token(resources[0].as_str()).await.unwrap();
    assert_eq!(stage.emulator.count(Endpoint::Token), 2, "the next request hears the answer");
    assert_eq!(token.claims().unwrap().aud(), Some(resources[0].as_str()));
    stage.session().access_token(resources[1].as_str()).await.unwrap();
}

#[tokio::test]
async fn a_stale_session_that_is_written_back_after_a_refresh_is_healed() {
    let (stage, resources) = strict().await;
    let stale = snapshot(&stage).await;
    for resource in &resources[..3] {
        stage.session().access_token(resource.as_str()).await.unwrap();
    }
    write_back(&stage, &stale).await;
    stage.advance(Duration::from_secs(3 * 86_400));
    stage.session().access_token(resources[5].as_str()).await.unwrap();
    assert!(stage.session().is_authenticated().await.unwrap());
    assert_ne!(
        stage.item(keys::REFRESH_TOKEN).await,
        Storage::get(&stale, keys::REFRESH_TOKEN).await.unwrap()
    );
}

#[tokio::test]
async fn who_has_signed_out_stays_signed_out_whatever_is_written_back() {
    let stage = signed_in().await;
    stage.session().access_token(API).await.unwrap();
    let slow = snapshot(&stage).await;
    stage.session().sign_out(None).await.unwrap();
    write_back(&stage, &slow).await;
    assert!(!stage.session().is_authenticated().await.unwrap());
    assert!(stage.items().await.is_empty(), "what came back is dropped");
    write_back(&stage, &slow).await;
    let error = stage.session().access_token(API).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAuthenticated);
    stage.sign_in().await;
    assert!(stage.session().is_authenticated().await.unwrap(), "a new sign-in is a new one");
    stage.session().access_token(API).await.unwrap();
}

#[tokio::test]
async fn a_refresh_under_way_at_the_sign_out_serves_nobody_and_leaves_nothing_good() {
    let (stage, resources) = strict().await;
    stage.emulator.hold(Endpoint::Token);
    let slow = request(&stage, resources[0].as_str().into()).await;
    let waiting = request(&stage, resources[1].as_str().into()).await;
    while stage.emulator.count(Endpoint::Token) < 2 {
        tokio::task::yield_now().await;
    }
    stage.session().sign_out(None).await.unwrap();
    stage.emulator.release(Endpoint::Token);
    for request in [slow, waiting] {
        let (copy, outcome) = request.await.unwrap();
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotAuthenticated);
        write_back(&stage, &copy).await;
        assert!(!stage.session().is_authenticated().await.unwrap());
    }
    stage.client.shutdown().await;
    assert_eq!(stage.emulator.count(Endpoint::Token), 2, "who waited makes no call");
}

#[tokio::test]
async fn a_dead_grant_ends_the_sign_in_once_and_for_all_who_wait() {
    let stage = signed_in().await;
    let refresh_token = stage.item(keys::REFRESH_TOKEN).await.unwrap();
    stage.emulator.revoke_grant(&refresh_token);
    stage.emulator.hold(Endpoint::Token);
    let mut requests = Vec::new();
    for resource in [API, API, "https://other.example.test"] {
        requests.push(request(&stage, resource.into()).await);
    }
    when_all_wait(&stage).await;
    for request in requests {
        let (copy, outcome) = request.await.unwrap();
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotAuthenticated, Some("invalid_grant")));
        assert!(!error.is_repeated());
        assert_eq!(Storage::get(&copy, keys::ID_TOKEN).await.unwrap(), None);
        write_back(&stage, &copy).await;
    }
    assert_eq!(stage.emulator.count(Endpoint::Token), 2, "one sign-in, one refresh");
    assert!(!stage.session().is_authenticated().await.unwrap());

    stage.sign_in().await;
    stage.emulator.revoke_grant(&stage.item(keys::REFRESH_TOKEN).await.unwrap());
    let error = stage.session().access_token(API).await.unwrap_err();
    assert!(error.is_repeated(), "twice within a minute goes in a circle");
    stage.sign_in().await;
    stage.advance(Duration::from_secs(61));
    stage.emulator.revoke_grant(&stage.item(keys::REFRESH_TOKEN).await.unwrap());
    assert!(!stage.session().access_token(API).await.unwrap_err().is_repeated());
}

#[tokio::test]
async fn an_outage_is_told_to_all_who_wait_and_the_next_one_tries_again() {
    let (stage, resources) = strict().await;
    stage.emulator.hold(Endpoint::Token);
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::Status(503)));
    let mut requests = Vec::new();
    for resource in &resources {
        requests.push(request(&stage, resource.as_str().into()).await);
    }
    when_all_wait(&stage).await;
    for request in requests {
        assert_eq!(request.await.unwrap().1.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!(stage.emulator.count(Endpoint::Token), 2, "nobody waits for the same outage in turn");
    stage.emulator.set_failure(Endpoint::Token, None);
    stage.session().access_token(resources[3].as_str()).await.unwrap();
}

#[test]
fn a_runtime_that_ends_during_a_refresh_lets_others_go_on() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let main = runtime();
    let stage = main.block_on(signed_in());
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::Hang));
    // A worker with a runtime of its own begins the refresh and is stopped.
    let worker = runtime();
    let begun = worker.block_on(request(&stage, API.into()));
    while stage.emulator.count(Endpoint::Token) < 2 {
        std::thread::yield_now();
    }
    let session = stage.session();
    let mut joined = Box::pin(session.access_token(API));
    main.block_on(async {
        tokio::select! {
            biased;
            _ = &mut joined => panic!("answered by nobody"),
            () = std::future::ready(()) => {}
        }
    });
    drop(begun);
    worker.shutdown_background();
    assert_eq!(main.block_on(joined).unwrap_err().kind(), ErrorKind::Unavailable);
    stage.emulator.set_failure(Endpoint::Token, None);
    main.block_on(async { stage.session().access_token(API).await }).unwrap();
}
