//! The reference store, in memory: for one process.

use super::{IndexKey, Record, RecordKey, Stored, TokenStore, TokenStoreError, TokenStoreErrorKind, Version};
use crate::{Clock, Fence, Lease, SystemClock};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Records in memory, bounded: a full store drops records of sign-ins that have not come back, the oldest
/// first, before it drops one that somebody is signed in by. A restart signs everybody out.
///
/// ```
/// use logto_storage_core::MemoryTokenStore;
///
/// let store = MemoryTokenStore::new().with_capacity(10_000);
/// ```
pub struct MemoryTokenStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    capacity: usize,
    records: HashMap<RecordKey, Entry>,
    /// By the end of their lifetime: what nobody is signed in by, and the others.
    pending: BTreeMap<(Duration, u64), RecordKey>,
    signed_in: BTreeMap<(Duration, u64), RecordKey>,
    indexes: HashMap<IndexKey, HashSet<RecordKey>>,
    written: u64,
    /// The last fence of any record: none that was given comes back, whatever has ended meanwhile.
    fence: u64,
}

struct Entry {
    record: Record,
    version: Version,
    until: (Duration, u64),
    fence: u64,
    /// Until when the lease is held; `None` once it is given back.
    leased: Option<Duration>,
}

impl MemoryTokenStore {
    /// An empty store for at most 100 000 records.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            state: Mutex::new(State {
                capacity: 100_000,
                records: HashMap::new(),
                pending: BTreeMap::new(),
                signed_in: BTreeMap::new(),
                indexes: HashMap::new(),
                written: 0,
                fence: 0,
            }),
        }
    }

    /// At most so many records, and at least one.
    #[must_use]
    pub fn with_capacity(self, records: usize) -> Self {
        self.state().capacity = records.max(1);
        self
    }

    /// What time it is; tests bring a [`ManualClock`](crate::ManualClock).
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state without what has expired.
    fn now(&self) -> (Duration, MutexGuard<'_, State>) {
        let (now, mut state) = (self.clock.now(), self.state());
        state.drop_expired(now);
        (now, state)
    }
}

impl State {
    fn drop_expired(&mut self, now: Duration) {
        for pending in [true, false] {
            while let Some((&(until, _), key)) = self.queue(pending).first_key_value() {
                if now < until {
                    break;
                }
                let key = key.clone();
                self.remove(&key);
            }
        }
    }

    fn queue(&mut self, pending: bool) -> &mut BTreeMap<(Duration, u64), RecordKey> {
        if pending { &mut self.pending } else { &mut self.signed_in }
    }

    fn living(&mut self, key: &RecordKey) -> Result<&mut Entry, TokenStoreError> {
        self.records.get_mut(key).ok_or_else(|| TokenStoreErrorKind::NotFound.into())
    }

    fn remove(&mut self, key: &RecordKey) -> Option<Entry> {
        let entry = self.records.remove(key)?;
        self.queue(entry.record.is_pending()).remove(&entry.until);
        for index in [entry.record.sub(), entry.record.sid()].into_iter().flatten() {
            if let Some(keys) = self.indexes.get_mut(index) {
                keys.remove(key);
                if keys.is_empty() {
                    self.indexes.remove(index);
                }
            }
        }
        Some(entry)
    }

    fn insert(&mut self, key: &RecordKey, mut entry: Entry, until: Duration) {
        self.written += 1;
        entry.until = (until, self.written);
        let record = &entry.record;
        for index in [record.sub(), record.sid()].into_iter().flatten() {
            self.indexes.entry(index.clone()).or_default().insert(key.clone());
        }
        self.queue(entry.record.is_pending()).insert(entry.until, key.clone());
        self.records.insert(key.clone(), entry);
    }

    fn make_room(&mut self) {
        while self.records.len() >= self.capacity {
            let oldest = self.pending.first_key_value().or_else(|| self.signed_in.first_key_value());
            let Some(key) = oldest.map(|(_, key)| key.clone()) else { return };
            self.remove(&key);
        }
    }
}

#[async_trait::async_trait]
impl TokenStore for MemoryTokenStore {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        lifetime: Duration,
    ) -> Result<Version, TokenStoreError> {
        let version = Version::random()?;
        let (now, mut state) = self.now();
        if state.records.contains_key(key) {
            return Err(TokenStoreErrorKind::Conflict.into());
        }
        state.make_room();
        let entry =
            Entry { record: record.clone(), version, until: Default::default(), fence: 0, leased: None };
        state.insert(key, entry, now.saturating_add(lifetime));
        Ok(version)
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        let (now, mut state) = self.now();
        let entry = state.living(key)?;
        Ok(stored(entry.record.clone(), entry, now))
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        let version = Version::random()?;
        let (now, mut state) = self.now();
        let entry = state.living(key)?;
        if fence.is_some_and(|fence| fence.get() != entry.fence) {
            return Err(TokenStoreErrorKind::LeaseLost.into());
        }
        if entry.version != seen {
            return Err(TokenStoreErrorKind::Conflict.into());
        }
        if let Some(entry) = state.remove(key) {
            let entry = Entry { record: record.clone(), version, ..entry };
            state.insert(key, entry, now.saturating_add(lifetime));
        }
        Ok(version)
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        let (now, mut state) = self.now();
        let entry = state.remove(key).ok_or(TokenStoreErrorKind::NotFound)?;
        Ok(stored(entry.record.clone(), &entry, now))
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        let (_, mut state) = self.now();
        Ok(state.remove(key).is_some())
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Result<Lease, TokenStoreError> {
        let (now, mut state) = self.now();
        let entry = state.living(key)?;
        if entry.leased.is_some_and(|until| now < until) {
            return Err(TokenStoreErrorKind::Conflict.into());
        }
        let abandoned = entry.leased.replace(now.saturating_add(lifetime)).is_some();
        state.fence += 1;
        let fence = state.fence;
        state.living(key)?.fence = fence;
        Ok(Lease { fence: Fence::new(fence), abandoned })
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Result<(), TokenStoreError> {
        let (now, mut state) = self.now();
        let entry = state.living(key)?;
        if fence.get() != entry.fence || entry.leased.is_none() {
            return Err(TokenStoreErrorKind::LeaseLost.into());
        }
        entry.leased = Some(now.saturating_add(lifetime));
        Ok(())
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        let (_, mut state) = self.now();
        if let Some(entry) = state.records.get_mut(key).filter(|entry| entry.fence == fence.get()) {
            entry.leased = None;
        }
        Ok(())
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        let (_, state) = self.now();
        Ok(state.indexes.get(index).into_iter().flatten().cloned().collect())
    }

    async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
        let (_, mut state) = self.now();
        let keys = state.indexes.get(index).cloned().unwrap_or_default();
        Ok(keys.iter().filter(|key| state.remove(key).is_some()).count() as u64)
    }
}

fn stored(record: Record, entry: &Entry, now: Duration) -> Stored {
    Stored { record, version: entry.version, remaining: entry.until.0.saturating_sub(now) }
}

impl Default for MemoryTokenStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "MemoryTokenStore({} of {} records)", state.records.len(), state.capacity)
    }
}
