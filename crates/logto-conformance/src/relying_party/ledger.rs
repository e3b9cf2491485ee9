//! A token store that notes what is written to it.

use logto_storage_core::{
    Fence, Lease, MemoryTokenStore, TokenStore, TokenStoreError,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

#[derive(Debug, Default)]
pub(super) struct Ledger {
    records: MemoryTokenStore,
    written: Mutex<Vec<String>>,
}

impl Ledger {
    /// Whether this stood in anything that was ever written; not known where nothing was written at all.
    pub(super) fn has_held(&self, secret: &str) -> Option<bool> {
        let written = self.written();
        (!written.is_empty()).then(|| written.iter().any(|text| text.contains(secret)))
    }

    fn note(&self, record: &Record) {
        self.written().push(String::from_utf8_lossy(record.payload()).into_owned());
    }

    fn written(&self) -> MutexGuard<'_, Vec<String>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Outcome<T> = Result<T, TokenStoreError>;

#[async_trait::async_trait]
impl TokenStore for Ledger {
    async fn create(&self, key: &RecordKey, record: &Record, lifetime: Duration) -> Outcome<Version> {
        self.note(record);
        self.records.create(key, record, lifetime).await
    }

    async fn read(&self, key: &RecordKey) -> Outcome<Stored> {
        self.records.read(key).await
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Outcome<Version> {
        self.note(record);
        self.records.swap(key, seen, record, lifetime, fence).await
    }

    async fn take(&self, key: &RecordKey) -> Outcome<Stored> {
        self.records.take(key).await
    }

    async fn delete(&self, key: &RecordKey) -> Outcome<bool> {
        self.records.delete(key).await
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Outcome<Lease> {
        self.records.acquire(key, lifetime).await
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Outcome<()> {
        self.records.renew(key, fence, lifetime).await
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Outcome<()> {
        self.records.release(key, fence).await
    }

    async fn find(&self, index: &IndexKey) -> Outcome<Vec<RecordKey>> {
        self.records.find(index).await
    }
}
