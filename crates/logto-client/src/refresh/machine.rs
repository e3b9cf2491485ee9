//! One refresh at a time, as a pure machine: an event in, actions out.
//!
//! Calls of one refresh token run in turn, each with the newest token. Who asks for the same target while
//! a call runs joins it; who comes late with a session from before hears the remembered answer. A sign-out
//! and a dead grant leave a mark. Everything is kept by the hash of the refresh token: two sessions share
//! nothing, but where they share the token itself.

use crate::{
    ErrorKind, LogtoError, Secret, TokenTarget, memory::Memory, oidc::pkce, tokens::StoredToken,
    turn::Record, verify::decode_claims,
};
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// An answer is given to late callers for so long.
const ANSWERS: Duration = Duration::from_secs(60);
/// For so long it is known which refresh token took another's place, and which sign-ins have ended: the
/// life of a refresh token at Logto.
pub(super) const KNOWN: Duration = Duration::from_secs(14 * 86_400);
pub(super) const MOST_KNOWN: usize = 50_000;
const MOST_ANSWERS: usize = 10_000;

/// What one call asks for, and by what its answer is checked.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) target: TokenTarget,
    /// The ID token that is stored, where there is one.
    pub(crate) id_token: Option<Secret>,
    /// Where other processes may refresh the same record.
    pub(crate) shared: Option<Shared>,
}

/// A record that other processes may refresh too. To the machine it says nothing.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) record: Record,
    /// The access token that the caller holds and that is not good enough: any other one is.
    pub(crate) held: Option<Secret>,
    /// How long the caller waits while others are at the provider.
    pub(crate) patience: Duration,
}

impl Ask {
    /// The claims of the stored ID token.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        let token = self.id_token.as_ref().map(Secret::expose);
        token.and_then(|token| decode_claims(token).ok()).unwrap_or_default()
    }
}

/// What a call brought; everything in it is verified.
#[derive(Clone, Debug)]
pub(crate) struct Refreshed {
    /// The refresh token from now on.
    pub(crate) refresh_token: Secret,
    /// Only where it may take the stored one's place.
    pub(crate) id_token: Option<Secret>,
    /// The access token and its key in the stored map.
    pub(crate) access_token: (String, StoredToken),
}

/// What a caller hears.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) refreshed: Arc<Refreshed>,
    /// The newest refresh token, where later calls have brought newer ones.
    pub(crate) newest: Secret,
}

pub(crate) type Outcome = Result<Served, LogtoError>;

#[derive(Debug)]
pub(crate) enum Event {
    /// Somebody needs a token and holds this refresh token.
    Asked { by: u64, holding: Secret, ask: Ask },
    /// The call of this lane has ended.
    Answered { lane: String, outcome: Result<Arc<Refreshed>, LogtoError> },
    /// Who holds this refresh token signs out.
    SignedOut { holding: Secret },
    /// Who holds this refresh token wants new tokens.
    Cleared { holding: Secret },
}

#[derive(Debug)]
pub(crate) enum Action {
    /// Make this call.
    Call { lane: String, refresh_token: Secret, ask: Ask },
    /// Tell these callers.
    Tell { who: Vec<u64>, outcome: Outcome },
    /// Revoke a token that came after the sign-out.
    Revoke(Secret),
}

#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// The token that took a token's place, by the older one's hash.
    newer: Memory<Secret>,
    /// Why a sign-in is over, by the hash of its refresh token.
    ended: Memory<LogtoError>,
    answers: Memory<Vec<(Duration, Arc<Refreshed>)>>,
    /// Calls under way, by the hash of their refresh token.
    lanes: HashMap<String, Lane>,
}

#[derive(Clone, Debug)]
struct Lane {
    refresh_token: Secret,
    running: Job,
    waiting: VecDeque<Job>,
}

#[derive(Clone, Debug)]
struct Job {
    ask: Ask,
    callers: Vec<u64>,
}

