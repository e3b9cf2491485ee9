//! The one error of storages.

use std::{error::Error, fmt};

/// Why a storage could not do what it was asked. Never holds a value.
///
/// ```
/// use logto_storage_core::{Operation, StorageError, StorageErrorKind, keys};
///
/// let error = StorageError::new(StorageErrorKind::Unavailable, Operation::Get, keys::ID_TOKEN)
///     .with_source(std::io::Error::other("connection reset"));
/// assert_eq!(error.kind(), StorageErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "cannot get logto_id_token: the store does not answer");
/// ```
pub struct StorageError(Box<Inner>);

struct Inner {
    kind: StorageErrorKind,
    operation: Operation,
    key: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// The store does not answer; the same call may succeed later.
    Unavailable,
    /// What is stored cannot be read.
    Corrupt,
    /// The items do not fit, for example into a cookie.
    TooLarge,
    /// Somebody else changed the record in between: read again and decide anew.
    Conflict,
    /// The record has ended in between, by a sign-out or by its lifetime: nothing is written.
    Gone,
    /// The lease under which this was written is somebody else's by now: nothing is written.
    LeaseLost,
    /// The storage is not set up as it must be.
    Misconfigured,
}

/// What the storage was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Read an item.
    Get,
    /// Write an item.
    Set,
    /// Remove an item.
    Remove,
    /// Write several items.
    Apply,
    /// Write items without the request.
    Commit,
}

impl StorageError {
    /// An error of this kind, from this operation on this key.
    #[must_use]
    pub fn new(kind: StorageErrorKind, operation: Operation, key: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, operation, key: key.into(), source: None }))
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, of this operation on this key.
    #[cfg(feature = "token-store")]
    pub(crate) fn about(mut self, operation: Operation, key: &str) -> Self {
        self.0.operation = operation;
        key.clone_into(&mut self.0.key);
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> StorageErrorKind {
        self.0.kind
    }

    /// What the storage was asked to do.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.0.operation
    }

    /// The item that was asked for.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.0.operation {
            Operation::Get => "get",
            Operation::Set => "set",
            Operation::Remove => "remove",
            Operation::Apply => "apply changes to",
            Operation::Commit => "commit",
        };
        let reason = match self.0.kind {
            StorageErrorKind::Unavailable => "the store does not answer",
            StorageErrorKind::Corrupt => "what is stored cannot be read",
            StorageErrorKind::TooLarge => "the items are too large for this storage",
            StorageErrorKind::Conflict => "the record was changed in between",
            StorageErrorKind::Gone => "the record has ended in between",
            StorageErrorKind::LeaseLost => "somebody else holds the lease by now",
            StorageErrorKind::Misconfigured => "the storage is not set up as it must be",
        };
        write!(f, "cannot {operation} {}: {reason}", self.0.key)
    }
}

impl fmt::Debug for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageError")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("key", &self.0.key)
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
