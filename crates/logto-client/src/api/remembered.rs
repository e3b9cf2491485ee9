//! Verified tokens: the signature of each is checked once.

use super::flights::Flights;
use crate::verify::{AuthInfo, JwkSet, MAX_TOKEN_BYTES, VerifyError};
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Tokens are remembered up to so many bytes together, for each that may be remembered.
const BYTES_PER_TOKEN: usize = 1024;

/// SHA-256 of a token: the token itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(fingerprint)
    }

    /// As a key of a [`Memory`](crate::memory::Memory).
    pub(super) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// What tokens say that were verified in full, by a key that is good still.
///
/// Bounded in number and bytes. Where there is no room the one goes that was remembered first and was not
/// asked for since: a flood of new tokens does not push out those in use.
pub(super) struct Remembered {
    most: usize,
    known: RwLock<Known>,
    /// Tokens that are being checked, and by which keys.
    checks: Flights<(Fingerprint, usize), Result<AuthInfo, VerifyError>>,
}

#[derive(Default)]
struct Known {
    /// The key of every token is among them.
    keys: Arc<JwkSet>,
    tokens: HashMap<Fingerprint, Token>,
    /// In the order in which they go.
    order: VecDeque<Fingerprint>,
    bytes: usize,
}

struct Token {
    auth: AuthInfo,
    bytes: usize,
    /// Since it was last considered.
    used: AtomicBool,
}

impl Remembered {
    /// At least one.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), known: RwLock::default(), checks: Flights::new() }
    }

    /// What the token says: known already, or by a full check, which many at once share. The clock is not
    /// looked at for a token that is known.
    pub(super) async fn get_or_check(
        &self,
        token: &str,
        keys: &Arc<JwkSet>,
        now: u64,
        check: impl FnOnce() -> Result<AuthInfo, VerifyError>,
    ) -> Result<AuthInfo, VerifyError> {
        let fingerprint = Fingerprint::of(token);
        if let Some(auth) = self.get(fingerprint, keys) {
            return Ok(auth);
        }
        // The address tells the sets apart: each who waits holds one.
        let flight = (fingerprint, Arc::as_ptr(keys).addr());
        let work = || async {
            // Who comes as another one's check ends.
            if let Some(auth) = self.get(fingerprint, keys) {
                return Ok(auth);
            }
            let auth = check()?;
            self.insert(fingerprint, token.len(), keys, now, &auth);
            Ok(auth)
        };
        self.checks.run(flight, work).await
    }

    fn get(&self, fingerprint: Fingerprint, keys: &Arc<JwkSet>) -> Option<AuthInfo> {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&known.keys, keys) {
                return known.get(fingerprint);
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.trust(keys);
        known.get(fingerprint)
    }

    fn insert(&self, fingerprint: Fingerprint, bytes: usize, keys: &Arc<JwkSet>, now: u64, auth: &AuthInfo) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.trust(keys);
        known.make_room(self.most, bytes, now);
        let token = Token { auth: auth.clone(), bytes, used: AtomicBool::new(false) };
        if known.tokens.insert(fingerprint, token).is_none() {
            known.order.push_back(fingerprint);
            known.bytes += bytes;
        }
    }
}

impl Known {
    fn get(&self, fingerprint: Fingerprint) -> Option<AuthInfo> {
        let token = self.tokens.get(&fingerprint)?;
        // Most are marked already: a read disturbs no other processor.
        if !token.used.load(Ordering::Relaxed) {
            token.used.store(true, Ordering::Relaxed);
        }
        Some(token.auth.clone())
    }

    /// From now on these keys count: tokens of others are forgotten.
    fn trust(&mut self, keys: &Arc<JwkSet>) {
        if Arc::ptr_eq(&self.keys, keys) {
            return;
        }
        self.keys = Arc::clone(keys);
        self.tokens.retain(|_, token| token.auth.key().is_some_and(|key| keys.holds(key)));
        self.order.retain(|fingerprint| self.tokens.contains_key(fingerprint));
        self.bytes = self.tokens.values().map(|token| token.bytes).sum();
    }