impl Job {
    fn is_for(&self, ask: &Ask) -> bool {
        self.ask.target.key() == ask.target.key()
    }
}

impl Lane {
    /// With those who want the same, or after all others.
    fn join(&mut self, job: Job) {
        // What runs already may have been decided before that which a forced call wants to see.
        let joined = match self.running.is_for(&job.ask) && !job.ask.target.is_forced() {
            true => Some(&mut self.running),
            false => self.waiting.iter_mut().find(|known| known.is_for(&job.ask)),
        };
        match joined {
            Some(known) => known.callers.extend(job.callers),
            None => self.waiting.push_back(job),
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            newer: Memory::new(KNOWN, MOST_KNOWN),
            ended: Memory::new(KNOWN, MOST_KNOWN),
            answers: Memory::new(ANSWERS, MOST_ANSWERS),
            lanes: HashMap::new(),
        }
    }
}

impl Machine {
    pub(crate) fn on(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match event {
            Event::Asked { by, holding, ask } => self.asked(now, by, &holding, ask),
            Event::Answered { lane, outcome } => self.answered(now, &lane, outcome),
            Event::SignedOut { holding } => self.end(now, &holding, &signed_out()),
            Event::Cleared { holding } => {
                let newest = self.newest(now, &holding);
                self.answers.remove(&hash(&newest));
                Vec::new()
            }
        }
    }

    /// The refresh token that has taken this one's place, or itself.
    pub(crate) fn newest(&mut self, now: Duration, held: &Secret) -> Secret {
        let mut newest = held.clone();
        while let Some(newer) = self.newer.get(now, &hash(&newest)) {
            newest = newer.clone();
        }
        newest
    }

    /// Whether nobody is served by this refresh token any more.
    pub(super) fn has_ended(&mut self, now: Duration, held: &Secret) -> bool {
        let newest = self.newest(now, held);
        self.ended.get(now, &hash(&newest)).is_some()
    }

    fn asked(&mut self, now: Duration, by: u64, holding: &Secret, ask: Ask) -> Vec<Action> {
        let newest = self.newest(now, holding);
        let lane = hash(&newest);
        if let Some(reason) = self.ended.get(now, &lane) {
            return vec![Action::Tell { who: vec![by], outcome: Err(reason.clone()) }];
        }
        let forced = ask.target.is_forced();
        if !forced && let Some(refreshed) = self.remembered(now, &lane, &ask) {
            return vec![Action::Tell { who: vec![by], outcome: Ok(Served { refreshed, newest }) }];
        }
        let Some(known) = self.lanes.get_mut(&lane) else {
            let running = Job { ask: ask.clone(), callers: vec![by] };
            let refresh_token = newest.clone();
            self.lanes.insert(lane.clone(), Lane { refresh_token, running, waiting: VecDeque::new() });
            return vec![Action::Call { lane, refresh_token: newest, ask }];
        };
        known.join(Job { ask, callers: vec![by] });
        Vec::new()
    }

    fn remembered(&mut self, now: Duration, lane: &str, ask: &Ask) -> Option<Arc<Refreshed>> {
        let key = ask.target.key();
        let answers = self.answers.get(now, lane)?;
        let fresh = answers.iter().rev().find(|(at, refreshed)| {
            let (of, token) = &refreshed.access_token;
            *of == key && now.saturating_sub(*at) < ANSWERS && token.is_fresh(now)
        })?;
        Some(Arc::clone(&fresh.1))
    }

