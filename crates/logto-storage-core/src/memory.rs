//! The reference storage, in memory.

use crate::{Changes, Items, Operation, SendStorage, StorageError, StorageErrorKind};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One visitor's items in memory; clones share them. For tests, and the reference of the contract.
///
/// ```
/// use logto_storage_core::{MemoryStorage, Storage, keys};
///
/// # async fn run() -> Result<(), logto_storage_core::StorageError> {
/// let storage = MemoryStorage::new();
/// storage.set(keys::REFRESH_TOKEN, "…").await?;
/// storage.remove(keys::REFRESH_TOKEN).await?;
/// assert_eq!(storage.get(keys::REFRESH_TOKEN).await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStorage(Arc<Mutex<Items>>);

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendStorage for MemoryStorage {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        Ok(self.items().get(key).map(str::to_owned))
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        self.items().apply(&Changes::new().set(key, value));
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.items().apply(&Changes::new().remove(key));
        Ok(())
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        let mut items = self.items();
        if !items.are_expected_by(changes) {
            return Err(StorageError::new(StorageErrorKind::Conflict, Operation::Apply, "the items"));
        }
        items.apply(changes);
        Ok(())
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.items(), f)
    }
}
