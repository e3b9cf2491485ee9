//! Where a visitor's items are kept, by the client's mode.

use crate::LogtoClient;
use logto_storage_core::{Changes, Commit, Storage, StorageError, TicketStorage};
use std::{fmt, sync::Arc};

/// A visitor's storage: the framework's session itself, or a ticket in it. Made by
/// [`LogtoClient::storage`].
pub enum VisitorStorage<S> {
    /// The items lie in the session.
    Session(S),
    /// The items lie in the token store, their ticket in the session.
    Ticket(TicketStorage<S>),
}

impl LogtoClient {
    /// The storage of the visitor whose session this is, as the client is configured: the session itself,
    /// or with [`LogtoConfig::token_store`](crate::LogtoConfig::token_store) a ticket in it.
    ///
    /// ```
    /// use logto_client::{LogtoClient, LogtoConfig};
    /// use logto_storage_core::MemoryStorage;
    ///
    /// # fn run() -> Result<(), logto_client::LogtoError> {
    /// let client = LogtoClient::new(LogtoConfig::new("https://tenant.logto.app", "app-id"))?;
    /// let session = client.session(client.storage(MemoryStorage::new()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn storage<S: Storage>(&self, session: S) -> VisitorStorage<S> {
        match &self.0.settings.tickets {
            Some(tickets) => VisitorStorage::Ticket(tickets.storage(session)),
            None => VisitorStorage::Session(session),
        }
    }
}

impl<S: Storage> VisitorStorage<S> {
    /// The framework's session.
    pub fn session(&self) -> &S {
        match self {
            Self::Session(session) => session,
            Self::Ticket(storage) => storage.inner(),
        }
    }
}

impl<S: Storage> Storage for VisitorStorage<S> {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        match self {
            Self::Session(session) => session.get(key).await,
            Self::Ticket(storage) => storage.get(key).await,
        }
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        match self {
            Self::Session(session) => session.set(key, value).await,
            Self::Ticket(storage) => storage.set(key, value).await,
        }
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        match self {
            Self::Session(session) => session.remove(key).await,
            Self::Ticket(storage) => storage.remove(key).await,
        }
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        match self {
            Self::Session(session) => session.apply(changes).await,
            Self::Ticket(storage) => storage.apply(changes).await,
        }
    }

    async fn committer(&self) -> Result<Option<Arc<dyn Commit>>, StorageError> {
        match self {
            Self::Session(session) => session.committer().await,
            Self::Ticket(storage) => storage.committer().await,
        }
    }
}

impl<S> fmt::Debug for VisitorStorage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session(_) => "VisitorStorage::Session",
            Self::Ticket(_) => "VisitorStorage::Ticket",
        })
    }
}
