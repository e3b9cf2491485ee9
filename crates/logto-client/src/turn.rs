//! A turn: the lease of a visitor's record, held while the provider is asked on their behalf.

use crate::{ErrorKind, LogtoError};
use logto_storage_core::{Changes, Commit, Fence, Items, Operation, StorageError, StorageErrorKind, keys};
use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// For so long a process that was killed keeps the others waiting.
const LEASE: Duration = Duration::from_secs(6);
/// A process that lives holds its lease for as long as the provider takes.
const RENEWAL: Duration = Duration::from_secs(2);
/// A store that is away for a moment is tried again for so long: what the provider has answered is in
/// nobody's hands but this process's.
const STUBBORNNESS: Duration = Duration::from_secs(2);

/// Who never gave a turn back may still bring what the provider has answered: where the store was away, and
/// comes back for all at once.
const BELATED: Duration = Duration::from_secs(1);
/// Who brings something late gives up an attempt after so long and begins another: one that was begun while
/// the store was silent would outlast the patience of who has the turn when it is back.
const ATTEMPT: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(50);

/// A visitor's record, as work without the request writes it.
#[derive(Clone)]
pub(crate) struct Record(Arc<dyn Commit>);

/// This process's turn to ask the provider for one visitor.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    record: &'a Record,
    fence: Fence,
    /// Before the lease was asked for.
    since: Instant,
    /// Whether the one who had it before never gave it back: an answer of the provider's may be lost, or late.
    pub(crate) abandoned: bool,
    /// Whether the store has not taken what the provider has answered.
    unwritten: bool,
}

impl Record {
    pub(crate) fn new(commit: Arc<dyn Commit>) -> Self {
        Self(commit)
    }

    pub(crate) async fn read(&self) -> Result<Items, StorageError> {
        self.0.read().await
    }

    pub(crate) async fn end(&self) -> Result<Items, StorageError> {
        self.0.end().await
    }

    /// Writes, whoever's turn it is, what these changes say of the items as they are, once the store can be
    /// had within so long; nothing where they say `None`. They hold what they expect.
    pub(crate) async fn write_late(
        &self,
        within: Duration,
        changes: impl Fn(&Items) -> Option<Changes>,
    ) -> Result<(), StorageError> {
        let since = Instant::now();
        loop {
            sleep(PAUSE).await;
            let attempt = timeout(ATTEMPT, async {
                match changes(&self.read().await?) {
                    Some(changes) => self.0.commit(&changes, None).await,
                    None => Ok(()),
                }
            });
            let written = attempt.await.unwrap_or_else(|_| {
                Err(StorageError::new(StorageErrorKind::Unavailable, Operation::Apply, keys::REFRESH_TOKEN))
            });
            match written {
                Err(error) if since.elapsed() < within && may_pass(&error) => {}
                outcome => return outcome,
            }
        }
    }

    /// Waits for the lease for as long as `patience`; after each moment in which somebody else has it
    /// `done` looks at what they have written. Whichever comes first.
    pub(crate) async fn turn<T>(
        &self,
        patience: Duration,
        mut done: impl FnMut(&Items) -> Option<T>,
    ) -> Result<Result<Turn<'_>, T>, LogtoError> {
        let since = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            let asked = Instant::now();
            if let Some(lease) = self.0.acquire(LEASE).await? {
                return Ok(Ok(Turn {
                    record: self,
                    fence: lease.fence,
                    since: asked,
                    abandoned: lease.abandoned,
                    unwritten: false,
                }));
            }
            if since.elapsed() >= patience {
                return Err(LogtoError::new(
                    ErrorKind::Unavailable,
                    "another request of this session is at the provider and takes long: try again",
                ));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
            if let Some(done) = done(&self.read().await?) {
                return Ok(Err(done));
            }
        }
    }
}

