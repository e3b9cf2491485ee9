//! The same work at once for many is done once, and all hear its outcome.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;

/// Work under way, by key. Who leaves ends nothing: another of those who wait takes over.
pub(super) struct Flights<K: Eq + Hash, T>(Mutex<HashMap<K, Arc<OnceCell<T>>>>);

struct Passenger<'a, K: Eq + Hash, T> {
    flights: &'a Flights<K, T>,
    key: K,
    outcome: Arc<OnceCell<T>>,
}

impl<K: Eq + Hash + Clone, T: Clone> Flights<K, T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(super) async fn run<F: Future<Output = T>>(&self, key: K, work: impl FnOnce() -> F) -> T {
        let outcome = Arc::clone(self.under_way().entry(key.clone()).or_default());
        let passenger = Passenger { flights: self, key, outcome };
        passenger.outcome.get_or_init(work).await.clone()
    }
}

impl<K: Eq + Hash, T> Flights<K, T> {
    fn under_way(&self) -> MutexGuard<'_, HashMap<K, Arc<OnceCell<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, T> Drop for Passenger<'_, K, T> {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way();
        let ours = under_way.get(&self.key).is_some_and(|cell| Arc::ptr_eq(cell, &self.outcome));
        // The map's own and this one: nobody else waits.
        if ours && (self.outcome.initialized() || Arc::strong_count(&self.outcome) == 2) {
            under_way.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash, T> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flights({})", self.under_way().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::yield_now;

    #[tokio::test]
    async fn many_at_once_share_one_outcome_and_nothing_stays() {
        let (flights, runs) = (Flights::new(), AtomicUsize::new(0));
        let run = || {
            flights.run("a", || async {
                yield_now().await;
                runs.fetch_add(1, Ordering::SeqCst)
            })
        };
        let (one, two, three) = tokio::join!(run(), run(), run());
        assert_eq!((one, two, three), (0, 0, 0));
        assert_eq!(flights.run("b", || async { 7 }).await, 7);
        assert_eq!(run().await, 1, "the next one is a new one");
        assert!(flights.under_way().is_empty());
    }

    #[tokio::test]
    async fn who_leaves_is_followed_by_one_who_waits() {
        let (flights, runs) = (Arc::new(Flights::new()), Arc::new(AtomicUsize::new(0)));
        let start = |endless: bool| {
            let (flights, runs) = (Arc::clone(&flights), Arc::clone(&runs));
            tokio::spawn(async move {
                let work = || async {
                    runs.fetch_add(1, Ordering::SeqCst);
                    if endless {
                        std::future::pending::<()>().await;
                    }
                    "done"
                };
                flights.run("a", work).await
            })
        };
        let first = start(true);
        while runs.load(Ordering::SeqCst) == 0 {
            yield_now().await;
        }
        let second = start(false);
        yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap(), "done");
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        let alone = start(true);
        while runs.load(Ordering::SeqCst) == 2 {
            yield_now().await;
        }
        alone.abort();
        drop(alone.await);
        assert!(flights.under_way().is_empty());
    }
}
