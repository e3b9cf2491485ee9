//! With a token store: sign-in, refresh and sign-out over two processes.

use crate::processes::{APIS, Browser, Processes};
use logto_client::{ErrorKind, LogtoConfig, SignInOptions, TokenTarget};
use logto_emulator::{Endpoint, Failure};
use logto_storage_core::{Storage, keys};
use std::{collections::HashSet, time::Duration};

#[tokio::test]
async fn the_session_holds_a_ticket_of_45_characters_and_nothing_else() {
    let processes = Processes::start().await;
    let browser = Browser::default();
    let callback = processes.callback(0, &browser, "alice").await;
    let (session, visitor) = processes.request(1, &browser).await;
    // What lay there before there were tickets goes too.
    Storage::set(&session, keys::REFRESH_TOKEN, "old").await.unwrap();
    visitor.handle_sign_in_callback(&callback).await.unwrap();
    for key in keys::ALL {
        let item = Storage::get(&session, key).await.unwrap();
        assert_eq!(item.map(|item| item.len()), (key == keys::SESSION_META).then_some(45), "{key}");
    }
}

#[tokio::test]
async fn the_ticket_changes_at_sign_in_and_the_one_before_opens_nothing() {
    let processes = Processes::start().await;
    let (browser, before) = (Browser::default(), Browser::default());
    let callback = processes.callback(0, &browser, "alice").await;
    before.keep(&browser.session().await).await;
    processes.complete(0, &browser, &callback).await.unwrap();
    assert_ne!(browser.item().await, before.item().await);
    assert!(processes.is_signed_in(1, &browser).await);
    assert!(!processes.is_signed_in(0, &before).await);
    // Neither does it once more, by another sign-in of the same browser.
    let again = processes.callback(1, &browser, "alice").await;
    before.keep(&browser.session().await).await;
    processes.complete(0, &browser, &again).await.unwrap();
    assert!(!processes.is_signed_in(0, &before).await);
    assert_eq!(processes.records_of(&processes.sub(&browser).await).await, 1);
}

#[tokio::test]
async fn a_callback_at_two_processes_at_once_makes_one_token_call_and_one_record() {
    let processes = Processes::start().await;
    let browser = Browser::default();
    let callback = processes.callback(0, &browser, "alice").await;
    processes.emulator.hold(Endpoint::Token);
    let mut requests = Vec::new();
    for index in 0..100 {
        let (session, visitor) = processes.request(index % 2, &browser).await;
        let callback = callback.clone();
        requests.push(tokio::spawn(async move {
            visitor.handle_sign_in_callback(&callback).await.unwrap();
            session
        }));
    }
    processes.until_asked(1).await;
    processes.emulator.release(Endpoint::Token);
    let mut tickets = HashSet::new();
    for request in requests {
        let session = request.await.unwrap();
        tickets.insert(Storage::get(&session, keys::SESSION_META).await.unwrap().unwrap());
        browser.keep(&session).await;
    }
    assert_eq!((processes.emulator.count(Endpoint::Token), tickets.len()), (1, 1));
    assert_eq!(processes.records_of(&processes.sub(&browser).await).await, 1);
}

#[tokio::test]
async fn two_sign_ins_started_at_once_at_two_processes_both_come_back() {
    let processes = Processes::start().await;
    let browser = Browser::default();
    // The visitor has a ticket.
    processes.callback(0, &browser, "alice").await;
    let (_, one) = processes.request(0, &browser).await;
    let (_, two) = processes.request(1, &browser).await;
    let started = tokio::join!(one.sign_in(SignInOptions::new()), two.sign_in(SignInOptions::new()));
    for url in [started.0.unwrap(), started.1.unwrap()] {
        let callback = processes.emulator.approve(url.as_str(), "alice").unwrap();
        processes.complete(1, &browser, &callback).await.unwrap();
    }
}

#[tokio::test]
async fn a_callback_with_the_ticket_from_before_is_completed_again_for_a_minute() {
    let processes = Processes::start().await;
    let (browser, unaware) = (Browser::default(), Browser::default());
    let callback = processes.callback(0, &browser, "alice").await;
    unaware.keep(&browser.session().await).await;
    processes.complete(0, &browser, &callback).await.unwrap();
    // The answer is lost; the browser comes with the ticket that it has, and to the other process.
    processes.complete(1, &unaware, &callback).await.unwrap();
    assert_eq!(unaware.item().await, browser.item().await);
    assert_eq!(processes.emulator.count(Endpoint::Token), 1);
    // Not after the person has signed out, and not later.
    let (late, later) = (Browser::default(), Browser::default());
    let callback = processes.callback(0, &late, "alice").await;
    later.keep(&late.session().await).await;
    processes.complete(0, &late, &callback).await.unwrap();
    processes.request(1, &late).await.1.sign_out(None).await.unwrap();
    let refused = processes.complete(1, &later, &callback).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CallbackRejected);
    processes.advance(Duration::from_secs(60));
    let refused = processes.complete(1, &later, &callback).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SignInSessionNotFound);
    assert!(!processes.is_signed_in(0, &later).await);
}

