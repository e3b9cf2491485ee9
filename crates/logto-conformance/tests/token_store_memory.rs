//! The token store suite over `MemoryTokenStore`, the reference, plain and encrypted; and what only it has.

use logto_conformance::token_store::Harness;
use logto_storage_core::{
    EncryptedTokenStore, EncryptionKey, ManualClock, MemoryTokenStore, Realm, TokenStore,
    TokenStoreErrorKind,
    token_store::{Record, RecordKey},
};
use std::{sync::Arc, time::Duration};

struct InMemory {
    store: Arc<MemoryTokenStore>,
    clock: ManualClock,
}

impl Harness for InMemory {
    async fn start() -> Option<Self> {
        let clock = ManualClock::start_now();
        let store = Arc::new(MemoryTokenStore::new().with_clock(Arc::new(clock.clone())));
        Some(Self { store, clock })
    }

    fn store(&self) -> Arc<dyn TokenStore> {
        self.store.clone()
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

logto_conformance::token_store_suite!(InMemory);

mod encrypted {
    use super::*;

    struct Encrypted(InMemory);

    impl Harness for Encrypted {
        async fn start() -> Option<Self> {
            Some(Self(InMemory::start().await?))
        }

        fn store(&self) -> Arc<dyn TokenStore> {
            let key = EncryptionKey::new(b"0123456789abcdef0123456789abcdef").unwrap();
            Arc::new(EncryptedTokenStore::new(self.0.store(), key))
        }

        fn advance(&self, by: Duration) {
            self.0.advance(by);
        }
    }

    logto_conformance::token_store_suite!(Encrypted);
}

const HOUR: Duration = Duration::from_secs(3600);

/// A small store, and names of records in it: `p…` for pending ones, others for people.
struct Small {
    store: MemoryTokenStore,
    clock: ManualClock,
    realm: Realm,
}

impl Small {
    fn of(capacity: usize) -> Self {
        let clock = ManualClock::start_now();
        let store = MemoryTokenStore::new().with_clock(Arc::new(clock.clone())).with_capacity(capacity);
        Self { store, clock, realm: Realm::new("https://tenant.logto.app/oidc", "app") }
    }

    fn key(&self, name: &str) -> RecordKey {
        self.realm.record(name)
    }

    fn record(&self, name: &str) -> Record {
        let sub = (!name.starts_with('p')).then(|| self.realm.sub(name));
        Record::new(name.as_bytes(), sub, None)
    }

    /// Creates the record, a second after the one before.
    async fn create(&self, name: &str) {
        self.clock.advance(Duration::from_secs(1));
        self.store.create(&self.key(name), &self.record(name), HOUR).await.unwrap();
    }

    async fn write_anew(&self, name: &str) {
        self.clock.advance(Duration::from_secs(1));
        let version = self.store.read(&self.key(name)).await.unwrap().version;
        self.store.swap(&self.key(name), version, &self.record(name), HOUR, None).await.unwrap();
    }

    /// Which of these are there.
    async fn there(&self, names: &str) -> String {
        let mut there = Vec::new();
        for name in names.split(' ') {
            match self.store.read(&self.key(name)).await {
                Ok(_) => there.push(name),
                Err(error) => assert_eq!(error.kind(), TokenStoreErrorKind::NotFound),
            }
        }
        there.join(" ")
    }
}

#[tokio::test]
async fn a_full_store_drops_pending_records_the_oldest_first() {
    let small = Small::of(4);
    for name in ["alice", "p1", "p2", "bob", "p3"] {
        small.create(name).await;
    }
    assert_eq!(small.there("alice bob p1 p2 p3").await, "alice bob p2 p3");
    small.write_anew("p2").await;
    small.create("carol").await;
    assert_eq!(small.there("alice bob carol p2 p3").await, "alice bob carol p2", "p3 is older by now");
    small.create("p4").await;
    assert_eq!(small.there("alice bob carol p2 p4").await, "alice bob carol p4");
}

#[tokio::test]
async fn a_full_store_drops_who_is_signed_in_only_where_nothing_is_pending() {
    let small = Small::of(3);
    for name in ["alice", "bob", "carol"] {
        small.create(name).await;
    }
    small.write_anew("alice").await;
    small.create("dora").await;
    assert_eq!(small.there("alice bob carol dora").await, "alice carol dora", "bob's is the oldest");
    assert!(small.store.find(&small.realm.sub("bob")).await.unwrap().is_empty());
    small.create("p1").await;
    assert_eq!(small.there("alice carol dora p1").await, "alice dora p1");
    for name in ["p2", "p3", "p4"] {
        small.create(name).await;
    }
    assert_eq!(small.there("alice dora p1 p2 p3 p4").await, "alice dora p4");
}

#[tokio::test]
async fn who_signs_in_is_pending_no_more() {
    let small = Small::of(2);
    small.create("p1").await;
    small.create("p2").await;
    let version = small.store.read(&small.key("p1")).await.unwrap().version;
    let alice = small.record("alice");
    small.store.swap(&small.key("p1"), version, &alice, HOUR, None).await.unwrap();
    small.create("p3").await;
    small.create("p4").await;
    assert_eq!(small.there("p1 p2 p3 p4").await, "p1 p4");
    assert_eq!(small.store.find(&small.realm.sub("alice")).await.unwrap(), [small.key("p1")]);
}

#[tokio::test]
async fn a_store_is_bounded_and_what_is_over_makes_room_first() {
    let small = Small::of(100);
    for index in 0..1000 {
        small.create(&index.to_string()).await;
    }
    assert_eq!(format!("{:?}", small.store), "MemoryTokenStore(100 of 100 records)");
    assert_eq!(small.there("0 899 900 999").await, "900 999");
    small.clock.advance(HOUR);
    small.create("alice").await;
    assert_eq!(format!("{:?}", small.store), "MemoryTokenStore(1 of 100 records)");

    let one = Small::of(0);
    one.create("alice").await;
    one.create("bob").await;
    assert_eq!(one.there("alice bob").await, "bob", "there is room for one at least");
}

#[tokio::test]
async fn a_swap_in_a_full_store_drops_nothing() {
    let small = Small::of(2);
    small.create("p1").await;
    small.create("alice").await;
    small.write_anew("alice").await;
    small.write_anew("p1").await;
    let refused = small.store.create(&small.key("alice"), &small.record("alice"), HOUR).await;
    assert_eq!(refused.unwrap_err().kind(), TokenStoreErrorKind::Conflict);
    assert_eq!(small.there("alice p1").await, "alice p1");
}
