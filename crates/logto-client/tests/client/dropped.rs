//! A request that goes away at any point: nothing is lost, nothing stays locked.

use crate::{
    processes::{APIS, Browser, Processes, Visitor},
    remote::Remote,
};
use logto_client::ManualClock;
use logto_emulator::Endpoint;
use logto_storage_core::MemoryStorage;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

async fn processes() -> Processes {
    let clock = ManualClock::start_now();
    Processes::over(Arc::new(Remote::new(&clock)), clock).await
}

/// Polls so often and then drops; what came of it where it was done by then.
async fn dropped_after<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Drops a request at each of its awaits in turn, and lets the next one of the same browser see what is there.
async fn at_each_await<F: Future<Output = ()>>(
    processes: &Processes,
    mut prepare: impl AsyncFnMut() -> Browser,
    work: impl Fn(Visitor, usize) -> F,
    mut check: impl AsyncFnMut(&Browser, usize),
) -> usize {
    for polls in 0.. {
        let browser = prepare().await;
        let (session, visitor): (MemoryStorage, Visitor) = processes.request(0, &browser).await;
        let done = dropped_after(polls, work(visitor, polls)).await.is_some();
        if done {
            browser.keep(&session).await;
        }
        check(&browser, polls).await;
        if done {
            return polls;
        }
    }
    0
}

#[tokio::test]
async fn a_refresh_whose_request_goes_away_at_any_await_loses_no_token_and_leaks_no_lease() {
    let processes = processes().await;
    let awaits = at_each_await(
        &processes,
        async || processes.signed_in("alice").await,
        |visitor, _| async move { drop(visitor.access_token(APIS[0]).await.unwrap()) },
        async |browser, polls| {
            let calls = processes.emulator.count(Endpoint::Token);
            // Each with the newest refresh token, which the provider takes once only.
            for (process, api) in [(1, APIS[0]), (0, APIS[1]), (1, APIS[2])] {
                processes.token(process, browser, api).await.unwrap_or_else(|error| {
                    panic!("dropped at await {polls}: {error:?}");
                });
            }
            let more = processes.emulator.count(Endpoint::Token) - calls;
            assert!((2..=3).contains(&more), "dropped at await {polls}: {more} calls");
            let key = processes.record(browser).await;
            let lease = processes.store.acquire(&key, Duration::from_secs(1)).await.unwrap();
            assert!(!lease.abandoned, "dropped at await {polls}");
        },
    )
    .await;
    assert!(awaits > 3, "{awaits} awaits");
}

#[tokio::test]
async fn a_callback_whose_request_goes_away_at_any_await_completes_by_reload() {
    let processes = processes().await;
    let callback = std::cell::RefCell::new(String::new());
    let calls = std::cell::Cell::new(0);
    let awaits = at_each_await(
        &processes,
        async || {
            let browser = Browser::default();
            *callback.borrow_mut() = processes.callback(0, &browser, "alice").await;
            calls.set(processes.emulator.count(Endpoint::Token));
            browser
        },
        |visitor, _| {
            let callback = callback.borrow().clone();
            async move { drop(visitor.handle_sign_in_callback(&callback).await.unwrap()) }
        },
        async |browser, polls| {
            let callback = callback.borrow().clone();
            // A reload at the other process; where the first request was done, its answer opens the record.
            if !processes.is_signed_in(1, browser).await {
                processes.complete(1, browser, &callback).await.unwrap_or_else(|error| {
                    panic!("dropped at await {polls}: {error:?}");
                });
            }
            assert_eq!(processes.emulator.count(Endpoint::Token) - calls.get(), 1, "at await {polls}");
            processes.token(0, browser, APIS[0]).await.unwrap();
            let sub = processes.sub(browser).await;
            assert_eq!(processes.records_of(&sub).await, 1, "dropped at await {polls}");
            processes.clients[0].sign_out_everywhere(&sub).await.unwrap();
        },
    )
    .await;
    assert!(awaits > 8, "{awaits} awaits");
}
