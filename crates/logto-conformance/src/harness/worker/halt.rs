//! A process that stops exactly at a named step: there it says so and waits.

use logto_storage_core::{
    Fence, Lease, TokenStore, TokenStoreError,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Where a process stops: before or after something is done for the n-th time since the step was set.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What the orchestrator calls it.
    pub(super) name: String,
    /// For example `before swap`.
    pub(super) point: String,
    pub(super) nth: u32,
}

/// The steps of a process.
#[derive(Debug, Default)]
pub(super) struct Halt {
    state: Mutex<State>,
    go: Notify,
}

#[derive(Debug, Default)]
struct State {
    step: Option<Step>,
    seen: HashMap<String, u32>,
}

impl Halt {
    /// Stops there from now on, once.
    pub(super) fn set(&self, step: Step) {
        *self.state() = State { step: Some(step), seen: HashMap::new() };
    }

    /// Lets what has stopped go on.
    pub(super) fn go_on(&self) {
        self.go.notify_waiters();
    }

    /// Passes this point, or stops at it.
    pub(super) async fn pass(&self, point: &str) {
        let name = {
            let mut state = self.state();
            if state.step.is_none() {
                return;
            }
            let seen = state.seen.entry(point.to_owned()).or_default();
            *seen += 1;
            let seen = *seen;
            match state.step.take_if(|step| step.point == point && step.nth == seen) {
                Some(step) => step.name,
                None => return,
            }
        };
        let go = self.go.notified();
        super::say(&serde_json::json!({ "halted": name }));
        go.await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store at whose operations a process may stop.
#[derive(Debug)]
pub(super) struct HaltingStore {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) halt: Arc<Halt>,
}

macro_rules! pass_around {
    ($self:ident, $operation:ident($($argument:expr),*)) => {{
        $self.halt.pass(concat!("before ", stringify!($operation))).await;
        let outcome = $self.store.$operation($($argument),*).await;
        if outcome.is_ok() {
            $self.halt.pass(concat!("after ", stringify!($operation))).await;
        }
        outcome
    }};
}

#[async_trait::async_trait]
impl TokenStore for HaltingStore {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        lifetime: Duration,
    ) -> Result<Version, TokenStoreError> {
        pass_around!(self, create(key, record, lifetime))
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        pass_around!(self, read(key))
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        pass_around!(self, swap(key, seen, record, lifetime, fence))
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        pass_around!(self, take(key))
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        pass_around!(self, delete(key))
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Result<Lease, TokenStoreError> {
        pass_around!(self, acquire(key, lifetime))
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Result<(), TokenStoreError> {
        pass_around!(self, renew(key, fence, lifetime))
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        pass_around!(self, release(key, fence))
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        pass_around!(self, find(index))
    }

    async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
        pass_around!(self, delete_by(index))
    }
}
