//! A document that is fetched once for all who wait, kept for its lifetime, and used longer in need.

use crate::{ErrorKind, LogtoError};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// After the first failure; doubled with each further one up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// A provider that did not answer is taken to be away for so long after the pause.
const AWAY: Duration = Duration::from_secs(60);
/// No `max-age` makes a document live shorter.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Lifetime {
    /// Where the answer does not say.
    pub(super) default: Duration,
    /// However long the answer says.
    pub(super) longest: Duration,
    /// How long beyond its lifetime a document is used by others while one of them fetches a newer one.
    pub(super) meanwhile: Duration,
    /// How long beyond its lifetime a document is used while the provider does not answer.
    pub(super) stale: Duration,
}

#[derive(Debug)]
pub(super) struct Cache<T> {
    lifetime: Lifetime,
    known: Mutex<Known<T>>,
    /// Held by the one who fetches.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Known<T> {
    document: Option<Document<T>>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Document<T> {
    value: Arc<T>,
    fresh_until: Duration,
}

#[derive(Debug)]
struct Failure {
    error: LogtoError,
    pause: Duration,
    until: Duration,
}

impl<T> Cache<T> {
    pub(super) fn new(lifetime: Lifetime) -> Self {
        let known = Mutex::new(Known { document: None, failure: None });
        Self { lifetime, known, flight: tokio::sync::Mutex::new(()) }
    }

    /// The document: a fresh one, one fetched now, or a stale one where the provider does not answer.
    pub(super) async fn get(
        &self,
        now: Duration,
        fetch: impl AsyncFnOnce() -> Result<(T, Option<String>), LogtoError>,
    ) -> Result<Arc<T>, LogtoError> {
        if let Some(fresh) = self.fresh(now) {
            return Ok(fresh);
        }
        let _flight = match self.flight.try_lock() {
            Ok(flight) => flight,
            Err(_) => match self.within(now, self.lifetime.meanwhile) {
                Some(known) => return Ok(known),
                None => self.flight.lock().await,
            },
        };
        if let Some(fresh) = self.fresh(now) {
            return Ok(fresh);
        }
        let outcome = match self.paused(now) {
            Some(error) => Err(error),
            None => self.fetch(now, fetch).await,
        };
        outcome.or_else(|error| self.stale(now).ok_or(error))
    }

    /// A stale document, where the provider did not answer just now; and whether it is time to ask again.
    pub(super) fn while_away(&self, now: Duration) -> Option<(Arc<T>, bool)> {
        let until = self.known().failure.as_ref()?.until;
        if now >= until.saturating_add(AWAY) {
            return None;
        }
        Some((self.stale(now)?, now >= until && self.flight.try_lock().is_ok()))
    }

    /// A document newer than `old`; `None` where `may_fetch` forbids to ask for one.
    pub(super) async fn newer(
        &self,
        now: Duration,
        old: &Arc<T>,
        may_fetch: impl FnOnce() -> bool,
        fetch: impl AsyncFnOnce() -> Result<(T, Option<String>), LogtoError>,
    ) -> Result<Option<Arc<T>>, LogtoError> {
        let _flight = self.flight.lock().await;
        let newest = self.known().document.as_ref().map(|document| Arc::clone(&document.value));
        if let Some(newest) = newest.filter(|newest| !Arc::ptr_eq(newest, old)) {
            return Ok(Some(newest));
        }
        if let Some(error) = self.paused(now) {
            return Err(error);
        }
        if may_fetch() { self.fetch(now, fetch).await.map(Some) } else { Ok(None) }
    }

