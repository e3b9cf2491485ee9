//! The tokens that a machine holds, the calls under way, and what failed of late. Pure.

use crate::{ErrorKind, LogtoError, TokenTarget, access_token::may_pass, tokens::StoredToken};
use std::{collections::HashMap, fmt, time::Duration};
use tokio::sync::watch;

/// A token is used until so long before it expires, in seconds; one that lives shorter than twice as long,
/// until half of its life is over.
const LEEWAY: u64 = 60;
/// So many targets are known; where there are more, what would expire first goes.
const MOST_TARGETS: usize = 10_000;
/// After the first failure nobody asks for the same for so long; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// What a call comes to.
pub(super) type Outcome = Result<StoredToken, LogtoError>;
/// How those who wait hear of it.
pub(super) type Answer = watch::Receiver<Option<Outcome>>;

pub(super) struct Tokens {
    most: usize,
    targets: HashMap<TokenTarget, Entry>,
    /// The provider asks to slow down: that concerns all targets.
    limited: Option<Failure>,
    /// How many calls there have been: each has its number.
    calls: u64,
    /// Calls up to this one bring nothing that is kept.
    cleared: u64,
}

#[derive(Default)]
struct Entry {
    held: Option<Held>,
    flight: Option<(u64, Answer)>,
    failure: Option<Failure>,
}

struct Held {
    call: u64,
    token: StoredToken,
    fresh_until: u64,
}

struct Failure {
    error: LogtoError,
    pause: Duration,
    until: Duration,
}

/// What there is for who asks.
#[derive(Debug)]
pub(super) enum Found {
    /// A token that is good for a while yet.
    Fresh(StoredToken),
    /// The last call failed just now; a token near its end may be there.
    Paused(LogtoError, Option<StoredToken>),
    /// A call is under way, or to be made where it has a number; a token near its end may be there.
    Awaited { answer: Answer, call: Option<Call>, held: Option<StoredToken> },
}

/// A call that is to be made.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) told: watch::Sender<Option<Outcome>>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { most: MOST_TARGETS, targets: HashMap::new(), limited: None, calls: 0, cleared: 0 }
    }
}

impl Tokens {
    /// Who asks for a target that is forced gets a call of their own, which others join.
    pub(super) fn find(&mut self, now: Duration, target: &TokenTarget) -> Found {
        let (forced, key) = (target.is_forced(), target.clone().unforced());
        let mut held = None;
        if let Some(entry) = self.targets.get(&key).filter(|_| !forced) {
            let good = entry.held.as_ref().filter(|held| now.as_secs() < held.token.expires_at);
            match good {
                Some(good) if now.as_secs() < good.fresh_until => return Found::Fresh(good.token.clone()),
                good => held = good.map(|good| good.token.clone()),
            }
            if let Some((_, answer)) = &entry.flight {
                return Found::Awaited { answer: answer.clone(), call: None, held };
            }
            if let Some(error) = paused(entry.failure.as_ref(), now) {
                return Found::Paused(error, held);
            }
        }
        if let Some(error) = paused(self.limited.as_ref(), now) {
            return Found::Paused(error, held);
        }
        if !self.targets.contains_key(&key) {
            self.make_room(now);
        }
        self.calls += 1;
        let (told, answer) = watch::channel(None);
        self.targets.entry(key).or_default().flight = Some((self.calls, answer.clone()));
        Found::Awaited { answer, call: Some(Call { number: self.calls, told }), held }
    }

    /// What a call has come to.
    pub(super) fn land(&mut self, now: Duration, target: &TokenTarget, number: u64, outcome: &Outcome) {
        if number <= self.cleared {
            return;
        }
        let Some(entry) = self.targets.get_mut(&target.clone().unforced()) else { return };
        if entry.flight.as_ref().is_some_and(|(flying, _)| *flying == number) {
            entry.flight = None;
        }
        if entry.held.as_ref().is_some_and(|held| held.call > number) {
            return;
        }
        match outcome {
            Ok(token) => {
                let life = token.expires_at.saturating_sub(now.as_secs());
                let fresh_until = token.expires_at.saturating_sub(LEEWAY.min(life / 2));
                entry.held = Some(Held { call: number, token: token.clone(), fresh_until });
                entry.failure = None;
                self.limited = None;
            }
            Err(error) if error.kind() == ErrorKind::RateLimited => {
                self.limited = Some(Failure::new(now, error, self.limited.as_ref()));
            }
            Err(error) => {
                entry.failure = Some(Failure::new(now, error, entry.failure.as_ref()));
                if !may_pass(error) {
                    entry.held = None;
                }
            }
        }
    }

