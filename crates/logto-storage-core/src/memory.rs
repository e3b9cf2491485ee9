//! The reference storage, in memory.

use crate::{Change, Changes, SendStorage, StorageError};
use std::{
    collections::HashMap,
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
pub struct MemoryStorage(Arc<Mutex<HashMap<String, String>>>);

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn items(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendStorage for MemoryStorage {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        Ok(self.items().get(key).cloned())
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        self.items().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.items().remove(key);
        Ok(())
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        let mut items = self.items();
        for change in changes.iter() {
            match change {
                Change::Set { key, value } => items.insert(key.to_owned(), value.to_owned()),
                Change::Remove { key } => items.remove(key),
            };
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.items().keys()).finish()
    }
}
