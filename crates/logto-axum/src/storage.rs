//! The adapter: a visitor's items in the session of tower-sessions.

mod session;

use logto_storage_core::{Change, Changes, Operation, SendStorage, StorageError, StorageErrorKind, keys};
use serde_json::Value;
use session::Session;
use std::fmt;

/// All items together in a cookie session, in bytes: what a private cookie holds beside its own overhead.
const MOST_BYTES_IN_COOKIE: usize = 2900;

/// A visitor's Logto items in their session of tower-sessions, 0.15 or 0.14.
///
/// Writes nothing that is there already, so that an unchanged session stays unsaved.
///
/// ```
/// use logto_axum::SessionStorage;
/// use logto_storage_core::{Storage, StorageError, keys};
/// use tower_sessions::Session;
///
/// async fn handler(session: Session) -> Result<(), StorageError> {
///     let storage = SessionStorage::new(session);
///     storage.set(keys::ID_TOKEN, "…").await
/// }
/// ```
#[derive(Clone)]
pub struct SessionStorage {
    session: Session,
    most_bytes: Option<usize>,
}

impl SessionStorage {
    /// Over a session that lives on the server.
    pub fn new(session: impl Into<AnySession>) -> Self {
        Self { session: session.into().0, most_bytes: None }
    }

    /// Over a session that lives in a cookie: more than 2 900 bytes of items are an error, and not written.
    pub fn for_cookie_session(session: impl Into<AnySession>) -> Self {
        Self { session: session.into().0, most_bytes: Some(MOST_BYTES_IN_COOKIE) }
    }

    /// Gives the session a new id; what it holds stays. At sign-in, just before the answer.
    ///
    /// # Errors
    ///
    /// `Unavailable` where the store fails.
    pub async fn cycle_id(&self) -> Result<(), StorageError> {
        self.session.cycle_id().await.map_err(|failure| failure.during(Operation::Apply, "the session's id"))
    }

    /// Drops what the application itself keeps in the session; Logto's items stay.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn drop_other_items(&self) -> Result<(), StorageError> {
        let mut items = Vec::new();
        for key in keys::ALL {
            if let Some(value) = SendStorage::get(self, key).await? {
                items.push((key, value));
            }
        }
        self.session.clear().await;
        for (key, value) in items {
            self.write(Operation::Set, key, value).await?;
        }
        Ok(())
    }

    async fn read(&self, operation: Operation, key: &str) -> Result<Option<String>, StorageError> {
        match self.session.get(key).await.map_err(|failure| failure.during(operation, key))? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(StorageError::new(StorageErrorKind::Corrupt, operation, key)
                .with_source("the session holds something else under this key")),
        }
    }

    async fn write(&self, operation: Operation, key: &str, value: String) -> Result<(), StorageError> {
        self.session.insert(key, Value::String(value)).await.map_err(|failure| failure.during(operation, key))
    }

    /// Whether the items fit after these changes.
    async fn measure(&self, operation: Operation, changes: &Changes) -> Result<(), StorageError> {
        let Some(most_bytes) = self.most_bytes else { return Ok(()) };
        let mut bytes = 0;
        let mut largest = None;
        for key in keys::ALL {
            let last = changes.iter().filter(|change| change.key() == key).last();
            let size = match last {
                Some(Change::Set { value, .. }) => stored_size(value),
                Some(Change::Remove { .. }) => continue,
                None => self.read(operation, key).await?.map_or(0, |value| stored_size(&value)),
            };
            bytes += key.len() + size;
            if matches!(last, Some(Change::Set { .. })) && largest.is_none_or(|(_, most)| size > most) {
                largest = Some((key, size));
            }
        }
        match largest {
            Some((key, _)) if bytes > most_bytes => {
                Err(StorageError::new(StorageErrorKind::TooLarge, operation, key).with_source(format!(
                    "{bytes} bytes of items, and a cookie session holds {most_bytes}: keep the session on the server"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// In JSON, where each quote of an item takes two bytes.
fn stored_size(value: &str) -> usize {
    Value::from(value).to_string().len()
}

impl SendStorage for SessionStorage {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        self.read(Operation::Get, key).await
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        self.measure(Operation::Set, &Changes::new().set(key, value)).await?;
        self.write(Operation::Set, key, value.to_owned()).await
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        // Removing what is absent would make the session be saved.
        if self.session.get(key).await.map_err(|failure| failure.during(Operation::Remove, key))?.is_some() {
            self.session.remove(key).await.map_err(|failure| failure.during(Operation::Remove, key))?;
        }
        Ok(())
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        self.measure(Operation::Apply, changes).await?;
        for change in changes.iter() {
            match change {
                Change::Set { key, value } => self.write(Operation::Apply, key, value.to_owned()).await?,
                Change::Remove { key } => SendStorage::remove(self, key).await?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SessionStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStorage").field("most_bytes", &self.most_bytes).finish_non_exhaustive()
    }
}

/// A session of one of the lines of tower-sessions that are enabled.
#[derive(Clone)]
pub struct AnySession(Session);

impl fmt::Debug for AnySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySession")
    }
}
