//! What both stores are asked.

use logto_storage_core::{
    TokenStore, TokenStoreError, TokenStoreErrorKind,
    token_store::{IndexKey, Realm, Record, RecordKey},
};
use std::{error::Error, sync::Arc, time::Duration};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

fn realm() -> Realm {
    Realm::new("https://tenant.logto.app/oidc", "app")
}

pub(crate) fn key(name: &str) -> RecordKey {
    realm().record(name)
}

pub(crate) fn alice() -> IndexKey {
    realm().sub("alice")
}

pub(crate) fn record(payload: &str) -> Record {
    Record::new(payload.as_bytes(), Some(alice()), None)
}

/// The kind of the error, and everything that it shows.
#[track_caller]
pub(crate) fn refused<T>(outcome: Result<T, TokenStoreError>) -> (TokenStoreErrorKind, String) {
    let Err(error) = outcome else { panic!("it was not refused") };
    let source = error.source().expect("an error with its source");
    (error.kind(), format!("{error} {error:?} {source} {source:?}"))
}

/// Time as the database has it, to the millisecond.
pub(crate) async fn lives_in_real_time(store: &dyn TokenStore) {
    let key = key("short");
    store.create(&key, &record("short"), Duration::from_millis(80)).await.unwrap();
    store.create(&self::key("long"), &record("long"), HOUR).await.unwrap();
    let remaining = store.read(&key).await.unwrap().remaining;
    assert!(!remaining.is_zero() && remaining <= Duration::from_millis(80), "{remaining:?}");
    let lease = store.acquire(&self::key("long"), Duration::from_millis(80)).await.unwrap();
    let held = store.acquire(&self::key("long"), HOUR).await.unwrap_err();
    assert_eq!(held.kind(), TokenStoreErrorKind::Conflict);

    tokio::time::sleep(Duration::from_millis(90)).await;
    assert_eq!(store.read(&key).await.unwrap_err().kind(), TokenStoreErrorKind::NotFound);
    assert_eq!(store.find(&alice()).await.unwrap(), [self::key("long")]);
    store.create(&key, &record("again"), HOUR).await.unwrap();
    let next = store.acquire(&self::key("long"), HOUR).await.unwrap();
    assert!(next.abandoned && next.fence > lease.fence);
    let remaining = store.read(&self::key("long")).await.unwrap().remaining;
    assert!(remaining < HOUR && remaining > HOUR - Duration::from_secs(10), "{remaining:?}");
}

/// One request of each of 250 visitors at once, as a page with several parts makes them.
pub(crate) async fn serves_250_at_once(stores: [Arc<dyn TokenStore>; 2]) {
    let tasks: Vec<_> = (0..250)
        .map(|visitor| {
            let store = Arc::clone(&stores[visitor % 2]);
            tokio::spawn(async move {
                let key = key(&format!("visitor {visitor}"));
                let version = store.create(&key, &record("one"), HOUR).await?;
                let lease = store.acquire(&key, HOUR).await?;
                store.swap(&key, version, &record("two"), HOUR, Some(lease.fence)).await?;
                store.release(&key, lease.fence).await?;
                assert_eq!(store.read(&key).await?.record, record("two"));
                Ok::<_, TokenStoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(stores[0].delete_by(&alice()).await.unwrap(), 250);
}

/// Operations that are given up somewhere leave nothing behind that the next ones would meet.
pub(crate) async fn survives_what_is_given_up(store: Arc<dyn TokenStore>) {
    let key = key("given up");
    store.create(&key, &record("one"), HOUR).await.unwrap();
    for round in 0..300_u64 {
        let work = async {
            let lease = store.acquire(&key, Duration::from_millis(1)).await;
            let stored = store.read(&key).await.unwrap();
            drop(store.swap(&key, stored.version, &record("two"), HOUR, None).await);
            drop(store.delete_by(&realm().sub("nobody")).await);
            if let Ok(lease) = lease {
                store.release(&key, lease.fence).await.unwrap();
            }
        };
        drop(tokio::time::timeout(Duration::from_micros(round * 10), work).await);
    }
    let all = (0..30).map(|_| {
        let (store, key) = (Arc::clone(&store), key.clone());
        tokio::spawn(async move { store.read(&key).await })
    });
    for read in all.collect::<Vec<_>>() {
        read.await.unwrap().unwrap();
    }
    assert_eq!(store.delete_by(&alice()).await.unwrap(), 1);
}
