//! What the cases have in common: a store to ask, names, and judgements of its answers.

use super::Harness;
use logto_storage_core::{
    Fence, Realm, TokenStore, TokenStoreError, TokenStoreErrorKind,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    error::Error,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);

/// A harness, a handle on its store, and the realm of the records.
pub(super) struct Lab<H> {
    pub(super) harness: H,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) realm: Realm,
}

impl<H: Harness> Lab<H> {
    /// `None` where the harness lacks what it needs.
    pub(super) async fn start() -> Option<Self> {
        let harness = H::start().await?;
        let store = harness.store();
        Some(Self { harness, store, realm: Realm::new("https://tenant.logto.app/oidc", "app") })
    }

    pub(super) fn key(&self, name: &str) -> RecordKey {
        self.realm.record(name)
    }

    /// A record of nobody, for an hour.
    pub(super) async fn create(&self, name: &str, payload: &str) -> Result<(RecordKey, Version), String> {
        let key = self.key(name);
        let version = self.store.create(&key, &plain(payload), HOUR).await.fine("creating a record")?;
        Ok((key, version))
    }

    /// A record that is found by these, for an hour.
    pub(super) async fn create_for(
        &self,
        name: &str,
        sub: Option<&str>,
        sid: Option<&str>,
    ) -> Result<(RecordKey, Version), String> {
        let key = self.key(name);
        let record = self.record(name, sub, sid);
        let version = self.store.create(&key, &record, HOUR).await.fine("creating a record")?;
        Ok((key, version))
    }

    pub(super) fn record(&self, payload: &str, sub: Option<&str>, sid: Option<&str>) -> Record {
        let (sub, sid) = (sub.map(|sub| self.realm.sub(sub)), sid.map(|sid| self.realm.sid(sid)));
        Record::new(payload.as_bytes(), sub, sid)
    }

    /// The record holds this.
    pub(super) async fn holds(&self, key: &RecordKey, payload: &str) -> Result<Stored, String> {
        let stored = self.store.read(key).await.fine("reading a record")?;
        let found = String::from_utf8_lossy(stored.record.payload()).into_owned();
        equal("what the record holds", found.as_str(), payload)?;
        Ok(stored)
    }

    /// There is no such record.
    pub(super) async fn gone(&self, key: &RecordKey) -> Result<(), String> {
        self.store.read(key).await.refused(TokenStoreErrorKind::NotFound, "reading what has ended")
    }

    /// How many operations ask for one record.
    pub(super) const OPERATIONS: usize = 7;

    /// No operation finds the record, and none makes one.
    pub(super) async fn absent_for_every_operation(
        &self,
        key: &RecordKey,
        version: Version,
    ) -> Result<(), String> {
        for operation in 0..Self::OPERATIONS {
            self.absent_for(key, version, operation).await?;
        }
        self.gone(key).await
    }

    /// This one of the operations does not find the record.
    pub(super) async fn absent_for(
        &self,
        key: &RecordKey,
        version: Version,
        operation: usize,
    ) -> Result<(), String> {
        let (store, fence, late) = (&self.store, Fence::new(1), plain("late"));
        let gone = TokenStoreErrorKind::NotFound;
        match operation {
            0 => self.gone(key).await,
            1 => store.swap(key, version, &late, HOUR, None).await.refused(gone, "a swap of what is absent"),
            2 => store.take(key).await.refused(gone, "taking what is absent"),
            3 => equal("what is absent is deleted", store.delete(key).await.fine("deleting")?, false),
            4 => store.acquire(key, HOUR).await.refused(gone, "a lease of what is absent"),
            5 => store.renew(key, fence, HOUR).await.refused(gone, "renewing a lease of what is absent"),
            _ => store.release(key, fence).await.fine("releasing a lease of what is absent"),
        }
    }

    /// The index has exactly these records.
    pub(super) async fn finds(&self, index: &IndexKey, expected: &[&RecordKey]) -> Result<(), String> {
        let mut found = self.store.find(index).await.fine("finding records")?;
        found.sort();
        let mut expected: Vec<RecordKey> = expected.iter().map(|key| (*key).clone()).collect();
        expected.sort();
        if found.len() == expected.len() {
            return equal("the records found", found, expected);
        }
        Err(format!("{} records were found, {} were expected", found.len(), expected.len()))
    }

    /// So many handles, each as another process would have it.
    pub(super) fn handles(&self, count: usize) -> Vec<Arc<dyn TokenStore>> {
        (0..count).map(|_| self.harness.store()).collect()
    }
}

/// A record of nobody.
pub(super) fn plain(payload: &str) -> Record {
    Record::new(payload.as_bytes(), None, None)
}

#[expect(clippy::needless_pass_by_value, reason = "what is compared is made for it")]
pub(super) fn equal<T: PartialEq + fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}

/// Judgements of what an operation gave.
pub(super) trait Outcome<T> {
    /// It must have succeeded.
    fn fine(self, what: &str) -> Result<T, String>;

    /// It must have been refused, for this reason.
    fn refused(self, kind: TokenStoreErrorKind, what: &str) -> Result<(), String>;
}

impl<T> Outcome<T> for Result<T, TokenStoreError> {
    fn fine(self, what: &str) -> Result<T, String> {
        self.map_err(|error| format!("{what} failed: {}", shown(&error)))
    }

    fn refused(self, kind: TokenStoreErrorKind, what: &str) -> Result<(), String> {
        match self {
            Err(error) if error.kind() == kind => Ok(()),
            Err(error) => Err(format!("{what} must be {kind:?}, and is: {}", shown(&error))),
            Ok(_) => Err(format!("{what} must be {kind:?}, and succeeded")),
        }
    }
}

/// Everything that an error shows, its sources included.
pub(super) fn shown(error: &TokenStoreError) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        shown += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    shown
}

/// Runs so many tasks, which begin together; what they gave, in order.
pub(super) async fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F) -> Result<Vec<T>, String>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let ready = Arc::new(AtomicUsize::new(0));
    // Its tasks end with it, also where the case is given up.
    let mut tasks = JoinSet::new();
    for index in 0..count {
        let (ready, task) = (Arc::clone(&ready), task(index));
        tasks.spawn(async move {
            ready.fetch_add(1, Ordering::SeqCst);
            // All stay awake: woken one after another, the first would be through before the last begins.
            while ready.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
            (index, task.await)
        });
    }
    let mut given = Vec::with_capacity(count);
    while let Some(ended) = tasks.join_next().await {
        given.push(ended.map_err(|error| format!("a task did not end: {error}"))?);
    }
    given.sort_by_key(|(index, _)| *index);
    Ok(given.into_iter().map(|(_, given)| given).collect())
}
