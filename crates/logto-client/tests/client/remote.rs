//! A token store as one behind a network.

use logto_client::{ManualClock, MemoryTokenStore};
use logto_storage_core::{
    Fence, Lease, TokenStore, TokenStoreError, TokenStoreErrorKind,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::yield_now;

/// It takes a while before and after each operation, and may be away.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    store: Arc<MemoryTokenStore>,
    away: Arc<AtomicBool>,
    operations: Arc<Mutex<Vec<&'static str>>>,
}

impl Remote {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        let store = MemoryTokenStore::new().with_clock(Arc::new(clock.clone()));
        Self { store: Arc::new(store), away: Arc::default(), operations: Arc::default() }
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// What was asked of it since this was called last.
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.operations.lock().unwrap())
    }

    fn reached(&self) -> Result<(), TokenStoreError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(TokenStoreErrorKind::Unavailable.into()),
            false => Ok(()),
        }
    }
}

macro_rules! remote {
    ($self:ident.$operation:ident($($argument:expr),*)) => {{
        yield_now().await;
        $self.operations.lock().unwrap().push(stringify!($operation));
        $self.reached()?;
        let outcome = $self.store.$operation($($argument),*).await;
        yield_now().await;
        $self.reached()?;
        outcome
    }};
}

#[async_trait::async_trait]
impl TokenStore for Remote {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        life: Duration,
    ) -> Result<Version, TokenStoreError> {
        remote!(self.create(key, record, life))
    }
    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        remote!(self.read(key))
    }
    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        life: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        remote!(self.swap(key, seen, record, life, fence))
    }
    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        remote!(self.take(key))
    }
    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        remote!(self.delete(key))
    }
    async fn acquire(&self, key: &RecordKey, life: Duration) -> Result<Lease, TokenStoreError> {
        remote!(self.acquire(key, life))
    }
    async fn renew(&self, key: &RecordKey, fence: Fence, life: Duration) -> Result<(), TokenStoreError> {
        remote!(self.renew(key, fence, life))
    }
    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        remote!(self.release(key, fence))
    }
    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        remote!(self.find(index))
    }
}
