//! What storages and stores of three methods get for nothing, what tickets make of a store that fails, and what
//! values show of themselves.

use logto_storage_core::{
    Changes, DynStorage, Fence, Items, Lease, MemoryStorage, MemoryTokenStore, Operation, Realm, SendStorage,
    SignIn, Storage, StorageError, StorageErrorKind, Tickets, TokenStore, TokenStoreError,
    TokenStoreErrorKind, keys,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const DAY: Duration = Duration::from_secs(86_400);

/// The smallest adapter: three methods.
#[derive(Default)]
struct Smallest(MemoryStorage);

impl Storage for Smallest {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        Storage::get(&self.0, key).await
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        Storage::set(&self.0, key, value).await
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        Storage::remove(&self.0, key).await
    }
}

/// The same, whose futures are `Send`.
#[derive(Default)]
struct SmallestSend(MemoryStorage);

impl SendStorage for SmallestSend {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        SendStorage::get(&self.0, key).await
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        SendStorage::set(&self.0, key, value).await
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        SendStorage::remove(&self.0, key).await
    }
}

async fn applies_in_order(storage: impl Storage) {
    storage.apply(&Changes::new().set("a", "1").set("b", "2").remove("a").set("b", "3")).await.unwrap();
    assert_eq!(
        (storage.get("a").await.unwrap(), storage.get("b").await.unwrap().as_deref()),
        (None, Some("3"))
    );
    assert!(storage.committer().await.unwrap().is_none());
}

#[tokio::test]
async fn an_adapter_of_three_methods_applies_changes_one_after_another_and_claims_nothing() {
    applies_in_order(Smallest::default()).await;
    applies_in_order(SmallestSend::default()).await;
    applies_in_order(DynStorage::new(SmallestSend::default())).await;
}

#[tokio::test]
async fn memory_changes_nothing_where_an_item_is_not_what_was_expected() {
    let storage = MemoryStorage::new();
    let refused = Storage::apply(&storage, &Changes::new().expecting("a", Some("1")).set("b", "2")).await;
    assert_eq!(refused.unwrap_err().kind(), StorageErrorKind::Conflict);
    assert_eq!(Storage::get(&storage, "b").await.unwrap(), None);
}

