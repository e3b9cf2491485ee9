//! The steps of a request, and how each ended.

use logto_storage_core::{Changes, Operation, Storage, StorageError, StorageErrorKind};
use std::error::Error;

/// What a request does with its storage.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads an item.
    Get(String),
    /// Writes an item.
    Set(String, String),
    /// Removes an item.
    Remove(String),
    /// Makes several changes: a value sets, `None` removes.
    Apply(Vec<(String, Option<String>)>),
}

/// How a step ended: what `Get` read, `None` for the others, or the error.
pub type Outcome = Result<Option<String>, Failed>;

/// An error of a storage, as it can be sent between threads.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its kind.
    pub kind: StorageErrorKind,
    /// What was being done.
    pub operation: Operation,
    /// To which item.
    pub key: String,
    /// Whether it says what caused it.
    pub has_source: bool,
    /// Everything it shows, its sources included.
    pub shown: String,
}

impl From<StorageError> for Failed {
    fn from(error: StorageError) -> Self {
        let mut shown = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(cause) = source {
            shown += &format!(" {cause} {cause:?}");
            source = cause.source();
        }
        Self {
            kind: error.kind(),
            operation: error.operation(),
            key: error.key().to_owned(),
            has_source: error.source().is_some(),
            shown,
        }
    }
}

/// Runs the steps of one request.
pub async fn run_steps<S: Storage>(storage: &S, steps: &[Step]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for step in steps {
        let outcome = match step {
            Step::Get(key) => storage.get(key).await,
            Step::Set(key, value) => storage.set(key, value).await.map(|()| None),
            Step::Remove(key) => storage.remove(key).await.map(|()| None),
            Step::Apply(changes) => {
                let mut together = Changes::new();
                for (key, value) in changes {
                    together = match value {
                        Some(value) => together.set(key, value),
                        None => together.remove(key),
                    };
                }
                storage.apply(&together).await.map(|()| None)
            }
        };
        outcomes.push(outcome.map_err(Failed::from));
    }
    outcomes
}
