//! The item of ours: what the four keys of Logto's SDKs cannot hold.

use crate::{Secret, oidc::pkce, secret::StoredSecret};
use logto_storage_core::{Changes, Storage, StorageError, keys};
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// When the person signed in, in seconds since 1970; kept where sign-ins end at an age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed_in_at: Option<u64>,
    /// Whose sign-in has ended by itself, as a hash: what the application keeps of them is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_of: Option<String>,
}

impl SessionMeta {
    /// Of a visitor who signs out: nothing but the `state` of the sign-out.
    pub(crate) fn signed_out(state: Option<String>) -> Self {
        Self { sign_out_state: state, ..Self::default() }
    }

    /// What is stored; what cannot be read counts as nothing.
    pub(crate) async fn load<S: Storage>(storage: &S) -> Result<Self, StorageError> {
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

    /// Somebody signs in; the time is kept only where it is given.
    pub(crate) fn note_sign_in(&mut self, now: Option<u64>) {
        self.signed_in_at = now;
        self.ended_of = None;
    }

    /// Notes whose sign-in has ended by itself.
    pub(crate) fn note_ended_of(&mut self, sub: &str) {
        self.ended_of = Some(pkce::sha256(sub));
    }

    /// Whether the sign-in that ended by itself was of somebody else.
    pub(crate) fn ended_of_another(&self, sub: Option<&str>) -> bool {
        self.ended_of.is_some() && self.ended_of != sub.map(pkce::sha256)
    }

    /// Whether the sign-in is this old; so is one whose time is not known.
    pub(crate) fn is_older_than(&self, lifetime: Duration, now: Duration) -> bool {
        self.signed_in_at.is_none_or(|at| now >= Duration::from_secs(at).saturating_add(lifetime))
    }

    /// These changes, and this item as it is now.
    pub(crate) fn kept_in(&self, changes: Changes) -> Changes {
        match self.to_json() {
            Some(json) => changes.set(keys::SESSION_META, json),
            None => changes.remove(keys::SESSION_META),
        }
    }

    /// As it is stored; `None` where there is nothing to store.
    pub(crate) fn to_json(&self) -> Option<String> {
        let told = [&self.sign_out_state, &self.ended_of].into_iter().any(Option::is_some);
        let timed = self.ended_at.is_some() || self.signed_in_at.is_some();
        if self.visitor.is_none() && !told && !timed {
            return None;
        }
        serde_json::to_string(&Self { v: VERSION, ..self.clone() }).ok()
    }
}
