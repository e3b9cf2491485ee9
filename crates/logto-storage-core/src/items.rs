//! All items of one visitor, in memory.

use crate::{Change, Changes};
use std::{collections::BTreeMap, fmt};
use zeroize::Zeroize;

/// All items of one visitor, by key. `Debug` shows keys only; values are wiped when dropped.
///
/// ```
/// use logto_storage_core::{Changes, Items, keys};
///
/// let mut items = Items::new();
/// items.apply(&Changes::new().set(keys::REFRESH_TOKEN, "…"));
/// assert_eq!(items.get(keys::REFRESH_TOKEN), Some("…"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Items(BTreeMap<String, String>);

impl Items {
    /// No items.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The item's value; `None` where there is none.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The items, by the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Makes all changes, in order.
    pub fn apply(&mut self, changes: &Changes) {
        for change in changes.iter() {
            match change {
                Change::Set { key, value } => self.put(key, Some(value)),
                Change::Remove { key } => self.put(key, None),
            }
        }
    }

    /// Whether the items are as these changes expect them.
    #[must_use]
    pub fn are_expected_by(&self, changes: &Changes) -> bool {
        changes.expectations().all(|(key, value)| self.get(key) == value)
    }

    fn put(&mut self, key: &str, value: Option<&str>) {
        let before = match value {
            Some(value) => self.0.insert(key.to_owned(), value.to_owned()),
            None => self.0.remove(key),
        };
        if let Some(mut before) = before {
            before.zeroize();
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Items {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(items: T) -> Self {
        Self(items.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
