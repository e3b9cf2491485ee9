//! A plain store that lets everything be done behind its back, and its faults.

use logto_conformance::token_store::Harness;
use logto_storage_core::{
    Clock, Fence, Lease, ManualClock, TokenStore, TokenStoreError, TokenStoreErrorKind,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

macro_rules! faults {
    ($($fault:ident)*) => {
        /// What is wrong with a store.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        enum Fault { $($fault),* }

        /// The same as numbers, as parameters of types.
        pub(crate) mod fault {
            $(#[expect(non_upper_case_globals, reason = "the names of the enum")]
            pub(crate) const $fault: u8 = super::Fault::$fault as u8;)*
        }
    };
}

faults! {
    None
    AcquiresInTwoSteps AcquireChangesTheVersion AlwaysAbandoned
    Caches CapsLifetimes CorruptIsAbsent CountsTheExpired CreatesInTwoSteps CreateOverwrites CutsAtZero CutsKeys
    DeletesByInTwoSteps DeletesByReading DeletesTheCorrupt DeletesTheNewer DeleteIsAlwaysTrue DeleteIsForEver
    EmptyIsAbsent ExpiresLate
    FenceIsNotChecked FenceRestartsWithTheRecord FenceRestartsWhenReleased FindsAtMost100 FindsTheExpired
    FindsTheVanished ForgetsSid
    HidesTheOutage
    IgnoresCase IndexesInTwoSteps
    KeepsTheIndexAtSwap KeepsTheLifetimeAtSwap
    LeaseIsNotRenewed LeaseForAll LeaseForEver LeaseOutlivesTheRecord LeavesOneBehind
    NeverAbandoned NewerIsCorrupt
    ReleasesAnyLease RenewsAnyLease RenewsNoneThatIsOver RenewsTheReleased
    RefusesWritesAfterTheLease
    ShowsContent ShowsKeys ShowsNoSource SwapsAnyVersion SwapsInTwoSteps SwapCreates SwapEndsTheLease
    TakesInTwoSteps TakesButLeaves TheCorruptIsNeverOver
    VersionsRestart VersionsWrap
}

/// A record as it lies there.
#[derive(Clone, Debug)]
struct Book {
    data: Vec<u8>,
    sub: Option<String>,
    sid: Option<String>,
    version: u64,
    until: Duration,
    fence: u64,
    leased: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    books: HashMap<String, Book>,
    /// What was ever found by an index; what is not there any more is passed over.
    indexes: HashMap<String, BTreeSet<String>>,
    versions: u64,
    fences: u64,
    lease_of_all: Option<Duration>,
    former_leases: HashMap<String, Duration>,
    deleted: BTreeSet<String>,
}

/// What all handles share.
struct Shelf {
    clock: ManualClock,
    away: AtomicBool,
    state: Mutex<State>,
}

/// A handle on a store.
struct Handle {
    fault: u8,
    shelf: Arc<Shelf>,
    cache: Mutex<HashMap<String, Stored>>,
}

/// A store with this fault.
pub(crate) struct Broken<const FAULT: u8> {
    shelf: Arc<Shelf>,
}

/// The store without a fault.
pub(crate) type Sound = Broken<{ fault::None }>;

type Outcome<T> = Result<T, TokenStoreError>;

impl Handle {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault as u8
    }

    /// The state, unless the store is away; and the time.
    fn open(&self, key: &str) -> Outcome<(Duration, MutexGuard<'_, State>)> {
        let error = TokenStoreError::new(TokenStoreErrorKind::Unavailable);
        if !self.shelf.away.load(Ordering::SeqCst) {
            return Ok((self.shelf.clock.now(), self.shelf.state.lock().unwrap()));
        }
        Err(match self.has(Fault::ShowsNoSource) {
            true => error,
            false if self.has(Fault::ShowsKeys) => error.with_source(format!("no answer about {key}")),
            false => error.with_source("the shelf is away"),
        })
    }

    fn name(&self, key: &str) -> String {
        match self.has(Fault::CutsKeys) {
            true => key[..3].to_owned(),
            false if self.has(Fault::IgnoresCase) => key.to_lowercase(),
            false => key.to_owned(),
        }
    }

    fn alive(&self, book: &Book, now: Duration) -> bool {
        now < book.until + Duration::from_millis(u64::from(self.has(Fault::ExpiresLate)))
    }

    fn living<'a>(&self, state: &'a mut State, key: &RecordKey, now: Duration) -> Outcome<&'a mut Book> {
        let book = state.books.get_mut(&self.name(key.as_str()));
        book.filter(|book| self.alive(book, now)).ok_or_else(|| TokenStoreErrorKind::NotFound.into())
    }

    /// What of a record is written, whether new or anew.
    fn write(&self, state: &mut State, key: &RecordKey, record: &Record, mut book: Book) -> Version {
        state.versions += 1;
        book.version = match self.has(Fault::VersionsRestart) {
            true => book.version + 1,
            false if self.has(Fault::VersionsWrap) => state.versions % 97,
            false => state.versions,
        };
        book.data = record.data().to_vec();
        if self.has(Fault::CutsAtZero) {
            let end = record.payload().iter().position(|byte| *byte == 0).unwrap_or(record.payload().len());
            book.data = Record::new(&record.payload()[..end], None, None).data().to_vec();
        }
        let name = self.name(key.as_str());
        if !self.has(Fault::KeepsTheIndexAtSwap) || !state.books.contains_key(&name) {
            book.sub = record.sub().map(|index| self.name(index.as_str()));
            book.sid = record.sid().map(|index| self.name(index.as_str()));
        }
        if self.has(Fault::ForgetsSid) {
            book.sid = None;
        }
        for index in [&book.sub, &book.sid].into_iter().flatten() {
            state.indexes.entry(index.clone()).or_default().insert(key.as_str().to_owned());
        }
        let version = Version::from_stored(book.version);
        state.books.insert(name, book);
        version
    }

    fn empty_book(&self, state: &State, key: &RecordKey, until: Duration) -> Book {
        let leased = state.former_leases.get(key.as_str()).copied();
        let leased = leased.filter(|_| self.has(Fault::LeaseOutlivesTheRecord));
        let until = match self.has(Fault::CapsLifetimes) {
            true => until.min(self.shelf.clock.now() + Duration::from_secs(400 * 86_400)),
            false => until,
        };
        Book { data: Vec::new(), sub: None, sid: None, version: 0, until, fence: 0, leased }
    }

    fn remove(&self, state: &mut State, key: &str) -> Option<Book> {
        let book = state.books.remove(&self.name(key))?;
        state.deleted.insert(key.to_owned());
        if let Some(until) = book.leased {
            state.former_leases.insert(key.to_owned(), until);
        }
        Some(book)
    }

    /// A record as it can be read, or why not.
    fn readable(&self, state: &mut State, key: &RecordKey, now: Duration) -> Outcome<Stored> {
        let found = self.living(state, key, now).cloned();
        let book = match state.books.get(&self.name(key.as_str())) {
            Some(book) if self.has(Fault::TheCorruptIsNeverOver) => book.clone(),
            _ => found?,
        };
        let over = !self.alive(&book, now);
        let [sub, sid] = [book.sub, book.sid].map(|index| index.map(IndexKey::from_stored));
        let read = Record::from_stored(book.data, sub, sid);
        let (corrupt, newer) = (TokenStoreErrorKind::Corrupt, TokenStoreErrorKind::NewerVersion);
        match read {
            Ok(record) if self.has(Fault::EmptyIsAbsent) && record.payload().is_empty() => {
                Err(TokenStoreErrorKind::NotFound.into())
            }
            Ok(_) if over => Err(TokenStoreErrorKind::NotFound.into()),
            Ok(record) => Ok(Stored {
                record,
                version: Version::from_stored(book.version),
                remaining: book.until.saturating_sub(now),
            }),
            Err(error) => {
                let deletes = match error.kind() {
                    kind if kind == corrupt => self.has(Fault::DeletesTheCorrupt),
                    _ => self.has(Fault::DeletesTheNewer),
                };
                if deletes {
                    self.remove(state, key.as_str());
                }
                match error.kind() {
                    kind if kind == corrupt && self.has(Fault::CorruptIsAbsent) => {
                        Err(TokenStoreErrorKind::NotFound.into())
                    }
                    kind if kind == newer && self.has(Fault::NewerIsCorrupt) => Err(corrupt.into()),
                    _ => Err(error),
                }
            }
        }
    }

    /// Who does in two steps what must be one lets others in between.
    async fn pause(&self, fault: Fault) {
        if self.has(fault) {
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[async_trait::async_trait]
impl TokenStore for Handle {
    async fn create(&self, key: &RecordKey, record: &Record, lifetime: Duration) -> Outcome<Version> {
        let indexes = match self.has(Fault::IndexesInTwoSteps) {
            true => Some(self.open(key.as_str())?.1.indexes.clone()),
            false => None,
        };
        self.pause(Fault::IndexesInTwoSteps).await;
        if self.has(Fault::CreatesInTwoSteps) {
            let (now, mut state) = self.open(key.as_str())?;
            if self.living(&mut state, key, now).is_ok() {
                return Err(TokenStoreErrorKind::Conflict.into());
            }
        }
        self.pause(Fault::CreatesInTwoSteps).await;
        let (now, mut state) = self.open(key.as_str())?;
        if self.has(Fault::DeleteIsForEver) && state.deleted.contains(key.as_str()) {
            return Err(TokenStoreErrorKind::Conflict.into());
        }
        let overwrites = self.has(Fault::CreatesInTwoSteps) || self.has(Fault::CreateOverwrites);
        if self.living(&mut state, key, now).is_ok() && !overwrites {
            return Err(TokenStoreErrorKind::Conflict.into());
        }
        self.remove(&mut state, key.as_str());
        if let Some(indexes) = indexes {
            state.indexes = indexes;
        }
        let book = self.empty_book(&state, key, now + lifetime);
        Ok(self.write(&mut state, key, record, book))
    }

    async fn read(&self, key: &RecordKey) -> Outcome<Stored> {
        let (now, mut state) = self.open(key.as_str())?;
        let mut cache = self.cache.lock().unwrap();
        if let Some(stored) = cache.get(key.as_str()).filter(|_| self.has(Fault::Caches)) {
            return Ok(stored.clone());
        }
        let stored = self.readable(&mut state, key, now)?;
        cache.insert(key.as_str().to_owned(), stored.clone());
        Ok(stored)
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Outcome<Version> {
        {
            let (now, mut state) = self.open(key.as_str())?;
            let unwritten = self.empty_book(&state, key, now);
            let book = match self.living(&mut state, key, now) {
                Err(_) if self.has(Fault::SwapCreates) => &unwritten,
                found => &*found?,
            };
            let over = book.leased.is_none_or(|until| until <= now);
            let late = over && self.has(Fault::RefusesWritesAfterTheLease);
            if fence.is_some_and(|fence| fence.get() != book.fence || late)
                && !self.has(Fault::FenceIsNotChecked)
            {
                return Err(TokenStoreErrorKind::LeaseLost.into());
            }
            let any = self.has(Fault::SwapsAnyVersion) || std::ptr::eq(book, &raw const unwritten);
            if book.version != seen.get() && !any {
                return Err(TokenStoreErrorKind::Conflict.into());
            }
            if !self.has(Fault::SwapsInTwoSteps) {
                let mut book = book.clone();
                if !self.has(Fault::KeepsTheLifetimeAtSwap) {
                    book.until = self.empty_book(&state, key, now + lifetime).until;
                }
                if self.has(Fault::SwapEndsTheLease) {
                    book.leased = None;
                }
                return Ok(self.write(&mut state, key, record, book));
            }
        }
        self.pause(Fault::SwapsInTwoSteps).await;
        let (now, mut state) = self.open(key.as_str())?;
        let book = self.empty_book(&state, key, now + lifetime);
        Ok(self.write(&mut state, key, record, book))
    }

    async fn take(&self, key: &RecordKey) -> Outcome<Stored> {
        let stored = {
            let (now, mut state) = self.open(key.as_str())?;
            let stored = self.readable(&mut state, key, now)?;
            if self.has(Fault::TakesButLeaves) {
                return Ok(stored);
            }
            if !self.has(Fault::TakesInTwoSteps) {
                self.remove(&mut state, key.as_str());
                return Ok(stored);
            }
            stored
        };
        self.pause(Fault::TakesInTwoSteps).await;
        let (_, mut state) = self.open(key.as_str())?;
        self.remove(&mut state, key.as_str());
        Ok(stored)
    }

    async fn delete(&self, key: &RecordKey) -> Outcome<bool> {
        let (now, mut state) = self.open(key.as_str())?;
        let deleted = self.remove(&mut state, key.as_str());
        Ok(deleted.is_some_and(|book| self.alive(&book, now)) || self.has(Fault::DeleteIsAlwaysTrue))
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Outcome<Lease> {
        let held = {
            let (now, mut state) = self.open(key.as_str())?;
            let lease_of_all = state.lease_of_all;
            let book = self.living(&mut state, key, now)?;
            let leased = if self.has(Fault::LeaseForAll) { lease_of_all } else { book.leased };
            leased.is_some_and(|until| now < until || self.has(Fault::LeaseForEver))
        };
        self.pause(Fault::AcquiresInTwoSteps).await;
        let (now, mut state) = self.open(key.as_str())?;
        state.fences += 1;
        state.lease_of_all = Some(now + lifetime);
        let fence = state.fences;
        let book = self.living(&mut state, key, now)?;
        let held_by_now = book.leased.is_some_and(|until| now < until);
        if held || (held_by_now && !self.has(Fault::AcquiresInTwoSteps)) {
            return Err(TokenStoreErrorKind::Conflict.into());
        }
        let restarts =
            self.has(Fault::FenceRestartsWithTheRecord) || self.has(Fault::FenceRestartsWhenReleased);
        book.fence = if restarts { book.fence + 1 } else { fence };
        book.version += u64::from(self.has(Fault::AcquireChangesTheVersion));
        let abandoned = book.leased.replace(now + lifetime).is_some();
        let abandoned = (abandoned || self.has(Fault::AlwaysAbandoned)) && !self.has(Fault::NeverAbandoned);
        Ok(Lease { fence: Fence::new(book.fence), abandoned })
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Outcome<()> {
        let (now, mut state) = self.open(key.as_str())?;
        let book = self.living(&mut state, key, now)?;
        let own = book.fence == fence.get() || self.has(Fault::RenewsAnyLease);
        let held = match book.leased {
            Some(until) => now < until || !self.has(Fault::RenewsNoneThatIsOver),
            None => self.has(Fault::RenewsTheReleased),
        };
        if !(own && held) {
            return Err(TokenStoreErrorKind::LeaseLost.into());
        }
        if !self.has(Fault::LeaseIsNotRenewed) {
            book.leased = Some(now + lifetime);
        }
        Ok(())
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Outcome<()> {
        let (now, mut state) = self.open(key.as_str())?;
        state.lease_of_all = None;
        if let Ok(book) = self.living(&mut state, key, now)
            && (book.fence == fence.get() || self.has(Fault::ReleasesAnyLease))
        {
            book.leased = None;
            if self.has(Fault::FenceRestartsWhenReleased) {
                book.fence = 0;
            }
        }
        Ok(())
    }

    async fn find(&self, index: &IndexKey) -> Outcome<Vec<RecordKey>> {
        let opened = self.open(index.as_str());
        if opened.is_err() && self.has(Fault::HidesTheOutage) {
            return Ok(Vec::new());
        }
        let (now, mut state) = opened?;
        let index = self.name(index.as_str());
        let names = state.indexes.get(&index).cloned().unwrap_or_default();
        let mut found: Vec<RecordKey> = names.into_iter().map(RecordKey::from_stored).collect();
        found.retain(|key| match state.books.get(&self.name(key.as_str())) {
            Some(book) => {
                (self.alive(book, now) || self.has(Fault::FindsTheExpired))
                    && [&book.sub, &book.sid].contains(&&Some(index.clone()))
            }
            None => self.has(Fault::FindsTheVanished),
        });
        if self.has(Fault::FindsAtMost100) {
            found.truncate(100);
        }
        drop(state.indexes.insert(index, found.iter().map(|key| key.as_str().to_owned()).collect()));
        Ok(found)
    }

    async fn delete_by(&self, index: &IndexKey) -> Outcome<u64> {
        let over = {
            let (now, state) = self.open(index.as_str())?;
            let of_index = |book: &&Book| book.sub.as_deref() == Some(index.as_str());
            state.books.values().filter(of_index).filter(|book| !self.alive(book, now)).count()
        };
        let mut keys = self.find(index).await?;
        if self.has(Fault::LeavesOneBehind) {
            keys.pop();
        }
        self.pause(Fault::DeletesByInTwoSteps).await;
        let mut deleted = 0;
        for key in &keys {
            deleted += match self.has(Fault::DeletesByReading) {
                true => u64::from(self.take(key).await.is_ok()),
                false => u64::from(self.delete(key).await?),
            };
        }
        Ok(match self.has(Fault::CountsTheExpired) {
            true => deleted + over as u64,
            false if self.has(Fault::DeletesByInTwoSteps) => keys.len() as u64,
            false => deleted,
        })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.has(Fault::ShowsContent) {
            true => self.shelf.state.lock().unwrap().fmt(f),
            false => f.write_str("Shelf"),
        }
    }
}

impl<const FAULT: u8> Harness for Broken<FAULT> {
    async fn start() -> Option<Self> {
        let (clock, away, state) = (ManualClock::start_now(), AtomicBool::new(false), Mutex::default());
        Some(Self { shelf: Arc::new(Shelf { clock, away, state }) })
    }

    fn store(&self) -> Arc<dyn TokenStore> {
        Arc::new(Handle { fault: FAULT, shelf: Arc::clone(&self.shelf), cache: Mutex::default() })
    }

    fn advance(&self, by: Duration) {
        self.shelf.clock.advance(by);
    }

    async fn overwrite(&self, key: &RecordKey, data: &[u8]) -> bool {
        let mut state = self.shelf.state.lock().unwrap();
        state.books.get_mut(key.as_str()).map(|book| book.data = data.to_vec()).is_some()
    }

    async fn vanish(&self, key: &RecordKey) -> bool {
        self.shelf.state.lock().unwrap().books.remove(key.as_str()).is_some()
    }

    async fn break_store(&self) -> bool {
        self.shelf.away.store(true, Ordering::SeqCst);
        true
    }

    async fn mend_store(&self) {
        self.shelf.away.store(false, Ordering::SeqCst);
    }
}
