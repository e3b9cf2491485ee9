//! The storage suite over `TicketStorage`: the items in a token store, the ticket in another storage.

use logto_conformance::storage::{Harness, Outcome, Step, run_steps};
use logto_storage_core::{
    Fence, Lease, MemoryStorage, MemoryTokenStore, Realm, Storage, Tickets, TokenStore, TokenStoreError,
    TokenStoreErrorKind, keys,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A store that may be taken away.
#[derive(Debug, Default)]
struct Store {
    records: MemoryTokenStore,
    away: AtomicBool,
}

impl Store {
    fn there(&self) -> Result<&MemoryTokenStore, TokenStoreError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(TokenStoreError::new(TokenStoreErrorKind::Unavailable).with_source("it is away")),
            false => Ok(&self.records),
        }
    }
}

type Outcomes<T> = Result<T, TokenStoreError>;

#[async_trait::async_trait]
impl TokenStore for Store {
    async fn create(&self, key: &RecordKey, record: &Record, life: Duration) -> Outcomes<Version> {
        self.there()?.create(key, record, life).await
    }

    async fn read(&self, key: &RecordKey) -> Outcomes<Stored> {
        self.there()?.read(key).await
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        life: Duration,
        fence: Option<Fence>,
    ) -> Outcomes<Version> {
        self.there()?.swap(key, seen, record, life, fence).await
    }

    async fn take(&self, key: &RecordKey) -> Outcomes<Stored> {
        self.there()?.take(key).await
    }

    async fn delete(&self, key: &RecordKey) -> Outcomes<bool> {
        self.there()?.delete(key).await
    }

    async fn acquire(&self, key: &RecordKey, life: Duration) -> Outcomes<Lease> {
        self.there()?.acquire(key, life).await
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, life: Duration) -> Outcomes<()> {
        self.there()?.renew(key, fence, life).await
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Outcomes<()> {
        self.there()?.release(key, fence).await
    }

    async fn find(&self, index: &IndexKey) -> Outcomes<Vec<RecordKey>> {
        self.there()?.find(index).await
    }
}

struct OverTickets {
    store: Arc<Store>,
    tickets: Tickets,
    sessions: Vec<MemoryStorage>,
}

impl Harness for OverTickets {
    async fn start() -> Self {
        let store = Arc::new(Store::default());
        let realm = Realm::new("https://tenant.logto.app/oidc", "app");
        let tickets = Tickets::new(Arc::clone(&store) as Arc<dyn TokenStore>, realm);
        Self { store, tickets, sessions: Vec::new() }
    }

    async fn request(&mut self, visitor: usize, steps: Vec<Step>) -> Vec<Outcome> {
        self.sessions.resize_with(self.sessions.len().max(visitor + 1), MemoryStorage::new);
        run_steps(&self.tickets.storage(self.sessions[visitor].clone()), &steps).await
    }

    async fn set_other(&mut self, visitor: usize, text: &str) -> bool {
        self.sessions.resize_with(self.sessions.len().max(visitor + 1), MemoryStorage::new);
        Storage::set(&self.sessions[visitor], "cart", text).await.is_ok()
    }

    async fn other(&mut self, visitor: usize) -> Option<String> {
        Storage::get(&self.sessions[visitor], "cart").await.unwrap()
    }

    async fn break_store(&mut self) -> bool {
        self.store.away.store(true, Ordering::SeqCst);
        true
    }
}

logto_conformance::storage_suite!(OverTickets);

#[tokio::test]
async fn a_session_from_before_there_were_tickets_is_nobodys_and_makes_room() {
    let session = MemoryStorage::new();
    Storage::set(&session, keys::SESSION_META, r#"{"v":1,"visitor":"x"}"#).await.unwrap();
    Storage::set(&session, keys::ID_TOKEN, "old").await.unwrap();
    let harness = OverTickets::start().await;
    let storage = harness.tickets.storage(session.clone());
    assert_eq!(storage.get(keys::ID_TOKEN).await.unwrap(), None);
    storage.set(keys::REFRESH_TOKEN, "new").await.unwrap();
    assert_eq!(Storage::get(&session, keys::ID_TOKEN).await.unwrap(), None);
    let later = harness.tickets.storage(session);
    assert_eq!(later.get(keys::REFRESH_TOKEN).await.unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn what_is_no_ticket_opens_nothing() {
    let harness = OverTickets::start().await;
    for item in ["", "1.", "2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "1.\u{0}", "1.ÄÄÄÄ"] {
        let session = MemoryStorage::new();
        Storage::set(&session, keys::SESSION_META, item).await.unwrap();
        assert_eq!(harness.tickets.storage(session).get(keys::ID_TOKEN).await.unwrap(), None, "{item}");
    }
}

#[tokio::test]
async fn changes_that_two_requests_make_at_once_are_both_kept() {
    let harness = OverTickets::start().await;
    let session = MemoryStorage::new();
    harness.tickets.storage(session.clone()).set("first", "1").await.unwrap();
    let (one, two) = (harness.tickets.storage(session.clone()), harness.tickets.storage(session.clone()));
    for storage in [&one, &two] {
        assert_eq!(storage.get("first").await.unwrap().as_deref(), Some("1"), "both have loaded it");
    }
    one.set("of one", "1").await.unwrap();
    two.set("of two", "2").await.unwrap();
    let later = harness.tickets.storage(session);
    assert_eq!(later.get("of one").await.unwrap().as_deref(), Some("1"));
    assert_eq!(later.get("of two").await.unwrap().as_deref(), Some("2"));
}