    /// Forgets all; what calls under way bring is told to those who wait and not kept.
    pub(super) fn clear(&mut self) {
        self.targets.clear();
        self.limited = None;
        self.cleared = self.calls;
    }

    fn make_room(&mut self, now: Duration) {
        if self.targets.len() < self.most {
            return;
        }
        self.targets.retain(|_, entry| {
            entry.flight.is_some()
                || entry.held.as_ref().is_some_and(|held| now.as_secs() < held.token.expires_at)
                || paused(entry.failure.as_ref(), now).is_some()
        });
        while self.targets.len() >= self.most {
            let idle = self.targets.iter().filter(|(_, entry)| entry.flight.is_none());
            let first = idle.min_by_key(|(_, entry)| entry.held.as_ref().map(|held| held.token.expires_at));
            let Some(key) = first.map(|(key, _)| key.clone()) else { return };
            self.targets.remove(&key);
        }
    }
}

impl Failure {
    fn new(now: Duration, error: &LogtoError, before: Option<&Self>) -> Self {
        let pause = before.map_or(FIRST_PAUSE, |before| (before.pause * 2).min(LONGEST_PAUSE));
        let until = now.saturating_add(pause.max(error.retry_after().unwrap_or_default()));
        Self { error: error.clone(), pause, until }
    }
}

