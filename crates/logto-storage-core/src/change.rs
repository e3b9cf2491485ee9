//! Changes of items, to be applied together.

use std::fmt;

/// Items to set and to remove, in order.
///
/// ```
/// use logto_storage_core::{Changes, keys};
///
/// let changes = Changes::new().set(keys::ID_TOKEN, "eyJ…").remove(keys::SIGN_IN_SESSION);
/// assert_eq!(changes.iter().count(), 2);
/// assert!(!format!("{changes:?}").contains("eyJ"), "values are never shown");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Changes(Vec<(String, Option<String>)>);

/// One change, as [`Changes::iter`] gives it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// The item gets this value.
    Set {
        /// The item's key.
        key: &'a str,
        /// Its new value.
        value: &'a str,
    },
    /// The item goes.
    Remove {
        /// The item's key.
        key: &'a str,
    },
}

impl Changes {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds: the item gets this value.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((key.into(), Some(value.into())));
        self
    }

    /// Adds: the item goes.
    #[must_use]
    pub fn remove(mut self, key: impl Into<String>) -> Self {
        self.0.push((key.into(), None));
        self
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.0.iter().map(|(key, value)| match value {
            Some(value) => Change::Set { key, value },
            None => Change::Remove { key },
        })
    }
}

impl<'a> Change<'a> {
    /// The item's key.
    #[must_use]
    pub fn key(&self) -> &'a str {
        match self {
            Self::Set { key, .. } | Self::Remove { key } => key,
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Set { key, .. } => write!(f, "Set({key})"),
            Change::Remove { key } => write!(f, "Remove({key})"),
        }
    }
}
