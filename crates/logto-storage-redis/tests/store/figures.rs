//! How fast the store is: `cargo test --release -p logto-storage-redis --test store figures -- --ignored --nocapture`.

use crate::{
    proxy::{Mode, Proxy},
    stage::{HOUR, command_at, key, program, realm, server, url},
};
use logto_storage_core::{
    TokenStore,
    token_store::{Record, Version},
};
use logto_storage_redis::RedisTokenStore;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// As large as the tokens of a person with five APIs.
const PAYLOAD: usize = 5_000;
const OPERATIONS: usize = 40_000;

fn record(number: usize) -> Record {
    let (sub, sid) = (realm().sub(&number.to_string()), realm().sid(&number.to_string()));
    Record::new(&[b'x'; PAYLOAD], Some(sub), Some(sid))
}

/// Runs an operation so often, so many at a time; how many in a second, and how long 99 of 100 take at most.
async fn measure<F: Future<Output = ()> + Send>(
    at_once: usize,
    count: usize,
    operation: impl Fn(usize) -> F + Clone + Send + 'static,
) -> String {
    let (next, since) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let (next, operation) = (Arc::clone(&next), operation.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return times;
                    }
                    let since = Instant::now();
                    operation(number).await;
                    times.push(since.elapsed());
                }
            })
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let per_second = count as f64 / since.elapsed().as_secs_f64();
    times.sort();
    format!("{per_second:>8.0}/s, median {:?}, 99 % {:?}", times[count / 2], times[count * 99 / 100])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn figures() {
    let Some(program) = program("figures") else { return };
    for records in [1_000, 100_000] {
        let server = server(&program, &[]);
        let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
        let store = Arc::new(store.with_timeout(Duration::from_secs(10)));
        let memory = || {
            let info: String = command_at(server.port(), &["INFO", "memory"]);
            info.lines()
                .find_map(|line| line.strip_prefix("used_memory:")?.trim().parse::<usize>().ok())
                .unwrap()
        };
        let before = memory();
        let filling = Arc::clone(&store);
        let created = measure(250, records, move |number| {
            let store = Arc::clone(&filling);
            async move {
                store.create(&key(&number.to_string()), &record(number), HOUR).await.unwrap();
            }
        });
        println!("{records} records, 250 at once: create {}", created.await);
        println!("{records} records: {} bytes each in Redis", (memory() - before) / records);
        for at_once in [1, 250] {
            let count = if at_once == 1 { OPERATIONS / 10 } else { OPERATIONS };
            let of = move |number: usize| key(&(number * 7919 % records).to_string());
            let shared = Arc::clone(&store);
            let read = measure(at_once, count, move |number| {
                let store = Arc::clone(&shared);
                async move {
                    store.read(&of(number)).await.unwrap();
                }
            });
            println!("{records} records, {at_once} at once: read {}", read.await);
            let shared = Arc::clone(&store);
            let swap = measure(at_once, count, move |number| {
                let store = Arc::clone(&shared);
                async move {
                    // Refused by its version or made: both are whole scripts; the record is read before.
                    let seen = store.read(&of(number)).await.unwrap().version;
                    drop(store.swap(&of(number), seen, &record(number * 7919 % records), HOUR, None).await);
                }
            });
            println!("{records} records, {at_once} at once: read and swap {}", swap.await);
            let shared = Arc::clone(&store);
            let refused = measure(at_once, count, move |number| {
                let store = Arc::clone(&shared);
                async move {
                    let record = record(number * 7919 % records);
                    drop(store.swap(&of(number), Version::from_stored(1), &record, HOUR, None).await);
                }
            });
            println!("{records} records, {at_once} at once: swap that is refused {}", refused.await);
            let shared = Arc::clone(&store);
            let lease = measure(at_once, count, move |number| {
                let store = Arc::clone(&shared);
                async move {
                    let lease = store.acquire(&of(number), HOUR).await.unwrap();
                    store.release(&of(number), lease.fence).await.unwrap();
                }
            });
            println!("{records} records, {at_once} at once: acquire and release {}", lease.await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn figures_of_an_outage_of_30_seconds() {
    let Some(program) = program("figures_of_an_outage_of_30_seconds") else { return };
    for mode in [Mode::Cut, Mode::Still] {
        let server = server(&program, &[]);
        let proxy = Proxy::to(server.port());
        let store = Arc::new(RedisTokenStore::connect(&proxy.url()).await.unwrap());
        store.create(&key("a"), &record(0), HOUR).await.unwrap();
        let ended = Arc::new(AtomicUsize::new(0));
        let load: Vec<_> = (0..50)
            .map(|_| {
                let (store, ended) = (Arc::clone(&store), Arc::clone(&ended));
                tokio::spawn(async move {
                    let (mut last_failure, mut slowest) = (None, Duration::ZERO);
                    while ended.load(Ordering::Relaxed) == 0 {
                        let since = Instant::now();
                        let refused = store.read(&key("a")).await.is_err();
                        slowest = slowest.max(since.elapsed());
                        if refused {
                            last_failure = Some(Instant::now());
                        }
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    (last_failure, slowest)
                })
            })
            .collect();
        proxy.set(mode);
        tokio::time::sleep(Duration::from_secs(30)).await;
        proxy.set(Mode::Through);
        let back = Instant::now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        ended.store(1, Ordering::Relaxed);
        let (mut last, mut longest) = (Duration::ZERO, Duration::ZERO);
        for task in load {
            let (failure, slowest) = task.await.unwrap();
            longest = longest.max(slowest);
            last = last.max(failure.map_or(Duration::ZERO, |at| at.saturating_duration_since(back)));
        }
        println!(
            "{mode:?} for 30 s: the last failure {last:?} after the return, the longest request {longest:?}"
        );
    }
}
