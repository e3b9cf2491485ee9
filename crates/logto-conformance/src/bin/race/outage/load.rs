//! Load that does not wait: two hundred requests a second, whatever becomes of them.

use logto_conformance::{
    flow::RESOURCES,
    harness::{Answer, Chance, Person, Site, token_path},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};

const PAUSE: Duration = Duration::from_millis(5);

/// The load, until it is stopped.
pub(super) struct Load {
    kept: Arc<Mutex<Kept>>,
    sending: JoinHandle<()>,
}

/// What the load has met.
#[derive(Clone, Default)]
pub(super) struct Kept {
    answers: BTreeMap<String, u64>,
    cookies: u64,
    examples: BTreeMap<String, String>,
    back: Option<Instant>,
    stopped: bool,
    last_failure: Duration,
}

impl Load {
    pub(super) fn start(site: &Arc<Site>, people: &Arc<Vec<Person>>) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (site, people, seen) = (Arc::clone(site), Arc::clone(people), Arc::clone(&kept));
        let sending = tokio::spawn(async move {
            let mut ticks = interval(PAUSE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut chance = Chance::new(7);
            let mut requests = JoinSet::new();
            while !lock(&seen).stopped {
                ticks.tick().await;
                let person = chance.below(people.len() as u64) as usize;
                let process = chance.below(site.processes.len() as u64) as usize;
                let token = chance.below(5) > 0;
                let (site, people, seen) = (Arc::clone(&site), Arc::clone(&people), Arc::clone(&seen));
                requests.spawn(async move {
                    let (sent, person) = (Instant::now(), &people[person]);
                    let path = if token { token_path(RESOURCES[0]) } else { "/".to_owned() };
                    let answer = site.get(process, &path, &person.cookie).await;
                    lock(&seen).note(sent, person, &answer);
                });
                while requests.try_join_next().is_some() {}
            }
            requests.join_all().await;
        });
        Self { kept, sending }
    }

    /// From now on everything should be normal.
    pub(super) fn back(&self) {
        lock(&self.kept).back = Some(Instant::now());
    }

    /// Stops, and waits for all answers.
    pub(super) async fn stop(self) -> Kept {
        lock(&self.kept).stopped = true;
        self.sending.await.expect("the load ends");
        lock(&self.kept).clone()
    }
}

fn lock(kept: &Mutex<Kept>) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn note(&mut self, sent: Instant, person: &Person, answer: &Answer) {
        let kind = match (answer.status, answer.body.as_str()) {
            (200, "nobody") | (401, _) => "signed out",
            (200, body) if body.contains(&person.sub) => "served",
            (503, _) => "later",
            _ => "odd",
        };
        *self.answers.entry(kind.to_owned()).or_default() += 1;
        if answer.cookie.is_some() {
            self.cookies += 1;
        }
        if kind == "served" {
            return;
        }
        self.examples.entry(kind.to_owned()).or_insert_with(|| format!("{answer:?}"));
        if let Some(after) = self.back.and_then(|back| sent.checked_duration_since(back)) {
            self.last_failure = self.last_failure.max(after);
            self.examples.insert(format!("last after {kind}"), format!("{after:?}: {answer:?}"));
        }
    }

    fn of(&self, kind: &str) -> u64 {
        self.answers.get(kind).copied().unwrap_or_default()
    }

    pub(super) fn requests(&self) -> u64 {
        self.answers.values().sum()
    }

    pub(super) fn later(&self) -> u64 {
        self.of("later")
    }

    pub(super) fn signed_out(&self) -> u64 {
        self.of("signed out")
    }

    pub(super) fn odd(&self) -> u64 {
        self.of("odd")
    }

    pub(super) fn cookies(&self) -> u64 {
        self.cookies
    }

    /// So long after the end of the outage a request was sent that still failed.
    pub(super) fn normal_after(&self) -> Duration {
        self.last_failure
    }

    pub(super) fn raw(&self) -> Value {
        let normal_after = self.last_failure.as_secs_f64();
        json!({ "answers": self.answers, "cookies": self.cookies, "normal_after_s": normal_after,
            "examples": self.examples })
    }
}
