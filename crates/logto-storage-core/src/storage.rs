//! The storage traits: native, with `Send`, and erased.

use crate::{Change, Changes, Commit, StorageError};
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// One visitor's Logto items, by key.
///
/// Three methods are an adapter; the others are provided. The futures carry no `Send` bound: whether
/// they are `Send` follows from the concrete type.
///
/// # Errors
///
/// Every method gives a [`StorageError`] whose kind says what to do.
pub trait Storage {
    /// The item's value; `None` where there is none.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, StorageError>>;

    /// Writes the item. A later `get` of the same request sees it.
    fn set(&self, key: &str, value: &str) -> impl Future<Output = Result<(), StorageError>>;

    /// Removes the item. Removing what is absent is fine.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StorageError>>;

    /// Makes all changes, one after another; an adapter that can make them together overrides this.
    fn apply(&self, changes: &Changes) -> impl Future<Output = Result<(), StorageError>> {
        async move {
            for change in changes.iter() {
                match change {
                    Change::Set { key, value } => self.set(key, value).await?,
                    Change::Remove { key } => self.remove(key).await?,
                }
            }
            Ok(())
        }
    }

    /// What writes this visitor's items later, without the request; `None` where the storage cannot.
    fn committer(&self) -> impl Future<Output = Result<Option<Arc<dyn Commit>>, StorageError>> {
        async { Ok(None) }
    }
}

/// A [`Storage`] whose futures are `Send`, for generic code and for [`DynStorage`].
///
/// Implement this or `Storage`, never both, and import only one of the two at a call site: each type
/// that implements this one is a `Storage` already.
pub trait SendStorage: Send + Sync {
    /// See [`Storage::get`].
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, StorageError>> + Send;

    /// See [`Storage::set`].
    fn set(&self, key: &str, value: &str) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// See [`Storage::remove`].
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// See [`Storage::apply`].
    fn apply(&self, changes: &Changes) -> impl Future<Output = Result<(), StorageError>> + Send {
        async move {
            for change in changes.iter() {
                match change {
                    Change::Set { key, value } => self.set(key, value).await?,
                    Change::Remove { key } => self.remove(key).await?,
                }
            }
            Ok(())
        }
    }

    /// See [`Storage::committer`].
    fn committer(&self) -> impl Future<Output = Result<Option<Arc<dyn Commit>>, StorageError>> + Send {
        async { Ok(None) }
    }
}

impl<T: SendStorage> Storage for T {
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, StorageError>> {
        SendStorage::get(self, key)
    }

    fn set(&self, key: &str, value: &str) -> impl Future<Output = Result<(), StorageError>> {
        SendStorage::set(self, key, value)
    }

    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StorageError>> {
        SendStorage::remove(self, key)
    }

    fn apply(&self, changes: &Changes) -> impl Future<Output = Result<(), StorageError>> {
        SendStorage::apply(self, changes)
    }

    fn committer(&self) -> impl Future<Output = Result<Option<Arc<dyn Commit>>, StorageError>> {
        SendStorage::committer(self)
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// Any [`SendStorage`] behind one type, cheap to clone.
///
/// ```
/// use logto_storage_core::{DynStorage, MemoryStorage};
///
/// let storages: Vec<DynStorage> = vec![DynStorage::new(MemoryStorage::new())];
/// ```
#[derive(Clone)]
pub struct DynStorage(Arc<dyn Erased>);

impl DynStorage {
    /// Erases the type of this storage.
    pub fn new(storage: impl SendStorage + 'static) -> Self {
        Self(Arc::new(storage))
    }
}

impl fmt::Debug for DynStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynStorage")
    }
}

impl SendStorage for DynStorage {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        self.0.get_boxed(key).await
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        self.0.set_boxed(key, value).await
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.0.remove_boxed(key).await
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        self.0.apply_boxed(changes).await
    }

    async fn committer(&self) -> Result<Option<Arc<dyn Commit>>, StorageError> {
        self.0.committer_boxed().await
    }
}

/// The object-safe twin of [`SendStorage`].
trait Erased: Send + Sync {
    fn get_boxed<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Option<String>>;
    fn set_boxed<'a>(&'a self, key: &'a str, value: &'a str) -> BoxFuture<'a, ()>;
    fn remove_boxed<'a>(&'a self, key: &'a str) -> BoxFuture<'a, ()>;
    fn apply_boxed<'a>(&'a self, changes: &'a Changes) -> BoxFuture<'a, ()>;
    fn committer_boxed(&self) -> BoxFuture<'_, Option<Arc<dyn Commit>>>;
}

impl<T: SendStorage> Erased for T {
    fn get_boxed<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(SendStorage::get(self, key))
    }

    fn set_boxed<'a>(&'a self, key: &'a str, value: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(SendStorage::set(self, key, value))
    }

    fn remove_boxed<'a>(&'a self, key: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(SendStorage::remove(self, key))
    }

    fn apply_boxed<'a>(&'a self, changes: &'a Changes) -> BoxFuture<'a, ()> {
        Box::pin(SendStorage::apply(self, changes))
    }

    fn committer_boxed(&self) -> BoxFuture<'_, Option<Arc<dyn Commit>>> {
        Box::pin(SendStorage::committer(self))
    }
}
