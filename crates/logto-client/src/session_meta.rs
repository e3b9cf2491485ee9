//! The item of ours: what the four keys of Logto's SDKs cannot hold.

use crate::{LogtoError, Secret, secret::StoredSecret};
use logto_storage_core::{Storage, keys};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SessionMeta {
    v: u32,
    /// A random name of this visitor, by which this process remembers their sign-ins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    visitor: Option<StoredSecret>,
    /// The `state` that comes back from the provider's sign-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign_out_state: Option<String>,
    /// When the sign-in last ended by itself, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
}

impl SessionMeta {
    /// Of a visitor who signs out: nothing but the `state` of the sign-out.
    pub(crate) fn signed_out(state: Option<String>) -> Self {
        Self { sign_out_state: state, ..Self::default() }
    }

    /// What is stored; what cannot be read counts as nothing.
    pub(crate) async fn load<S: Storage>(storage: &S) -> Result<Self, LogtoError> {
        let Some(text) = storage.get(keys::SESSION_META).await? else { return Ok(Self::default()) };
        match serde_json::from_str::<Self>(&text) {
            Ok(meta) if meta.v == VERSION => Ok(meta),
            _ => {
                tracing::warn!(key = keys::SESSION_META, "an item of another version is left out");
                Ok(Self::default())
            }
        }
    }

    pub(crate) fn visitor(&self) -> Option<&Secret> {
        self.visitor.as_ref().map(|visitor| &visitor.0)
    }

    pub(crate) fn name_visitor(&mut self, name: Secret) {
        self.visitor = Some(StoredSecret(name));
    }

    pub(crate) fn take_sign_out_state(&mut self) -> Option<String> {
        self.sign_out_state.take()
    }

    /// Notes that the sign-in has ended by itself; whether it did so within the last minute too.
    pub(crate) fn note_end(&mut self, now: u64) -> bool {
        let before = self.ended_at.replace(now);
        before.is_some_and(|before| now.saturating_sub(before) < 60)
    }

    /// As it is stored; `None` where there is nothing to store.
    pub(crate) fn to_json(&self) -> Option<String> {
        if self.visitor.is_none() && self.sign_out_state.is_none() && self.ended_at.is_none() {
            return None;
        }
        serde_json::to_string(&Self { v: VERSION, ..self.clone() }).ok()
    }
}