#[tokio::test]
async fn requests_at_two_processes_make_one_refresh() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    processes.emulator.hold(Endpoint::Token);
    let mut requests = Vec::new();
    for index in 0..100 {
        let (_, visitor) = processes.request(index % 2, &browser).await;
        requests.push(tokio::spawn(async move {
            visitor.access_token(APIS[0]).await.unwrap().expose().to_owned()
        }));
    }
    processes.until_asked(2).await;
    processes.emulator.release(Endpoint::Token);
    let mut tokens = HashSet::new();
    for request in requests {
        tokens.insert(request.await.unwrap());
    }
    assert_eq!((tokens.len(), processes.emulator.count(Endpoint::Token)), (1, 2));
    processes.token(0, &browser, APIS[1]).await.unwrap();
}

#[tokio::test]
async fn eight_resources_at_two_processes_are_refreshed_in_turn() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let mut requests = Vec::new();
    for index in 0..32 {
        let (_, visitor) = processes.request(index % 2, &browser).await;
        let api = APIS[index / 2 % 8];
        requests.push(tokio::spawn(async move {
            let claims = visitor.access_token_claims(api).await.unwrap();
            assert_eq!(claims.aud(), Some(api));
        }));
    }
    for request in requests {
        request.await.unwrap();
    }
    assert_eq!(processes.emulator.count(Endpoint::Token), 9);
}

#[tokio::test]
async fn a_forced_refresh_is_a_new_call_but_not_for_each_who_waits_for_it() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let first = processes.token(0, &browser, APIS[0]).await.unwrap();
    let (_, visitor) = processes.request(1, &browser).await;
    assert!(visitor.is_authenticated().await.unwrap(), "it has read the record");
    let second = processes.token(0, &browser, TokenTarget::resource(APIS[0]).forced()).await.unwrap();
    // It has seen the first token, and any other is good enough.
    let third = visitor.access_token(TokenTarget::resource(APIS[0]).forced()).await.unwrap();
    assert_eq!(processes.emulator.count(Endpoint::Token), 3);
    assert_ne!(first, second);
    assert_eq!(third.expose(), second);
}

#[tokio::test]
async fn a_sign_out_during_a_refresh_at_another_process_is_not_undone() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let sub = processes.sub(&browser).await;
    let (_, slow) = processes.request(0, &browser).await;
    processes.emulator.hold(Endpoint::Token);
    let refresh = tokio::spawn(async move { slow.access_token(APIS[0]).await.map(drop) });
    processes.until_asked(2).await;
    let (session, visitor) = processes.request(1, &browser).await;
    visitor.sign_out(Some("http://localhost:3000/logto/signed-out")).await.unwrap();
    processes.emulator.release(Endpoint::Token);
    assert_eq!(refresh.await.unwrap().unwrap_err().kind(), ErrorKind::NotAuthenticated);
    assert_eq!(processes.records_of(&sub).await, 0);
    for process in [0, 1] {
        assert!(!processes.is_signed_in(process, &browser).await, "the ticket from before");
    }
    browser.keep(&session).await;
    assert!(!processes.is_signed_in(0, &browser).await, "the ticket of the sign-out");
}

#[tokio::test]
async fn a_slow_request_writes_nothing_after_a_sign_out() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let sub = processes.sub(&browser).await;
    let (_, slow) = processes.request(0, &browser).await;
    assert!(slow.is_authenticated().await.unwrap(), "it has read the record");
    processes.request(1, &browser).await.1.sign_out(None).await.unwrap();
    let refused = slow.clear_access_token().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotAuthenticated);
    assert_eq!(processes.records_of(&sub).await, 0);
    assert!(!processes.is_signed_in(0, &browser).await);
}

