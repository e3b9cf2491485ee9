//! Servers that are away, stand still, forget, and come back.

use crate::{
    proxy::{Mode, Proxy},
    stage::{HOUR, command_at, key, program, record, server, shown, url},
};
use logto_conformance::servers::{Server, free_port};
use logto_storage_core::{
    TokenStore,
    TokenStoreErrorKind::{Conflict, NotFound, Unavailable},
};
use logto_storage_redis::RedisTokenStore;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_two_operations_is_not_noticed() {
    let Some(program) = program("a_restart_between_two_operations_is_not_noticed") else { return };
    let mut running = server(&program, &[]);
    let proxy = Proxy::to(running.port());
    let store = RedisTokenStore::connect(&proxy.url()).await.unwrap();
    for _ in 0..5 {
        store.create(&key("a"), &record("x"), HOUR).await.unwrap();
        drop(running);
        running = server(&program, &[]);
        proxy.lead_to(running.port());
    }
    drop(running);
    assert_eq!(store.read(&key("a")).await.unwrap_err().kind(), Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_may_start_before_its_server() {
    let Some(program) = program("a_store_may_start_before_its_server") else { return };
    let proxy = Proxy::to(free_port());
    let store = RedisTokenStore::lazy(&proxy.url()).unwrap();
    assert_eq!(store.check().await.unwrap_err().kind(), Unavailable);
    let running = server(&program, &[]);
    proxy.lead_to(running.port());
    store.check().await.unwrap();
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_unavailable_in_time_and_serves_at_once_when_it_goes_on() {
    let Some(program) = program("a_server_that_stands_still_is_unavailable_in_time") else { return };
    let server = server(&program, &[]);
    let proxy = Proxy::to(server.port());
    let timeout = Duration::from_millis(150);
    let store = RedisTokenStore::connect(&proxy.url()).await.unwrap().with_timeout(timeout);
    let version = store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    proxy.set(Mode::Still);
    for _ in 0..3 {
        let since = Instant::now();
        let error = store.read(&key("a")).await.unwrap_err();
        assert_eq!(error.kind(), Unavailable, "{}", shown(&error));
        assert!(since.elapsed() < 4 * timeout, "{:?}", since.elapsed());
    }
    proxy.set(Mode::Through);
    // The attempt that is under way may be one from before.
    let since = Instant::now();
    while let Err(error) = store.read(&key("a")).await {
        assert_eq!(error.kind(), Unavailable);
        assert!(since.elapsed() < 4 * timeout, "{}", shown(&error));
    }
    store.swap(&key("a"), version, &record("y"), HOUR, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_wait_for_one_connection() {
    let Some(program) = program("many_requests_wait_for_one_connection") else { return };
    let server = server(&program, &[]);
    let proxy = Proxy::to(server.port());
    let store = Arc::new(RedisTokenStore::lazy(&proxy.url()).unwrap());
    for connections in 1..4 {
        let requests: Vec<_> = (0..250)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.read(&key("a")).await.unwrap_err().kind() })
            })
            .collect();
        for request in requests {
            assert_eq!(request.await.unwrap(), NotFound);
        }
        assert_eq!(proxy.accepted(), connections);
        proxy.set(Mode::Cut);
        proxy.set(Mode::Through);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_an_outage_ends_with_the_server_s_return() {
    let Some(program) = program("under_load_an_outage_ends_with_the_server_s_return") else { return };
    let server = server(&program, &[]);
    let proxy = Proxy::to(server.port());
    let store = Arc::new(RedisTokenStore::connect(&proxy.url()).await.unwrap());
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let (ended, wrong) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let load: Vec<_> = (0..20)
        .map(|_| {
            let (store, ended, wrong) = (Arc::clone(&store), Arc::clone(&ended), Arc::clone(&wrong));
            tokio::spawn(async move {
                while !ended.load(Ordering::SeqCst) {
                    match store.read(&key("a")).await {
                        Err(error) if error.kind() != Unavailable => wrong.store(true, Ordering::SeqCst),
                        _ => tokio::task::yield_now().await,
                    }
                }
            })
        })
        .collect();
    for _ in 0..5 {
        proxy.set(Mode::Cut);
        let error = store.read(&key("a")).await.unwrap_err();
        assert_eq!(error.kind(), Unavailable, "{}", shown(&error));
        proxy.set(Mode::Through);
        let since = Instant::now();
        while store.read(&key("a")).await.is_err() {
            assert!(since.elapsed() < Duration::from_secs(1), "away for longer than the server");
        }
    }
    ended.store(true, Ordering::SeqCst);
    for task in load {
        task.await.unwrap();
    }
    assert!(!wrong.load(Ordering::SeqCst), "an outage is never anything else");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_answer_is_lost_only_what_may_be_sent_again_is() {
    let Some(program) = program("where_an_answer_is_lost_only_what_may_be_sent_again_is") else { return };
    let server = server(&program, &[]);
    let proxy = Proxy::to(server.port());
    let store = RedisTokenStore::connect(&proxy.url()).await.unwrap();
    let past = RedisTokenStore::connect(&url(&server)).await.unwrap();
    let index = record("").sub().unwrap().clone();
    // The server knows the scripts: the first answer is not that it does not.
    let version = past.create(&key("b"), &record("x"), HOUR).await.unwrap();
    past.swap(&key("b"), version, &record("y"), HOUR, None).await.unwrap();
    let lease = past.acquire(&key("b"), HOUR).await.unwrap();
    past.renew(&key("b"), lease.fence, HOUR).await.unwrap();
    past.release(&key("b"), lease.fence).await.unwrap();
    past.find(&index).await.unwrap();
    past.take(&key("b")).await.unwrap();

    lose_an_answer(&store, &proxy).await;
    let created = store.create(&key("a"), &record("one"), HOUR).await;
    assert_eq!(created.unwrap_err().kind(), Unavailable);
    let seen = past.read(&key("a")).await.unwrap().version;
    lose_an_answer(&store, &proxy).await;
    assert_eq!(store.read(&key("a")).await.unwrap().record.payload(), b"one");
    lose_an_answer(&store, &proxy).await;
    assert_eq!(store.find(&index).await.unwrap(), [key("a")]);

    lose_an_answer(&store, &proxy).await;
    let written = store.swap(&key("a"), seen, &record("two"), HOUR, None).await.unwrap();
    let stored = past.read(&key("a")).await.unwrap();
    assert_eq!((stored.version, stored.record.payload()), (written, &b"two"[..]));
    assert_eq!(store.swap(&key("a"), seen, &record("late"), HOUR, None).await.unwrap_err().kind(), Conflict);
    lose_an_answer(&store, &proxy).await;
    // Somebody else's version: whether it was written over this one's cannot be known.
    let unsure = store.swap(&key("a"), seen, &record("late"), HOUR, None).await.unwrap_err();
    assert_eq!(unsure.kind(), Unavailable);

    let lease = store.acquire(&key("a"), HOUR).await.unwrap();
    for _ in 0..2 {
        lose_an_answer(&store, &proxy).await;
        store.renew(&key("a"), lease.fence, HOUR).await.unwrap();
    }
    lose_an_answer(&store, &proxy).await;
    store.release(&key("a"), lease.fence).await.unwrap();
    lose_an_answer(&store, &proxy).await;
    assert_eq!(store.acquire(&key("a"), HOUR).await.unwrap_err().kind(), Unavailable);

    lose_an_answer(&store, &proxy).await;
    assert_eq!(store.delete(&key("a")).await.unwrap_err().kind(), Unavailable);
    assert_eq!(past.read(&key("a")).await.unwrap_err().kind(), NotFound);
}

/// The next answer on the connection that the store has.
async fn lose_an_answer(store: &RedisTokenStore, proxy: &Proxy) {
    store.check().await.unwrap();
    proxy.set(Mode::SwallowAnAnswer);
}

#[tokio::test]
async fn a_server_that_forgets_its_scripts_is_sent_them_again() {
    let Some(program) = program("a_server_that_forgets_its_scripts_is_sent_them_again") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    let forget = || command_at::<()>(server.port(), &["SCRIPT", "FLUSH"]);
    forget();
    let version = store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    forget();
    store.swap(&key("a"), version, &record("y"), HOUR, None).await.unwrap();
    forget();
    let lease = store.acquire(&key("a"), HOUR).await.unwrap();
    forget();
    store.renew(&key("a"), lease.fence, HOUR).await.unwrap();
    forget();
    store.release(&key("a"), lease.fence).await.unwrap();
    forget();
    assert_eq!(store.find(record("").sub().unwrap()).await.unwrap().len(), 1);
    forget();
    store.take(&key("a")).await.unwrap();
    forget();
    assert_eq!(store.delete_by(record("").sid().unwrap()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_connection_is_remade_on_the_runtime_that_asks() {
    let Some(program) = program("a_connection_is_remade_on_the_runtime_that_asks") else { return };
    let server: Server = server(&program, &[]);
    let store = Arc::new(RedisTokenStore::lazy(&url(&server)).unwrap());
    for round in 0..3 {
        let store = Arc::clone(&store);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let name = format!("{round}");
            runtime.block_on(store.create(&key(&name), &record("x"), HOUR)).unwrap();
        })
        .join()
        .unwrap();
    }
    assert_eq!(store.find(record("").sub().unwrap()).await.unwrap().len(), 3);
}
