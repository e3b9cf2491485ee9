//! How many operations a second: `cargo test --release -p logto-storage-sqlx -- --ignored --nocapture measured`.

use crate::{common::HOUR, postgres::OnPostgres, sqlite::OnSqlite};
use logto_conformance::token_store::Harness;
use logto_storage_core::{
    TokenStore,
    token_store::{Realm, Record, RecordKey},
};
use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(3);
/// A record with an ID token, a refresh token and two access tokens has about so many bytes.
const BYTES: usize = 6000;

fn key(number: usize) -> RecordKey {
    Realm::new("https://tenant.logto.app/oidc", "app").record(&number.to_string())
}

fn record(number: usize) -> Record {
    let realm = Realm::new("https://tenant.logto.app/oidc", "app");
    let noise = (0..BYTES).map(|at| (at * number % 251) as u8).collect::<Vec<_>>();
    Record::new(&noise, Some(realm.sub(&number.to_string())), Some(realm.sid(&number.to_string())))
}

/// Operations a second, so many at a time, each on another record.
async fn rate<F: Future<Output = ()> + Send>(
    at_once: usize,
    records: usize,
    operation: impl Fn(usize) -> F + Clone + Send + 'static,
) -> f64 {
    let since = Instant::now();
    let tasks: Vec<_> = (0..at_once)
        .map(|task| {
            let operation = operation.clone();
            tokio::spawn(async move {
                let mut done = 0_u32;
                while since.elapsed() < LONG {
                    let step = task + done as usize * at_once;
                    operation(step.wrapping_mul(7919) % records).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    f64::from(done) / since.elapsed().as_secs_f64()
}

async fn figures(name: &str, store: Arc<dyn TokenStore>) {
    let mut there = 0;
    for records in [1000, 100_000] {
        let since = Instant::now();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for number in (there..records).filter(|number| number % 8 == task) {
                        store.create(&key(number), &record(number), HOUR * 24).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let creates = f64::from(records as u32 - there as u32) / since.elapsed().as_secs_f64();
        there = records;
        for at_once in [1, 32] {
            let reading = Arc::clone(&store);
            let reads = rate(at_once, records, move |number| {
                let store = Arc::clone(&reading);
                async move { drop(store.read(&key(number)).await.unwrap()) }
            });
            let reads = reads.await;
            let swapping = Arc::clone(&store);
            let swaps = rate(at_once, records, move |number| {
                let store = Arc::clone(&swapping);
                async move {
                    let seen = store.read(&key(number)).await.unwrap().version;
                    // Two may meet: then one is refused, which costs the same.
                    drop(store.swap(&key(number), seen, &record(number), HOUR * 24, None).await);
                }
            });
            let swaps = swaps.await;
            let leasing = Arc::clone(&store);
            let leases = rate(at_once, records, move |number| {
                let store = Arc::clone(&leasing);
                async move {
                    if let Ok(lease) = store.acquire(&key(number), HOUR).await {
                        store.release(&key(number), lease.fence).await.unwrap();
                    }
                }
            });
            let leases = leases.await;
            println!(
                "{name}, {records} records, {at_once} at once: {reads:.0} reads, {swaps:.0} reads with swap, \
                 {leases:.0} leases acquired and released, each a second ({creates:.0} creates)"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and proves nothing"]
async fn measured_on_postgres() {
    let Some(harness) = OnPostgres::start().await else { return };
    figures("PostgreSQL", Arc::new(harness.direct())).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and proves nothing"]
async fn measured_on_sqlite() {
    let harness = OnSqlite::start().await.unwrap();
    figures("SQLite", Arc::new(harness.open())).await;
}
