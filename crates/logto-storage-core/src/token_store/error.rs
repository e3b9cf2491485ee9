//! The one error of token stores.

use crate::{Operation, StorageError, StorageErrorKind};
use std::{error::Error, fmt};

/// Why a token store did not do what it was asked. Never holds a key, a value or an address with a password.
///
/// ```
/// use logto_storage_core::{TokenStoreError, TokenStoreErrorKind};
///
/// let error = TokenStoreError::new(TokenStoreErrorKind::Unavailable)
///     .with_source(std::io::Error::other("connection reset"));
/// assert_eq!(error.to_string(), "the token store does not answer");
/// ```
pub struct TokenStoreError {
    kind: TokenStoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenStoreErrorKind {
    /// There is no such record, or its lifetime is over.
    NotFound,
    /// Somebody else was first: the record is there, has another version, or its lease is held.
    Conflict,
    /// Somebody else has acquired the lease since.
    LeaseLost,
    /// The store does not answer; the same call may succeed later.
    Unavailable,
    /// What is stored cannot be read.
    Corrupt,
    /// What is stored was written by a newer version of this crate, or under a key that this process does
    /// not have: it is left alone.
    NewerVersion,
    /// The store is not set up as it must be; the source says how.
    Misconfigured,
}

impl TokenStoreError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: TokenStoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> TokenStoreErrorKind {
        self.kind
    }

    /// The same as an error of a visitor's storage.
    pub(crate) fn during(self, operation: Operation) -> StorageError {
        let kind = match self.kind {
            TokenStoreErrorKind::NotFound => StorageErrorKind::Gone,
            TokenStoreErrorKind::Conflict => StorageErrorKind::Conflict,
            TokenStoreErrorKind::LeaseLost => StorageErrorKind::LeaseLost,
            TokenStoreErrorKind::Unavailable => StorageErrorKind::Unavailable,
            TokenStoreErrorKind::Corrupt | TokenStoreErrorKind::NewerVersion => StorageErrorKind::Corrupt,
            TokenStoreErrorKind::Misconfigured => StorageErrorKind::Misconfigured,
        };
        StorageError::new(kind, operation, "the token record").with_source(self)
    }
}

/// Of a change to records that are no single visitor's.
impl From<TokenStoreError> for StorageError {
    fn from(error: TokenStoreError) -> Self {
        error.during(Operation::Commit)
    }
}

impl From<TokenStoreErrorKind> for TokenStoreError {
    fn from(kind: TokenStoreErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for TokenStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TokenStoreErrorKind::NotFound => "there is no such token record",
            TokenStoreErrorKind::Conflict => "the token record is somebody else's for now",
            TokenStoreErrorKind::LeaseLost => "the lease of the token record is somebody else's by now",
            TokenStoreErrorKind::Unavailable => "the token store does not answer",
            TokenStoreErrorKind::Corrupt => "the token record cannot be read",
            TokenStoreErrorKind::NewerVersion => {
                "the token record is of a newer version, or under a key that is not known"
            }
            TokenStoreErrorKind::Misconfigured => "the token store is not set up as it must be",
        })
    }
}

impl fmt::Debug for TokenStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenStoreError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

impl Error for TokenStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