    async fn fetch(
        &self,
        now: Duration,
        fetch: impl AsyncFnOnce() -> Result<(T, Option<String>), LogtoError>,
    ) -> Result<Arc<T>, LogtoError> {
        let outcome = fetch().await;
        let mut known = self.known();
        match outcome {
            Ok((value, cache_control)) => {
                let value = Arc::new(value);
                let fresh_until = now.saturating_add(self.lifetime.of(cache_control.as_deref()));
                *known = Known {
                    document: Some(Document { value: Arc::clone(&value), fresh_until }),
                    failure: None,
                };
                Ok(value)
            }
            Err(error) => {
                let pause = known
                    .failure
                    .as_ref()
                    .map_or(FIRST_PAUSE, |failure| (failure.pause * 2).min(LONGEST_PAUSE))
                    .max(error.retry_after().unwrap_or_default());
                tracing::warn!(%error, kind = ?error.kind(), "fetching from the provider failed");
                known.failure =
                    Some(Failure { error: error.clone(), pause, until: now.saturating_add(pause) });
                Err(error)
            }
        }
    }

    pub(super) fn fresh(&self, now: Duration) -> Option<Arc<T>> {
        self.within(now, Duration::ZERO)
    }

    fn stale(&self, now: Duration) -> Option<Arc<T>> {
        self.within(now, self.lifetime.stale)
    }

    fn within(&self, now: Duration, beyond: Duration) -> Option<Arc<T>> {
        let known = self.known();
        let document = known.document.as_ref()?;
        (now < document.fresh_until.saturating_add(beyond)).then(|| Arc::clone(&document.value))
    }