/// The failure while its pause lasts, with how long that is yet.
fn paused(failure: Option<&Failure>, now: Duration) -> Option<LogtoError> {
    let failure = failure.filter(|failure| now < failure.until)?;
    let error = failure.error.clone();
    Some(match error.kind() {
        ErrorKind::Unavailable | ErrorKind::RateLimited => {
            error.with_retry_after(Some(failure.until.saturating_sub(now)))
        }
        _ => error,
    })
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens(of {} targets)", self.targets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn target(name: &str) -> TokenTarget {
        TokenTarget::organization(name)
    }

    fn token(name: &str, expires_at: u64) -> StoredToken {
        StoredToken { token: Secret::new(name), scope: String::new(), expires_at }
    }

    /// The number of the call that is to be made.
    fn call(tokens: &mut Tokens, now: Duration, target: &TokenTarget) -> u64 {
        match tokens.find(now, target) {
            Found::Awaited { call: Some(call), .. } => call.number,
            found => panic!("{found:?}"),
        }
    }

    fn fresh(tokens: &mut Tokens, now: Duration, target: &TokenTarget) -> Option<String> {
        match tokens.find(now, target) {
            Found::Fresh(token) => Some(token.token.expose().to_owned()),
            _ => None,
        }
    }

    fn error(kind: ErrorKind) -> Outcome {
        Err(LogtoError::new(kind, "x"))
    }

    #[test]
    fn a_token_is_used_until_a_minute_before_its_end_and_a_short_one_for_half_its_life() {
        for (expires_at, last) in [(3600, 3539), (130, 69), (100, 49), (2, 0)] {
            let mut tokens = Tokens::default();
            let number = call(&mut tokens, at(0), &target("a"));
            tokens.land(at(0), &target("a"), number, &Ok(token("t", expires_at)));
            assert!(fresh(&mut tokens, at(last), &target("a")).is_some(), "{expires_at}");
            assert!(fresh(&mut tokens, at(last + 1), &target("a")).is_none(), "{expires_at}");
        }
        let mut tokens = Tokens::default();
        let number = call(&mut tokens, at(100), &target("a"));
        tokens.land(at(100), &target("a"), number, &Ok(token("born dead", 100)));
        assert!(matches!(tokens.find(at(100), &target("a")), Found::Awaited { held: None, .. }));
    }

    #[test]
    fn a_forced_call_is_made_beside_another_and_the_younger_token_stays() {
        let (mut tokens, forced) = (Tokens::default(), target("a").forced());
        let old = call(&mut tokens, at(0), &target("a"));
        let new = call(&mut tokens, at(0), &forced);
        assert!(matches!(tokens.find(at(0), &target("a")), Found::Awaited { call: None, .. }));
        tokens.land(at(1), &forced, new, &Ok(token("new", 3600)));
        tokens.land(at(2), &target("a"), old, &Ok(token("old", 3600)));
        assert_eq!(fresh(&mut tokens, at(3), &target("a")).as_deref(), Some("new"));
        let failed = call(&mut tokens, at(3), &forced);
        tokens.land(at(3), &forced, failed, &error(ErrorKind::Unavailable));
        assert_eq!(fresh(&mut tokens, at(3), &target("a")).as_deref(), Some("new"));
    }

    #[test]
    fn a_token_goes_with_the_right_to_it_and_stays_through_an_outage() {
        for (kind, stays) in [
            (ErrorKind::Unavailable, true),
            (ErrorKind::RateLimited, true),
            (ErrorKind::Misconfigured, true),
            (ErrorKind::ProviderMisbehaved, true),
            (ErrorKind::Forbidden, false),
            (ErrorKind::InsufficientScope, false),
            (ErrorKind::InvalidTarget, false),
        ] {
            let mut tokens = Tokens::default();
            let number = call(&mut tokens, at(0), &target("a"));
            tokens.land(at(0), &target("a"), number, &Ok(token("t", 3600)));
            let number = call(&mut tokens, at(3550), &target("a"));
            tokens.land(at(3550), &target("a"), number, &error(kind));
            let Found::Paused(told, held) = tokens.find(at(3550), &target("a")) else { panic!("{kind:?}") };
            assert_eq!((told.kind(), held.is_some()), (kind, stays));
        }
    }

    #[test]
    fn pauses_grow_to_four_seconds_and_end_with_a_success() {
        let mut tokens = Tokens::default();
        let mut now = at(100);
        for (round, pause) in [500, 1000, 2000, 4000, 4000].into_iter().enumerate() {
            let number = call(&mut tokens, now, &target("a"));
            tokens.land(now, &target("a"), number, &error(ErrorKind::Unavailable));
            let Found::Paused(told, None) = tokens.find(now, &target("a")) else { panic!("no pause") };
            assert_eq!(told.retry_after(), Some(Duration::from_millis(pause)));
            call(&mut tokens, now, &target(&format!("another {round}")));
            now += Duration::from_millis(pause);
        }
        let number = call(&mut tokens, now, &target("a"));
        tokens.land(now, &target("a"), number, &Ok(token("t", 3700)));
        let number = call(&mut tokens, at(3690), &target("a"));
        tokens.land(at(3690), &target("a"), number, &error(ErrorKind::Unavailable));
        let Found::Paused(told, Some(_)) = tokens.find(at(3690), &target("a")) else { panic!("no pause") };
        assert_eq!(told.retry_after(), Some(Duration::from_millis(500)));
    }

    #[test]
    fn a_limit_concerns_all_targets_and_a_refusal_its_own() {
        let mut tokens = Tokens::default();
        let limit = LogtoError::new(ErrorKind::RateLimited, "x").with_retry_after(Some(at(7)));
        let number = call(&mut tokens, at(0), &target("a"));
        tokens.land(at(0), &target("a"), number, &Err(limit));
        for name in ["a", "b"] {
            let Found::Paused(told, None) = tokens.find(at(2), &target(name)) else { panic!("{name}") };
            assert_eq!((told.kind(), told.retry_after()), (ErrorKind::RateLimited, Some(at(5))));
            let forced = tokens.find(at(2), &target(name).forced());
            assert!(matches!(forced, Found::Paused(..)));
        }
        let number = call(&mut tokens, at(7), &target("a"));
        tokens.land(at(7), &target("a"), number, &error(ErrorKind::Forbidden));
        assert!(matches!(tokens.find(at(7), &target("a")), Found::Paused(..)));
        call(&mut tokens, at(7), &target("b"));
        call(&mut tokens, at(7), &target("a").forced());
    }

    #[test]
    fn what_is_cleared_does_not_come_back_by_a_call_under_way() {
        let mut tokens = Tokens::default();
        let number = call(&mut tokens, at(0), &target("a"));
        tokens.clear();
        let newer = call(&mut tokens, at(0), &target("a"));
        tokens.land(at(0), &target("a"), number, &Ok(token("old", 3600)));
        assert_eq!(fresh(&mut tokens, at(0), &target("a")), None);
        tokens.land(at(0), &target("a"), newer, &Ok(token("new", 3600)));
        assert_eq!(fresh(&mut tokens, at(0), &target("a")).as_deref(), Some("new"));
    }

    #[test]
    fn where_there_are_too_many_targets_what_ends_first_goes_and_no_call_under_way() {
        let mut tokens = Tokens { most: 3, ..Tokens::default() };
        for (name, expires_at) in [("a", 3000), ("b", 2000)] {
            let number = call(&mut tokens, at(0), &target(name));
            tokens.land(at(0), &target(name), number, &Ok(token(name, expires_at)));
        }
        call(&mut tokens, at(0), &target("flying"));
        call(&mut tokens, at(0), &target("c"));
        assert!(fresh(&mut tokens, at(0), &target("a")).is_some());
        assert!(!tokens.targets.contains_key(&target("b")) && tokens.targets.len() == 3);
        call(&mut tokens, at(3000), &target("d"));
        assert_eq!(tokens.targets.len(), 3, "what has expired goes");
        call(&mut tokens, at(3000), &target("e"));
        assert_eq!(tokens.targets.len(), 4, "calls under way are never forgotten");
    }
}