#[tokio::test]
async fn who_comes_back_after_the_lease_was_anothers_writes_nothing() {
    let processes = Processes::start().await;
    processes.emulator.set_reuse_interval(Duration::from_secs(3));
    let browser = processes.signed_in("alice").await;
    let (_, stopped) = processes.request(0, &browser).await;
    processes.emulator.hold(Endpoint::Token);
    let stopped =
        tokio::spawn(async move { stopped.access_token(APIS[0]).await.unwrap().expose().to_owned() });
    processes.until_asked(2).await;
    // The process stands still for longer than its lease.
    processes.clock.advance(Duration::from_secs(7));
    let (_, other) = processes.request(1, &browser).await;
    let other = tokio::spawn(async move { other.access_token(APIS[0]).await.unwrap().expose().to_owned() });
    processes.until_asked(3).await;
    processes.emulator.release(Endpoint::Token);
    let (stopped, other) = (stopped.await.unwrap(), other.await.unwrap());
    assert_eq!(processes.token(0, &browser, APIS[0]).await.unwrap(), other, "the later holder's is kept");
    assert_eq!(stopped, other, "and served to both");
    processes.token(1, &browser, APIS[1]).await.unwrap();
}

#[tokio::test]
async fn a_lease_is_renewed_while_the_provider_is_slow() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let key = processes.record(&browser).await;
    let (_, visitor) = processes.request(0, &browser).await;
    processes.emulator.hold(Endpoint::Token);
    let refresh = tokio::spawn(async move { visitor.access_token(APIS[0]).await.map(drop) });
    processes.until_asked(2).await;
    // Each renewal finds the lease five of its six seconds old.
    for _ in 0..2 {
        processes.clock.advance(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(2200)).await;
        assert!(processes.store.acquire(&key, Duration::from_secs(1)).await.is_err());
    }
    processes.emulator.release(Endpoint::Token);
    refresh.await.unwrap().unwrap();
    assert!(!processes.store.acquire(&key, Duration::from_secs(1)).await.unwrap().abandoned);
}

#[tokio::test]
async fn a_process_that_ends_during_a_refresh_keeps_the_others_waiting_no_longer_than_its_lease() {
    let processes = Processes::start().await;
    processes.emulator.set_reuse_interval(Duration::from_secs(3));
    let browser = processes.signed_in("alice").await;
    let session = browser.session().await;
    let client = processes.another();
    processes.emulator.hold(Endpoint::Token);
    let killed = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let doomed = client.session(client.storage(session));
    killed.spawn(async move { doomed.access_token(APIS[0]).await.map(drop) });
    processes.until_asked(2).await;
    killed.shutdown_background();
    processes.emulator.release(Endpoint::Token);
    processes.clock.advance(Duration::from_secs(7));
    // The provider has replaced the refresh token for nobody, and takes it again for three seconds.
    processes.token(1, &browser, APIS[0]).await.unwrap();
    processes.token(0, &browser, APIS[1]).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_still_good_is_served_while_the_lease_is_anothers() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let token = processes.token(0, &browser, APIS[0]).await.unwrap();
    // Twenty seconds before its end, and somebody else is at the provider for long.
    processes.advance(Duration::from_secs(3580));
    let key = processes.record(&browser).await;
    processes.store.acquire(&key, Duration::from_secs(3600)).await.unwrap();
    assert_eq!(processes.token(1, &browser, APIS[0]).await.unwrap(), token);
}

#[tokio::test]
async fn a_dead_grant_ends_the_record_and_an_outage_does_not() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let sub = processes.sub(&browser).await;
    processes.emulator.set_failure(Endpoint::Token, Some(Failure::Status(503)));
    let error = processes.token(0, &browser, APIS[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(processes.records_of(&sub).await, 1);
    processes.emulator.set_failure(Endpoint::Token, None);
    processes.emulator.revoke_grants_of("alice");
    let error = processes.token(0, &browser, APIS[0]).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotAuthenticated, Some("invalid_grant")));
    assert_eq!(processes.records_of(&sub).await, 0);
    assert!(!processes.is_signed_in(1, &browser).await);
}

#[tokio::test]
async fn a_record_in_use_lives_on_and_one_out_of_use_ends() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    for _ in 0..6 {
        processes.advance(Duration::from_secs(8 * 86_400));
        assert!(processes.is_signed_in(0, &browser).await);
    }
    processes.advance(Duration::from_secs(14 * 86_400));
    assert!(!processes.is_signed_in(0, &browser).await);
}

#[tokio::test]
async fn an_application_that_shares_the_store_sees_nothing_of_the_others() {
    let processes = Processes::start().await;
    let browser = processes.signed_in("alice").await;
    let sub = processes.sub(&browser).await;
    let config = LogtoConfig::new(processes.emulator.endpoint(), "other-app");
    let other = logto_client::LogtoClient::new(config.token_store(processes.store.clone())).unwrap();
    let visitor = other.session(other.storage(browser.session().await));
    assert!(!visitor.is_authenticated().await.unwrap());
    assert_eq!(other.sign_out_everywhere(&sub).await.unwrap(), 0);
    assert!(processes.is_signed_in(0, &browser).await);
}