    /// The last failure while its pause lasts: nobody asks again before.
    fn paused(&self, now: Duration) -> Option<LogtoError> {
        let known = self.known();
        let failure = known.failure.as_ref().filter(|failure| now < failure.until)?;
        let wait = failure.until.saturating_sub(now);
        Some(match failure.error.kind() {
            ErrorKind::Unavailable | ErrorKind::RateLimited => {
                failure.error.clone().with_retry_after(Some(wait))
            }
            _ => failure.error.clone(),
        })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known<T>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lifetime {
    /// By `Cache-Control` (RFC 9111): `max-age` within reason; `no-cache` and `no-store` mean the default.
    fn of(&self, cache_control: Option<&str>) -> Duration {
        let mut max_age = None;
        for directive in cache_control.unwrap_or_default().split(',').map(str::trim) {
            if directive.eq_ignore_ascii_case("no-cache") || directive.eq_ignore_ascii_case("no-store") {
                return self.default;
            }
            if let Some((name, value)) = directive.split_once('=')
                && name.trim().eq_ignore_ascii_case("max-age")
            {
                max_age = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
            }
        }
        max_age.map_or(self.default, |age| age.clamp(SHORTEST_LIFETIME, self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const LIFETIME: Lifetime = Lifetime {
        default: Duration::from_secs(300),
        longest: Duration::from_secs(3600),
        meanwhile: Duration::from_secs(300),
        stale: Duration::from_secs(1000),
    };

    fn at(seconds: f64) -> Duration {
        Duration::from_secs(1_800_000_000) + Duration::from_secs_f64(seconds)
    }

    fn down() -> LogtoError {
        LogtoError::new(ErrorKind::Unavailable, "down")
    }

    #[tokio::test]
    async fn all_who_wait_share_one_fetch() {
        let (cache, fetches) = (Cache::new(LIFETIME), AtomicU32::new(0));
        let get = || {
            cache.get(at(0.0), async || {
                fetches.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok((1, None))
            })
        };
        let (a, b, c) = tokio::join!(get(), get(), get());
        assert_eq!((*a.unwrap(), *b.unwrap(), *c.unwrap(), fetches.into_inner()), (1, 1, 1, 1));
    }

    #[tokio::test]
    async fn who_finds_somebody_asking_is_served_what_is_known_for_as_long_as_stated() {
        let cache = Cache::new(LIFETIME);
        cache.get(at(0.0), async || Ok((1, None))).await.unwrap();
        for (second, answer) in [(301.0, Err(down())), (599.0, Err(down())), (600.0, Ok((2, None)))] {
            let served = if answer.is_ok() { 2 } else { 1 };
            let (asked, go) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
            let first = cache.get(at(second), async || {
                asked.notify_one();
                go.notified().await;
                answer
            });
            let other = async {
                asked.notified().await;
                let other = cache.get(at(second), async || panic!("a second fetch"));
                tokio::join!(other, async { go.notify_one() }).0
            };
            let (first, other) = tokio::join!(first, other);
            assert_eq!((*first.unwrap(), *other.unwrap()), (served, served), "{second}");
        }
    }

    #[tokio::test]
    async fn while_the_provider_is_away_one_at_a_time_asks_and_nobody_waits() {
        let cache = Cache::new(LIFETIME);
        assert!(cache.while_away(at(0.0)).is_none());
        cache.get(at(0.0), async || Ok((1, None))).await.unwrap();
        assert!(cache.while_away(at(301.0)).is_none(), "it is not known to be away");
        cache.get(at(301.0), async || Err(down())).await.unwrap();
        let known = |second| cache.while_away(at(second)).map(|(value, ask)| (*value, ask));
        assert_eq!((known(301.4), known(301.5)), (Some((1, false)), Some((1, true))));
        assert_eq!((known(361.4), known(361.5)), (Some((1, true)), None), "it may have come back");
        let asking = cache.flight.lock().await;
        assert_eq!(known(301.5), Some((1, false)));
        drop(asking);
        cache.get(at(1299.0), async || Err(down())).await.unwrap();
        assert_eq!(known(1300.0), None, "the document is too old");
    }

    #[tokio::test]
    async fn a_stale_document_is_used_while_the_provider_is_down_and_for_no_longer_than_stated() {
        let cache = Cache::new(LIFETIME);
        assert_eq!(*cache.get(at(0.0), async || Ok((1, None))).await.unwrap(), 1);
        assert_eq!(*cache.get(at(299.0), async || Err(down())).await.unwrap(), 1);
        assert_eq!(*cache.get(at(301.0), async || Err(down())).await.unwrap(), 1);
        assert_eq!(*cache.get(at(310.0), async || Ok((2, None))).await.unwrap(), 2);
        assert!(cache.get(at(310.0 + 1301.0), async || Err(down())).await.is_err());
    }

    #[tokio::test]
    async fn after_a_failure_nobody_asks_before_the_pause_is_over() {
        let (cache, asked) = (Cache::<u8>::new(LIFETIME), AtomicU32::new(0));
        let mut times = Vec::new();
        for tenth in 0..200 {
            let before = asked.load(Ordering::SeqCst);
            let outcome = cache.get(at(f64::from(tenth) / 10.0), async || {
                asked.fetch_add(1, Ordering::SeqCst);
                Err(down())
            });
            assert_eq!(outcome.await.unwrap_err().kind(), ErrorKind::Unavailable);
            if asked.load(Ordering::SeqCst) > before {
                times.push(tenth);
            }
        }
        assert_eq!(times, [0, 5, 15, 35, 75, 115, 155, 195]);
    }

    #[tokio::test]
    async fn a_newer_document_comes_from_another_caller_or_from_one_fetch() {
        let cache = Cache::new(LIFETIME);
        let old = cache.get(at(0.0), async || Ok((1, None))).await.unwrap();
        assert!(cache.newer(at(1.0), &old, || false, async || Ok((2, None))).await.unwrap().is_none());
        let new = cache.newer(at(1.0), &old, || true, async || Ok((2, None))).await.unwrap().unwrap();
        let same = cache.newer(at(1.0), &old, || true, async || Ok((3, None))).await.unwrap().unwrap();
        assert_eq!((*new, *same), (2, 2));
    }

    #[test]
    fn the_lifetime_follows_cache_control_within_reason() {
        for (header, seconds) in [
            (None, 300),
            (Some("max-age=900"), 900),
            (Some("public, Max-Age=\"600\""), 600),
            (Some("max-age=5"), 60),
            (Some("max-age=99999999999"), 3600),
            (Some("no-cache, max-age=0, must-revalidate"), 300),
            (Some("max-age=900, no-store"), 300),
            (Some("max-age=-1"), 300),
        ] {
            assert_eq!(LIFETIME.of(header).as_secs(), seconds, "{header:?}");
        }
    }
}