#[tokio::test]
async fn debug_names_keys_and_shows_no_value() {
    let sign_in = SignIn { sub: Some("canary".to_owned()), ..SignIn::default() };
    let changes = Changes::new().set("key", "canary").remove("gone").at_sign_in(sign_in.clone());
    assert!(Changes::new().is_empty() && !changes.is_empty());
    assert!(!Changes::new().at_sign_in(sign_in.clone()).is_empty());
    let storage = MemoryStorage::new();
    Storage::set(&storage, "key", "canary").await.unwrap();
    let tickets = tickets(&Arc::new(Failing::default()));
    for (shown, words) in [
        (format!("{changes:?}"), "[Set(key), Remove(gone)]"),
        (format!("{sign_in:?}"), "SignIn"),
        (format!("{storage:?}"), "{\"key\"}"),
        (format!("{:?}", Items::from_iter([("key".to_owned(), "canary".to_owned())])), "{\"key\"}"),
        (format!("{:?}", DynStorage::new(storage)), "DynStorage"),
        (
            format!("{:?}", Realm::new("https://op.example/oidc", "app")),
            "Realm(app at https://op.example/oidc)",
        ),
        (format!("{:?}", tickets.storage(MemoryStorage::new())), "TicketStorage"),
    ] {
        assert!(shown.contains(words) && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn an_error_says_what_was_asked_and_why_it_was_not_done() {
    let mut told = Vec::new();
    for kind in [
        StorageErrorKind::Unavailable,
        StorageErrorKind::Corrupt,
        StorageErrorKind::TooLarge,
        StorageErrorKind::Conflict,
        StorageErrorKind::Gone,
        StorageErrorKind::LeaseLost,
        StorageErrorKind::Misconfigured,
    ] {
        told.push(StorageError::new(kind, Operation::Commit, "key").to_string());
    }
    assert!(told.iter().all(|text| text.starts_with("cannot commit key: ")));
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 7);
    for (kind, expected) in [
        (TokenStoreErrorKind::NotFound, StorageErrorKind::Gone),
        (TokenStoreErrorKind::Conflict, StorageErrorKind::Conflict),
        (TokenStoreErrorKind::LeaseLost, StorageErrorKind::LeaseLost),
        (TokenStoreErrorKind::Unavailable, StorageErrorKind::Unavailable),
        (TokenStoreErrorKind::Corrupt, StorageErrorKind::Corrupt),
        (TokenStoreErrorKind::NewerVersion, StorageErrorKind::Corrupt),
        (TokenStoreErrorKind::Misconfigured, StorageErrorKind::Misconfigured),
    ] {
        assert_eq!(StorageError::from(TokenStoreError::new(kind)).kind(), expected);
    }
}

/// Memory, where operations fail as told: the next of this name, once or again and again.
#[derive(Debug, Default)]
struct Failing {
    store: MemoryTokenStore,
    failures: Mutex<Vec<(&'static str, TokenStoreErrorKind, bool)>>,
}

impl Failing {
    fn once(&self, operation: &'static str, kind: TokenStoreErrorKind) {
        self.failures.lock().unwrap().push((operation, kind, true));
    }

    fn always(&self, operation: &'static str, kind: TokenStoreErrorKind) {
        self.failures.lock().unwrap().push((operation, kind, false));
    }

    fn ask(&self, operation: &'static str) -> Result<(), TokenStoreError> {
        let mut failures = self.failures.lock().unwrap();
        match failures.iter().position(|(of, ..)| *of == operation) {
            Some(index) if failures[index].2 => Err(failures.remove(index).1.into()),
            Some(index) => Err(failures[index].1.into()),
            None => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl TokenStore for Failing {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        life: Duration,
    ) -> Result<Version, TokenStoreError> {
        self.ask("create")?;
        self.store.create(key, record, life).await
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        self.ask("read")?;
        self.store.read(key).await
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        life: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        self.ask("swap")?;
        self.store.swap(key, seen, record, life, fence).await
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        self.ask("take")?;
        self.store.take(key).await
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        self.ask("delete")?;
        self.store.delete(key).await
    }

    async fn acquire(&self, key: &RecordKey, life: Duration) -> Result<Lease, TokenStoreError> {
        self.store.acquire(key, life).await
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, life: Duration) -> Result<(), TokenStoreError> {
        self.store.renew(key, fence, life).await
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        self.store.release(key, fence).await
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        self.store.find(index).await
    }
}

fn realm() -> Realm {
    Realm::new("https://op.example/oidc", "app")
}

fn tickets(store: &Arc<Failing>) -> Tickets {
    Tickets::new(Arc::clone(store) as Arc<dyn TokenStore>, realm())
}

fn alice() -> SignIn {
    SignIn { sub: Some("alice".to_owned()), sid: Some("s".to_owned()), left_behind: None }
}

/// A visitor with a pending sign-in, and what completes it.
async fn pending(store: &Arc<Failing>) -> (MemoryStorage, Changes) {
    let session = MemoryStorage::new();
    tickets(store).storage(session.clone()).set(keys::SIGN_IN_SESSION, "pending").await.unwrap();
    let changes = Changes::new().remove(keys::SIGN_IN_SESSION).set(keys::ID_TOKEN, "token");
    (session, changes.at_sign_in(alice()))
}

async fn signed_in(store: &Arc<Failing>) -> MemoryStorage {
    let (session, changes) = pending(store).await;
    let storage = tickets(store).storage(session.clone());
    assert!(storage.get(keys::SIGN_IN_SESSION).await.unwrap().is_some());
    storage.apply(&changes).await.unwrap();
    session
}

#[tokio::test]
async fn a_store_deletes_by_an_index_what_it_finds_there() {
    let store = Arc::new(Failing::default());
    for name in ["a", "b"] {
        let record = Record::new(b"x", Some(realm().sub("alice")), None);
        store.create(&realm().record(name), &record, DAY).await.unwrap();
    }
    assert_eq!(store.delete_by(&realm().sub("alice")).await.unwrap(), 2);
    assert_eq!(store.delete_by(&realm().sub("alice")).await.unwrap(), 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_ends_with_its_person_and_one_that_is_gone_counts_for_nothing() {
    for (kind, ended) in [
        (TokenStoreErrorKind::Corrupt, Some(1)),
        (TokenStoreErrorKind::NewerVersion, Some(1)),
        (TokenStoreErrorKind::NotFound, Some(0)),
        (TokenStoreErrorKind::Unavailable, None),
    ] {
        let store = Arc::new(Failing::default());
        let session = signed_in(&store).await;
        store.once("take", kind);
        let outcome = tickets(&store).end_all_of("alice").await;
        assert_eq!(outcome.as_ref().ok().map(Vec::len), ended, "{kind:?}");
        let left = tickets(&store).storage(session).get(keys::ID_TOKEN).await.unwrap();
        assert_eq!(left.is_none(), ended == Some(1), "{kind:?}");
    }
}

#[tokio::test]
async fn a_session_of_the_provider_ends_with_its_sid_and_whose_record_is_unknown_with_its_person() {
    let store = Arc::new(Failing::default());
    signed_in(&store).await;
    assert_eq!(tickets(&store).end_session(None, "another").await.unwrap().len(), 0);
    assert_eq!(tickets(&store).end_session(Some("alice"), "another").await.unwrap().len(), 0);
    store.once("read", TokenStoreErrorKind::Unavailable);
    assert!(tickets(&store).end_session(Some("alice"), "another").await.is_err());
    store.once("read", TokenStoreErrorKind::Corrupt);
    assert_eq!(tickets(&store).end_session(Some("alice"), "another").await.unwrap().len(), 1);
    signed_in(&store).await;
    assert_eq!(tickets(&store).end_session(None, "s").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_is_seen_once_until_it_is_forgotten() {
    let store = Arc::new(Failing::default());
    let tickets = tickets(&store);
    assert!(tickets.once("j", DAY).await.unwrap() && !tickets.once("j", DAY).await.unwrap());
    tickets.forget("j").await.unwrap();
    assert!(tickets.once("j", DAY).await.unwrap());
    store.once("create", TokenStoreErrorKind::Unavailable);
    assert_eq!(tickets.once("k", DAY).await.unwrap_err().kind(), TokenStoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_visitor_whose_record_cannot_be_read_is_nobody_and_the_record_stays() {
    let store = Arc::new(Failing::default());
    let session = signed_in(&store).await;
    for kind in [TokenStoreErrorKind::Corrupt, TokenStoreErrorKind::NewerVersion] {
        store.once("read", kind);
        assert_eq!(tickets(&store).storage(session.clone()).get(keys::ID_TOKEN).await.unwrap(), None);
    }
    let back = tickets(&store).storage(session).get(keys::ID_TOKEN).await.unwrap();
    assert_eq!(back.as_deref(), Some("token"));
}

#[tokio::test]
async fn a_record_that_is_too_large_or_changes_at_each_look_is_refused() {
    let store = Arc::new(Failing::default());
    let session = signed_in(&store).await;
    let storage = tickets(&store).storage(session);
    assert!(storage.get(keys::ID_TOKEN).await.unwrap().is_some());
    let large = storage.set(keys::ACCESS_TOKEN_MAP, &"x".repeat(300 * 1024)).await.unwrap_err();
    assert_eq!((large.kind(), large.key()), (StorageErrorKind::TooLarge, keys::ACCESS_TOKEN_MAP));
    store.always("swap", TokenStoreErrorKind::Conflict);
    let never = storage.set(keys::ACCESS_TOKEN_MAP, "{}").await.unwrap_err();
    assert_eq!(never.kind(), StorageErrorKind::Conflict);
}

/// An outer storage that takes no ticket.
struct Full;

impl Storage for Full {
    async fn get(&self, _: &str) -> Result<Option<String>, StorageError> {
        Ok(None)
    }

    async fn set(&self, key: &str, _: &str) -> Result<(), StorageError> {
        Err(StorageError::new(StorageErrorKind::TooLarge, Operation::Set, key))
    }

    async fn remove(&self, _: &str) -> Result<(), StorageError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_ticket_that_nobody_takes_leaves_no_record_behind() {
    let store = Arc::new(Failing::default());
    store.once("delete", TokenStoreErrorKind::Misconfigured);
    let storage = tickets(&store).storage(Full);
    let refused = storage.set(keys::REFRESH_TOKEN, "r").await.unwrap_err();
    assert_eq!(refused.kind(), StorageErrorKind::TooLarge);
    assert!(store.ask("delete").is_ok(), "nobody has tried to delete the record");
    let expecting = Changes::new().expecting(keys::ID_TOKEN, Some("x")).set(keys::ID_TOKEN, "y");
    assert_eq!(storage.apply(&expecting).await.unwrap_err().kind(), StorageErrorKind::Conflict);
}

#[tokio::test]
async fn a_sign_in_that_the_store_does_not_take_is_told_and_leaves_the_pending_one() {
    // Each is the first operation of its name in a sign-in, after the pending one was read.
    for (operation, kind, told) in [
        ("create", TokenStoreErrorKind::Unavailable, StorageErrorKind::Unavailable),
        ("swap", TokenStoreErrorKind::Unavailable, StorageErrorKind::Unavailable),
        ("swap", TokenStoreErrorKind::Misconfigured, StorageErrorKind::Misconfigured),
    ] {
        let store = Arc::new(Failing::default());
        let (session, changes) = pending(&store).await;
        let storage = tickets(&store).storage(session.clone());
        assert!(storage.get(keys::SIGN_IN_SESSION).await.unwrap().is_some());
        store.once(operation, kind);
        assert_eq!(storage.apply(&changes).await.unwrap_err().kind(), told, "{operation} {kind:?}");
        let again = tickets(&store).storage(session);
        assert_eq!(again.get(keys::ID_TOKEN).await.unwrap(), None, "{operation} {kind:?}");
        assert!(again.get(keys::SIGN_IN_SESSION).await.unwrap().is_some(), "{operation} {kind:?}");
    }
}

#[tokio::test]
async fn a_sign_in_whose_visitor_has_ended_meanwhile_is_gone_and_leaves_no_record() {
    let store = Arc::new(Failing::default());
    let (session, changes) = pending(&store).await;
    let storage = tickets(&store).storage(session.clone());
    assert!(storage.get(keys::SIGN_IN_SESSION).await.unwrap().is_some());
    let other = tickets(&store).storage(session);
    other.committer().await.unwrap().unwrap().end().await.unwrap();
    assert_eq!(storage.apply(&changes).await.unwrap_err().kind(), StorageErrorKind::Gone);
    assert!(store.find(&realm().sub("alice")).await.unwrap().is_empty());
}
