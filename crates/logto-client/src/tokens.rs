//! The stored access tokens, in the shape of Logto's SDKs.

use crate::{Secret, secret::stored};
use logto_storage_core::{Storage, StorageError, keys};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// An access token as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredToken {
    #[serde(with = "stored")]
    pub(crate) token: Secret,
    #[serde(default)]
    pub(crate) scope: String,
    /// Seconds since 1970.
    pub(crate) expires_at: u64,
}

/// A token is used until so long before it expires, in seconds: it is still good when it arrives.
const LEEWAY: u64 = 30;

impl StoredToken {
    /// Whether it is good for a while yet.
    pub(crate) fn is_fresh(&self, now: Duration) -> bool {
        now.as_secs() + LEEWAY < self.expires_at
    }
}

/// Access tokens by the keys of their [targets](crate::TokenTarget).
#[derive(Debug, Default)]
pub(crate) struct AccessTokenMap(BTreeMap<String, StoredToken>);

impl AccessTokenMap {
    /// Those stored; an entry that cannot be read is left out, the others stay.
    pub(crate) async fn load<S: Storage>(storage: &S) -> Result<Self, StorageError> {
        Ok(Self::parse(storage.get(keys::ACCESS_TOKEN_MAP).await?.as_deref()))
    }

    /// Those of this item.
    pub(crate) fn parse(item: Option<&str>) -> Self {
        let Some(text) = item else { return Self::default() };
        let entries: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).unwrap_or_else(|_| {
                tracing::warn!(key = keys::ACCESS_TOKEN_MAP, "an item that cannot be read is left out");
                serde_json::Map::new()
            });
        let readable = |(key, entry)| Some((key, serde_json::from_value(entry).ok()?));
        Self(entries.into_iter().filter_map(readable).collect())
    }

    pub(crate) fn insert(&mut self, key: String, token: StoredToken) {
        self.0.insert(key, token);
    }

    /// A token that is still good.
    pub(crate) fn get(&self, key: &str, now: Duration) -> Option<&StoredToken> {
        self.0.get(key).filter(|token| now.as_secs() < token.expires_at)
    }

    /// As it is stored, without what has expired.
    pub(crate) fn to_json(&self, now: Duration) -> Option<String> {
        let good: BTreeMap<_, _> =
            self.0.iter().filter(|(_, token)| now.as_secs() < token.expires_at).collect();
        serde_json::to_string(&good).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logto_storage_core::MemoryStorage;

    #[tokio::test]
    async fn the_map_has_the_shape_of_logtos_sdks_and_a_broken_entry_spoils_no_other() {
        let storage = MemoryStorage::new();
        let text = r#"{"@":{"token":"a","scope":"openid","expiresAt":200},"@x":{"token":"b","expiresAt":100},"@y":7}"#;
        Storage::set(&storage, keys::ACCESS_TOKEN_MAP, text).await.unwrap();
        let map = AccessTokenMap::load(&storage).await.unwrap();
        let at = Duration::from_secs;
        assert_eq!(map.get("@", at(199)).unwrap().token.expose(), "a");
        assert!(map.get("@", at(200)).is_none());
        assert_eq!(map.get("@x", at(99)).unwrap().scope, "");
        assert_eq!(map.to_json(at(150)).unwrap(), r#"{"@":{"token":"a","scope":"openid","expiresAt":200}}"#);
    }
}