    fn make_room(&mut self, most: usize, bytes: usize, now: u64) {
        let most_bytes = most.saturating_mul(BYTES_PER_TOKEN).saturating_add(MAX_TOKEN_BYTES);
        while let Some(&oldest) = self.order.front() {
            let Some(token) = self.tokens.get_mut(&oldest) else {
                self.order.pop_front();
                continue;
            };
            let expired = token.auth.expires_at() < now;
            let fits = self.order.len() < most && self.bytes + bytes <= most_bytes;
            if fits && !expired {
                return;
            }
            self.order.pop_front();
            if std::mem::take(token.used.get_mut()) && !expired {
                self.order.push_back(oldest);
                continue;
            }
            self.bytes -= token.bytes;
            self.tokens.remove(&oldest);
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Remembered({} of {})", known.tokens.len(), self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{
        Algorithm,
        tests::{access_token, forge},
    };
    use serde_json::{Value, json};
    use std::sync::atomic::AtomicUsize;

    const NOW: u64 = forge::NOW.as_secs();

    fn keys() -> Arc<JwkSet> {
        Arc::new(forge::keys())
    }

    fn auth(claims: &[(&str, Value)]) -> AuthInfo {
        access_token::auth_info(claims)
    }

    fn count(remembered: &Remembered) -> usize {
        let known = remembered.known.read().unwrap();
        assert_eq!(known.tokens.len(), known.order.len());
        assert_eq!(known.bytes, known.tokens.values().map(|token| token.bytes).sum::<usize>());
        known.tokens.len()
    }

    /// Remembers a token of this text; whether it had to be checked.
    async fn checked(remembered: &Remembered, token: &str, keys: &Arc<JwkSet>, auth: &AuthInfo) -> bool {
        let mut checked = false;
        let check = || {
            checked = true;
            Ok(auth.clone())
        };
        remembered.get_or_check(token, keys, NOW, check).await.unwrap();
        checked
    }

    #[tokio::test]
    async fn a_token_is_checked_once_and_a_bad_one_is_never_remembered() {
        let (remembered, keys, good) = (Remembered::new(10), keys(), auth(&[]));
        assert!(checked(&remembered, "a", &keys, &good).await);
        assert!(!checked(&remembered, "a", &keys, &good).await);
        assert!(checked(&remembered, "b", &keys, &good).await);
        for _ in 0..100 {
            let refused = || Err(VerifyError::claim_of("exp", "is over"));
            assert!(remembered.get_or_check("bad", &keys, NOW, refused).await.is_err());
        }
        assert_eq!(count(&remembered), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_thousand_requests_with_one_unknown_token_check_it_once() {
        let (remembered, keys, good) = (Arc::new(Remembered::new(10)), keys(), auth(&[]));
        for (token, is_good) in [("good", true), ("bad", false)] {
            let checks = Arc::new(AtomicUsize::new(0));
            let barrier = Arc::new(tokio::sync::Barrier::new(1000));
            let tasks: Vec<_> = (0..1000)
                .map(|_| {
                    let (remembered, keys, good) = (Arc::clone(&remembered), Arc::clone(&keys), good.clone());
                    let (checks, barrier) = (Arc::clone(&checks), Arc::clone(&barrier));
                    tokio::spawn(async move {
                        barrier.wait().await;
                        let check = || {
                            checks.fetch_add(1, Ordering::SeqCst);
                            // Long enough for the other threads to come by.
                            std::thread::sleep(std::time::Duration::from_millis(20));
                            if is_good { Ok(good) } else { Err(VerifyError::claim_of("exp", "is over")) }
                        };
                        remembered.get_or_check(token, &keys, NOW, check).await.is_ok()
                    })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), is_good);
            }
            let checks = checks.load(Ordering::SeqCst);
            // A bad one is checked anew by who comes after the others have heard.
            assert!(checks == 1 || !is_good && checks <= 1000, "{checks}");
        }
    }

    #[tokio::test]
    async fn the_tokens_of_a_key_go_with_it_and_those_of_others_stay() {
        let (remembered, all, good) = (Remembered::new(10), keys(), auth(&[]));
        assert!(checked(&remembered, "a", &all, &good).await);
        let fetched_anew = keys();
        assert!(!checked(&remembered, "a", &fetched_anew, &good).await, "the same keys, fetched anew");
        let jwk =
            |algorithm: Algorithm| forge::jwk(forge::signer(algorithm), &json!({"kid": algorithm.name()}));
        let added = Arc::new(forge::set(&[jwk(Algorithm::Es384), jwk(Algorithm::Rs256)]));
        assert!(!checked(&remembered, "a", &added, &good).await);
        let withdrawn = Arc::new(forge::set(&[jwk(Algorithm::Rs256)]));
        let refused = || Err(VerifyError::claim_of("kid", "is not known"));
        assert!(remembered.get_or_check("a", &withdrawn, NOW, refused).await.is_err());
        assert_eq!(count(&remembered), 0);
        assert!(checked(&remembered, "a", &added, &good).await, "it does not come back by itself");
    }

    #[tokio::test]
    async fn a_flood_of_good_tokens_is_bounded_and_does_not_push_out_those_in_use() {
        let (remembered, keys, good) = (Remembered::new(100), keys(), auth(&[]));
        assert!(checked(&remembered, "in use", &keys, &good).await);
        for number in 0..10_000 {
            assert!(checked(&remembered, &number.to_string(), &keys, &good).await);
            if number % 50 == 0 {
                assert!(!checked(&remembered, "in use", &keys, &good).await, "{number}");
            }
        }
        assert_eq!(count(&remembered), 100);
        assert!(!checked(&remembered, "9999", &keys, &good).await);
        assert!(checked(&remembered, "0", &keys, &good).await);
    }

    #[tokio::test]
    async fn large_tokens_take_the_room_of_several_and_all_fit_that_are_accepted() {
        let (remembered, keys, good) = (Remembered::new(10), keys(), auth(&[]));
        for number in 0..50 {
            let large = format!("{number}{}", "x".repeat(MAX_TOKEN_BYTES - 4));
            assert!(checked(&remembered, &large, &keys, &good).await);
            assert!(!checked(&remembered, &large, &keys, &good).await);
            assert_eq!(count(&remembered), 1);
        }
    }

    #[tokio::test]
    async fn the_expired_make_room_even_if_they_are_asked_for() {
        let (remembered, keys) = (Remembered::new(10), keys());
        let old = auth(&[("exp", json!(NOW - 30))]);
        assert!(checked(&remembered, "old", &keys, &old).await);
        assert!(!checked(&remembered, "old", &keys, &old).await);
        assert!(checked(&remembered, "new", &keys, &auth(&[])).await);
        assert_eq!(count(&remembered), 1);
    }
}