    fn answered(
        &mut self,
        now: Duration,
        lane: &str,
        outcome: Result<Arc<Refreshed>, LogtoError>,
    ) -> Vec<Action> {
        let Some(Lane { running, mut waiting, refresh_token }) = self.lanes.remove(lane) else {
            return Vec::new();
        };
        let error = match outcome {
            Ok(refreshed) => return self.succeeded(now, lane, running, waiting, refreshed),
            Err(error) => error,
        };
        let mut actions = vec![Action::Tell { who: running.callers, outcome: Err(error.clone()) }];
        match error.kind() {
            ErrorKind::NotAuthenticated => {
                actions.extend(self.end(now, &refresh_token, &error));
                actions.extend(tell_all(waiting, &error));
            }
            // Those who wait would only wait for the same once more.
            ErrorKind::Unavailable
            | ErrorKind::RateLimited
            | ErrorKind::Misconfigured
            | ErrorKind::Storage => {
                actions.extend(tell_all(waiting, &error));
            }
            _ => {
                let next = waiting.pop_front();
                actions.extend(self.next_call(lane.to_owned(), refresh_token, next, waiting));
            }
        }
        actions
    }

    fn succeeded(
        &mut self,
        now: Duration,
        lane: &str,
        running: Job,
        mut waiting: VecDeque<Job>,
        refreshed: Arc<Refreshed>,
    ) -> Vec<Action> {
        let newest = refreshed.refresh_token.clone();
        let key = hash(&newest);
        let replaced = key != lane;
        if let Some(reason) = self.ended.get(now, lane).cloned() {
            let mut actions = vec![Action::Tell { who: running.callers, outcome: Err(reason.clone()) }];
            if replaced {
                self.ended.insert(now, &key, reason);
                actions.push(Action::Revoke(newest));
            }
            return actions;
        }
        let mut answers = self.answers.remove(lane).unwrap_or_default();
        if replaced {
            answers.extend(self.answers.remove(&key).unwrap_or_default());
        }
        answers.retain(|(at, _)| now.saturating_sub(*at) < ANSWERS);
        answers.push((now, Arc::clone(&refreshed)));
        self.answers.insert(now, &key, answers);
        if replaced {
            // Nothing is newer than what has just come.
            self.newer.remove(&key);
            self.newer.insert(now, lane, newest.clone());
        }
        let served = Served { refreshed, newest: newest.clone() };
        let mut actions = vec![Action::Tell { who: running.callers, outcome: Ok(served) }];
        // Another process may have brought the newest token, for which a call of this one runs already.
        if let Some(known) = self.lanes.get_mut(&key) {
            waiting.into_iter().for_each(|job| known.join(job));
            return actions;
        }
        let next = waiting.pop_front();
        actions.extend(self.next_call(key, newest, next, waiting));
        actions
    }

    fn next_call(
        &mut self,
        lane: String,
        refresh_token: Secret,
        next: Option<Job>,
        waiting: VecDeque<Job>,
    ) -> Option<Action> {
        let running = next?;
        let ask = running.ask.clone();
        self.lanes.insert(lane.clone(), Lane { refresh_token: refresh_token.clone(), running, waiting });
        Some(Action::Call { lane, refresh_token, ask })
    }

    /// Nobody is served by this refresh token from now on.
    fn end(&mut self, now: Duration, holding: &Secret, reason: &LogtoError) -> Vec<Action> {
        let lane = hash(&self.newest(now, holding));
        self.ended.insert(now, &lane, reason.clone());
        self.answers.remove(&lane);
        let waiting = self.lanes.get_mut(&lane).map(|lane| std::mem::take(&mut lane.waiting));
        tell_all(waiting.unwrap_or_default(), reason).collect()
    }
}

fn tell_all(jobs: VecDeque<Job>, error: &LogtoError) -> impl Iterator<Item = Action> {
    jobs.into_iter().map(|job| Action::Tell { who: job.callers, outcome: Err(error.clone()) })
}

fn hash(token: &Secret) -> String {
    pkce::sha256(token.expose())
}

/// What they hear who come after a sign-out with a session from before.
pub(super) fn signed_out() -> LogtoError {
    LogtoError::new(ErrorKind::NotAuthenticated, "the person has signed out: send them to sign-in")
        .with_code("not_authenticated")
}

#[cfg(test)]
mod tests;