impl Turn<'_> {
    /// Does this work, and holds the lease meanwhile. `None`, and the work is not begun, where the turn may be
    /// somebody else's by now: the provider forgives nobody who comes late with what another has used.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.since.elapsed() >= RENEWAL
            && let Err(error) = self.record.0.renew(self.fence, LEASE).await
        {
            tracing::warn!(%error, kind = ?error.kind(), "a turn was over before the provider was asked");
            return None;
        }
        let mut work = std::pin::pin!(work);
        loop {
            if let Ok(result) = timeout(RENEWAL, work.as_mut()).await {
                return Some(result);
            }
            // Who has lost it learns that at the write.
            if let Err(error) = self.record.0.renew(self.fence, LEASE).await {
                tracing::warn!(%error, kind = ?error.kind(), "a lease is not renewed");
            }
        }
    }

    /// The items after the one who had the turn before and never gave it back: as they are known, or as they
    /// have written them late. Not for long: that process has most likely ended.
    pub(crate) async fn after_the_one_before(&self, known: Items) -> Result<Items, StorageError> {
        let since = Instant::now();
        while self.abandoned && since.elapsed() < BELATED {
            sleep(PAUSE).await;
            let items = self.record.read().await?;
            if items != known {
                return Ok(items);
            }
        }
        Ok(known)
    }

    /// Writes what these changes say of the items as they are: they are asked anew where somebody else
    /// has written meanwhile.
    pub(crate) async fn write(&mut self, changes: impl Fn(&Items) -> Changes) -> Result<(), StorageError> {
        let since = Instant::now();
        loop {
            let written = async {
                let items = self.record.read().await?;
                self.record.0.commit(&changes(&items), Some(self.fence)).await
            };
            match written.await {
                Err(error) if since.elapsed() < STUBBORNNESS && may_pass(&error) => sleep(PAUSE).await,
                outcome => {
                    self.unwritten = outcome.is_err();
                    return outcome;
                }
            }
        }
    }

    /// Gives it back. Where that fails the lease ends by itself; so it does where the store has not taken what
    /// the provider has answered, because whoever is next then gives the one who brings it late a moment.
    pub(crate) async fn end(self) {
        if self.unwritten {
            return;
        }
        if let Err(error) = self.record.0.release(self.fence).await {
            tracing::warn!(%error, kind = ?error.kind(), "a lease is not given back and ends by itself");
        }
    }
}

/// Whether another attempt may be written.
fn may_pass(error: &StorageError) -> bool {
    matches!(error.kind(), StorageErrorKind::Unavailable | StorageErrorKind::Conflict)
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logto_storage_core::Lease;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A store in which the lease is this process's, or not any more.
    #[derive(Debug, Default)]
    struct Leased {
        lost: AtomicBool,
        away: AtomicBool,
        released: AtomicBool,
    }

    #[async_trait::async_trait]
    impl Commit for Leased {
        async fn read(&self) -> Result<Items, StorageError> {
            Ok(Items::default())
        }

        async fn commit(&self, _: &Changes, _: Option<Fence>) -> Result<(), StorageError> {
            if self.away.load(Ordering::SeqCst) {
                return Err(StorageError::new(StorageErrorKind::Unavailable, Operation::Apply, "items"));
            }
            Ok(())
        }

        async fn end(&self) -> Result<Items, StorageError> {
            Ok(Items::default())
        }

        async fn acquire(&self, _: Duration) -> Result<Option<Lease>, StorageError> {
            Ok(Some(Lease { fence: Fence::new(1), abandoned: false }))
        }

        async fn renew(&self, _: Fence, _: Duration) -> Result<(), StorageError> {
            if self.lost.load(Ordering::SeqCst) {
                return Err(StorageError::new(StorageErrorKind::LeaseLost, Operation::Set, "lease"));
            }
            Ok(())
        }

        async fn release(&self, _: Fence) -> Result<(), StorageError> {
            self.released.store(true, Ordering::SeqCst);
            Ok(())
        }
    }

    #[tokio::test]
    async fn who_was_stopped_before_the_call_asks_the_provider_only_where_it_is_still_their_turn() {
        let store = Arc::new(Leased::default());
        let record = Record::new(Arc::<Leased>::clone(&store));
        let mut turn = record.turn(Duration::ZERO, |_| None::<()>).await.unwrap().unwrap();
        for (age, lost, asked) in [
            (Duration::ZERO, true, Some(())),
            (Duration::from_secs(3), false, Some(())),
            (Duration::from_secs(3), true, None),
        ] {
            turn.since = Instant::now().checked_sub(age).unwrap();
            store.lost.store(lost, Ordering::SeqCst);
            assert_eq!(turn.during(async {}).await, asked, "{age:?} {lost}");
        }
    }

    #[tokio::test]
    async fn a_turn_whose_answer_the_store_has_not_taken_is_not_given_back() {
        for away in [false, true] {
            let store = Arc::new(Leased::default());
            let record = Record::new(Arc::<Leased>::clone(&store));
            let mut turn = record.turn(Duration::ZERO, |_| None::<()>).await.unwrap().unwrap();
            store.away.store(away, Ordering::SeqCst);
            assert_eq!(turn.write(|_| Changes::new()).await.is_err(), away);
            // A release that was begun while the store was silent would reach it when it is back.
            store.away.store(false, Ordering::SeqCst);
            turn.end().await;
            assert_eq!(store.released.load(Ordering::SeqCst), !away);
        }
    }
}
