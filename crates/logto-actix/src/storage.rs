//! The adapter: a visitor's items in the session of actix-session.

use actix_session::Session;
use logto_storage_core::{Change, Changes, Operation, Storage, StorageError, StorageErrorKind, keys};
use serde_json::Value;
use std::fmt;

/// A whole session in a cookie, in bytes: what a private cookie holds beside its own overhead.
const MOST_BYTES_IN_COOKIE: usize = 2900;

/// A visitor's Logto items in their session of actix-session.
///
/// Writes nothing that is there already, so that an unchanged session stays unsaved. Its futures are not
/// `Send`, as the session is not.
///
/// ```
/// use actix_session::Session;
/// use logto_actix::SessionStorage;
/// use logto_storage_core::{Storage, StorageError, keys};
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
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self { session, most_bytes: None }
    }

    /// Over a session that lives in a cookie: a write that makes it larger than 2 900 bytes, the
    /// application's own items included, is an error, and does not happen.
    #[must_use]
    pub fn for_cookie_session(session: Session) -> Self {
        Self { session, most_bytes: Some(MOST_BYTES_IN_COOKIE) }
    }

    /// Gives the session a new id; what it holds stays. At sign-in, just before the answer.
    pub fn cycle_id(&self) {
        self.session.renew();
    }

    /// Drops what the application itself keeps in the session; Logto's items stay.
    ///
    /// # Errors
    ///
    /// `Corrupt` where an item cannot be read.
    pub fn drop_other_items(&self) -> Result<(), StorageError> {
        let mut items = Vec::new();
        for key in keys::ALL {
            if let Some(value) = self.read(Operation::Get, key)? {
                items.push((key, value));
            }
        }
        self.session.clear();
        for (key, value) in items {
            self.write(Operation::Set, key, &value)?;
        }
        Ok(())
    }

    fn read(&self, operation: Operation, key: &str) -> Result<Option<String>, StorageError> {
        self.session.get(key).map_err(|error| {
            StorageError::new(StorageErrorKind::Corrupt, operation, key).with_source(error.to_string())
        })
    }

    fn write(&self, operation: Operation, key: &str, value: &str) -> Result<(), StorageError> {
        // An equal value would make the session be saved.
        if self.read(operation, key).ok().flatten().as_deref() == Some(value) {
            return Ok(());
        }
        self.session.insert(key, value).map_err(|error| {
            StorageError::new(StorageErrorKind::Corrupt, operation, key).with_source(error.to_string())
        })
    }

    fn drop_item(&self, key: &str) {
        // Removing what is absent would make the session be saved.
        if self.session.contains_key(key) {
            self.session.remove(key);
        }
    }

    /// Whether the session fits after these changes: all of it, as the cookie will hold it.
    fn measure(&self, operation: Operation, changes: &Changes) -> Result<(), StorageError> {
        let Some(most_bytes) = self.most_bytes else { return Ok(()) };
        let mut session = self.session.entries().clone();
        let mut largest: Option<(&str, usize)> = None;
        for change in changes.iter() {
            match change {
                Change::Set { key, value } => {
                    session.insert(key.to_owned(), Value::from(value).to_string());
                    largest = largest.filter(|(_, most)| *most >= value.len()).or(Some((key, value.len())));
                }
                Change::Remove { key } => drop(session.remove(key)),
            }
        }
        let bytes = serde_json::to_string(&session).map_or(usize::MAX, |json| json.len());
        match largest {
            Some((key, _)) if bytes > most_bytes => Err(StorageError::new(
                StorageErrorKind::TooLarge,
                operation,
                key,
            )
            .with_source(format!(
                "{bytes} bytes of session, and a cookie holds {most_bytes}: keep the session on the server"
            ))),
            _ => Ok(()),
        }
    }
}

impl Storage for SessionStorage {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        self.read(Operation::Get, key)
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        self.measure(Operation::Set, &Changes::new().set(key, value))?;
        self.write(Operation::Set, key, value)
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.drop_item(key);
        Ok(())
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        self.measure(Operation::Apply, changes)?;
        for change in changes.iter() {
            match change {
                Change::Set { key, value } => self.write(Operation::Apply, key, value)?,
                Change::Remove { key } => self.drop_item(key),
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
