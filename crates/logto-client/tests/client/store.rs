//! What is asked of the token store; it is away, and comes back: nobody is signed out by it.

use crate::{
    processes::{APIS, Browser, Processes},
    remote::Remote,
};
use logto_client::{ErrorKind, ManualClock, SignInOptions};
use logto_emulator::Endpoint;
use std::time::Duration;

async fn processes() -> (Processes, Remote) {
    let clock = ManualClock::start_now();
    let store = Remote::new(&clock);
    (Processes::over(std::sync::Arc::new(store.clone()), clock).await, store)
}

#[tokio::test]
async fn a_page_reads_the_record_once_and_writes_nothing() {
    let (processes, store) = processes().await;
    let browser = processes.signed_in("alice").await;
    store.operations();
    processes.token(0, &browser, APIS[0]).await.unwrap();
    let refresh = ["read", "acquire", "read", "read", "swap", "release"];
    assert_eq!(store.operations(), refresh, "a refresh");
    let (_, visitor) = processes.request(1, &browser).await;
    assert!(visitor.is_authenticated().await.unwrap());
    visitor.id_token_claims().await.unwrap();
    visitor.access_token(APIS[0]).await.unwrap();
    assert_eq!(store.operations(), ["read"], "a page");
}

#[tokio::test]
async fn every_operation_says_that_the_store_is_away_and_works_when_it_is_back() {
    let (processes, store) = processes().await;
    let browser = processes.signed_in("alice").await;
    let callback = processes.callback(0, &Browser::default(), "alice").await;
    store.set_away(true);
    let calls = processes.emulator.count(Endpoint::Token);
    let (session, visitor) = processes.request(0, &browser).await;
    for error in [
        visitor.is_authenticated().await.unwrap_err(),
        visitor.id_token_claims().await.unwrap_err(),
        visitor.access_token(APIS[0]).await.unwrap_err(),
        visitor.sign_in(SignInOptions::new()).await.unwrap_err(),
        visitor.sign_out(None).await.unwrap_err(),
        visitor.handle_sign_in_callback(&callback).await.unwrap_err(),
        processes.clients[0].sign_out_everywhere("x").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert_eq!(error.kind().status(), 503);
    }
    browser.keep(&session).await;
    assert_eq!(processes.emulator.count(Endpoint::Token), calls, "no code and no refresh token is spent");
    store.set_away(false);
    processes.token(1, &browser, APIS[0]).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_the_store_does_not_take_is_served_and_written_later() {
    let (processes, store) = processes().await;
    let browser = processes.signed_in("alice").await;
    let (_, visitor) = processes.request(0, &browser).await;
    processes.emulator.hold(Endpoint::Token);
    let refresh = tokio::spawn(async move { visitor.access_token(APIS[0]).await.map(drop) });
    processes.until_asked(2).await;
    store.set_away(true);
    processes.emulator.release(Endpoint::Token);
    // It is tried again for two seconds.
    refresh.await.unwrap().unwrap();
    store.set_away(false);
    processes.clock.advance(Duration::from_secs(7));
    // This process knows the new refresh token; the record has it from the next refresh on.
    processes.token(0, &browser, APIS[1]).await.unwrap();
    processes.token(1, &browser, APIS[2]).await.unwrap();
}

#[tokio::test]
async fn a_refresh_is_written_when_the_store_comes_back_before_another_process_asks_with_the_old_token() {
    let (processes, store) = processes().await;
    let browser = processes.signed_in("alice").await;
    let (_, visitor) = processes.request(0, &browser).await;
    processes.emulator.hold(Endpoint::Token);
    let refresh = tokio::spawn(async move { visitor.access_token(APIS[0]).await.map(drop) });
    processes.until_asked(2).await;
    store.set_away(true);
    processes.emulator.release(Endpoint::Token);
    refresh.await.unwrap().unwrap();
    // The lease of the process that refreshed is over when the store comes back for both.
    processes.clock.advance(Duration::from_secs(7));
    store.set_away(false);
    processes.token(1, &browser, APIS[1]).await.unwrap();
    processes.token(0, &browser, APIS[0]).await.unwrap();
    // One sign-in, and one refresh for each token.
    assert_eq!(processes.emulator.count(Endpoint::Token), 3);
}

#[tokio::test]
async fn a_sign_out_while_the_store_is_away_is_not_undone_by_a_late_write() {
    let (processes, store) = processes().await;
    let browser = processes.signed_in("alice").await;
    let sub = processes.sub(&browser).await;
    let (_, visitor) = processes.request(0, &browser).await;
    processes.emulator.hold(Endpoint::Token);
    let refresh = tokio::spawn(async move { visitor.access_token(APIS[0]).await.map(drop) });
    processes.until_asked(2).await;
    store.set_away(true);
    processes.emulator.release(Endpoint::Token);
    refresh.await.unwrap().unwrap();
    store.set_away(false);
    processes.clients[1].sign_out_everywhere(&sub).await.unwrap();
    // Its tasks end when the late write has.
    processes.clients[0].shutdown().await;
    assert_eq!(processes.records_of(&sub).await, 0);
    assert_eq!(processes.emulator.living_grants_of("alice"), 0);
}

#[tokio::test]
async fn a_store_that_is_away_for_a_moment_while_the_provider_answers_is_waited_for() {
    let (processes, store) = processes().await;
    let browser = Browser::default();
    let callback = processes.callback(0, &browser, "alice").await;
    let (session, visitor) = processes.request(0, &browser).await;
    processes.emulator.hold(Endpoint::Token);
    let completed = tokio::spawn(async move { visitor.handle_sign_in_callback(&callback).await.map(drop) });
    processes.until_asked(1).await;
    store.set_away(true);
    processes.emulator.release(Endpoint::Token);
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.set_away(false);
    completed.await.unwrap().unwrap();
    browser.keep(&session).await;
    assert!(processes.is_signed_in(1, &browser).await);
}
