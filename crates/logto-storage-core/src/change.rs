//! Changes of items, to be applied together.

use std::fmt;

/// Items to set and to remove, in order, and on what condition.
///
/// ```
/// use logto_storage_core::{Changes, keys};
///
/// let changes = Changes::new().set(keys::ID_TOKEN, "eyJ…").remove(keys::SIGN_IN_SESSION);
/// assert_eq!(changes.iter().count(), 2);
/// assert!(!format!("{changes:?}").contains("eyJ"), "values are never shown");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Changes {
    items: Vec<(String, Option<String>)>,
    expected: Vec<(String, Option<String>)>,
    sign_in: Option<SignIn>,
}

/// With these changes a person signs in: a storage that keeps items under a handle gives them a new one,
/// so that a handle from before the sign-in opens nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SignIn {
    /// The `sub` of the ID token: by it the items are found.
    pub sub: Option<String>,
    /// The `sid` of the ID token.
    pub sid: Option<String>,
    /// What an answer that is lost may be given again from: this item alone stays under the old handle,
    /// for a minute.
    pub left_behind: Option<(String, String)>,
}

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
        self.items.push((key.into(), Some(value.into())));
        self
    }

    /// Adds: the item goes.
    #[must_use]
    pub fn remove(mut self, key: impl Into<String>) -> Self {
        self.items.push((key.into(), None));
        self
    }

    /// Adds a condition: the item has this value before, or is absent. Where it is not so nothing is
    /// changed and the error is `Conflict`: read again and decide anew.
    ///
    /// A storage whose items only one request sees, such as a session that is loaded for it, need not look.
    #[must_use]
    pub fn expecting(mut self, key: impl Into<String>, value: Option<&str>) -> Self {
        self.expected.push((key.into(), value.map(str::to_owned)));
        self
    }

    /// Says that a person signs in with these changes.
    #[must_use]
    pub fn at_sign_in(mut self, sign_in: SignIn) -> Self {
        self.sign_in = Some(sign_in);
        self
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.sign_in.is_none()
    }

    /// The conditions.
    pub fn expectations(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.expected.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// The sign-in that these changes are part of.
    #[must_use]
    pub fn sign_in(&self) -> Option<&SignIn> {
        self.sign_in.as_ref()
    }

    /// The changes in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.items.iter().map(|(key, value)| match value {
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

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
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
