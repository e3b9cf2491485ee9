//! The connection that comes back by itself: one for all requests, opened anew by whoever finds it broken.

use crate::{
    dial::Connection,
    failure::{Aftermath, Failure},
    scripts::Request,
    target::Target,
};
use redis::Value;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

/// No attempt to connect takes longer than so many steps, each within the time-out.
const MOST_STEPS: u32 = 8;

pub(crate) struct Link {
    target: Arc<Target>,
    timeout: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    live: Option<Connection>,
    attempt: Option<Attempt>,
    /// Whether this was a primary once: what is a replica now is on its way to be something else.
    has_been_fine: bool,
}

/// An attempt to connect, which all wait for that need it.
#[derive(Clone)]
struct Attempt {
    since: Instant,
    outcome: watch::Receiver<Option<Result<Connection, Failure>>>,
}

/// Whether a request may be sent a second time where it is not known if the first was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Allowed,
    Never,
}

/// What Redis answered.
pub(crate) struct Answer {
    pub(crate) value: Value,
    /// Whether the same request was sent before, and may have been carried out then.
    pub(crate) again: bool,
}

impl Link {
    pub(crate) fn new(target: Target, timeout: Duration) -> Self {
        Self { target: Arc::new(target), timeout, state: Arc::default() }
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        let bounds = (Duration::from_millis(1), Duration::from_secs(3600));
        Self { timeout: timeout.clamp(bounds.0, bounds.1), ..self }
    }

    /// The same to a target that is changed; what is connected to the old one ends.
    #[cfg(feature = "tls")]
    pub(crate) fn with_target(
        self,
        change: impl FnOnce(&mut Target) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let mut target = (*self.target).clone();
        change(&mut target)?;
        Ok(Self::new(target, self.timeout))
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request and waits for its answer, all within the time-out.
    pub(crate) async fn run(&self, request: &Request<'_>, repeat: Repeat) -> Result<Answer, Failure> {
        in_a_runtime()?;
        let deadline = Instant::now() + self.timeout;
        let mut again = false;
        let mut last = false;
        loop {
            let connected = timeout_at(deadline, self.connection()).await;
            let connection = connected.unwrap_or_else(|_| Err(self.late("no connection in time")))?;
            let Ok(answer) = timeout_at(deadline, request.send(connection.redis.clone())).await else {
                self.discard(&connection);
                return Err(self.late("no answer in time"));
            };
            let failure = match answer {
                Ok(value) => return Ok(Answer { value, again }),
                Err(error) => Failure::from(error),
            };
            let unknown = match failure.aftermath {
                Aftermath::Nothing => return Err(failure.at(&self.target)),
                Aftermath::WrongServer => false,
                Aftermath::Unknown => true,
            };
            self.discard(&connection);
            if last || unknown && repeat == Repeat::Never {
                return Err(failure.at(&self.target));
            }
            again |= unknown;
            last = true;
        }
    }

    /// Connects, however long it takes.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        in_a_runtime()?;
        self.connection().await.map(drop)
    }

    async fn connection(&self) -> Result<Connection, Failure> {
        let mut attempt = {
            let mut state = locked(&self.state);
            match &state.live {
                Some(live) if live.is_open() => return Ok(live.clone()),
                _ => state.live = None,
            }
            match &state.attempt {
                Some(attempt) if attempt.runs(self.timeout) => attempt.clone(),
                _ => state.attempt.insert(self.attempt()).clone(),
            }
        };
        match attempt.outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(self.late("no connection"))),
            Err(_) => Err(self.late("the attempt to connect was given up")),
        }
    }

    /// Connects in a task of its own: who has started it may leave.
    fn attempt(&self) -> Attempt {
        let (sender, outcome) = watch::channel(None);
        let (target, state, timeout) = (Arc::clone(&self.target), Arc::clone(&self.state), self.timeout);
        tokio::spawn(async move {
            let mut opened = target.open(timeout).await;
            {
                let mut state = locked(&state);
                opened = opened.map_err(|failure| match failure.aftermath {
                    Aftermath::WrongServer if state.has_been_fine => failure.for_now(),
                    _ => failure,
                });
                if let Ok(connection) = &opened {
                    state.has_been_fine = true;
                    state.live = Some(connection.clone());
                }
                state.attempt = None;
            }
            sender.send_replace(Some(opened));
        });
        Attempt { since: Instant::now(), outcome }
    }

    /// No new request uses this connection; those under way may still be answered.
    fn discard(&self, connection: &Connection) {
        let mut state = locked(&self.state);
        if state.live.as_ref().is_some_and(|live| live.is(connection)) {
            state.live = None;
        }
    }

    fn late(&self, what: &str) -> Failure {
        Failure::unavailable(what).at(&self.target)
    }
}

impl Attempt {
    /// Whether its task still runs: the runtime that it was started on may be gone, or stand still.
    fn runs(&self, timeout: Duration) -> bool {
        self.outcome.has_changed().is_ok() && self.since.elapsed() < timeout * MOST_STEPS
    }
}

fn in_a_runtime() -> Result<(), Failure> {
    Handle::try_current().map(drop).map_err(|_| Failure::misconfigured("this needs a runtime of Tokio"))
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
