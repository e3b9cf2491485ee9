//! Sign-ins that have started and not come back yet, kept per `state`.

use crate::{
    ErrorKind, LogtoError, Secret, StorageMode,
    secret::{StoredSecret, stored},
    tokens::StoredToken,
};
use logto_storage_core::{Changes, Storage, StorageErrorKind, keys};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A Logto interaction lives one hour.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);
const MOST: usize = 16;
/// Together, as JSON, in bytes.
const MOST_BYTES: usize = 48 * 1024;
const MOST_BYTES_IN_COOKIE: usize = 1536;
const VERSION: u32 = 1;

/// One sign-in: what its callback is checked by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    #[serde(with = "stored")]
    pub(crate) state: Secret,
    #[serde(with = "stored")]
    pub(crate) verifier: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    pub(crate) redirect_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) post_redirect_uri: Option<String>,
    /// Seconds, where the request asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<u64>,
    pub(crate) clear_tokens: bool,
    /// Seconds since 1970.
    pub(crate) created_at: u64,
    /// What its exchange brought, where the record is shared: whoever brings the same callback next
    /// completes the sign-in from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exchanged: Option<StoredExchange>,
}

/// The verified tokens of a sign-in that is not completed yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredExchange {
    /// The hash of state and code.
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<StoredSecret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<StoredSecret>,
    pub(crate) access_token: (String, StoredToken),
}

/// So often a change of the list is tried anew that another request was faster than.
pub(crate) const MOST_TRIES: usize = 64;

/// All pending sign-ins of one visitor, oldest first.
#[derive(Debug, Default)]
pub(crate) struct PendingSignIns(Vec<Pending>);

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    v: u32,
    pending: T,
}

impl PendingSignIns {
    /// Those stored that are still alive; what cannot be read counts as none.
    pub(crate) async fn load<S: Storage>(storage: &S, now: Duration) -> Result<Self, LogtoError> {
        Ok(Self::parse(storage.get(keys::SIGN_IN_SESSION).await?.as_deref(), now))
    }

    /// Those of this item.
    pub(crate) fn parse(item: Option<&str>, now: Duration) -> Self {
        let Some(text) = item else { return Self::default() };
        let mut pending = match serde_json::from_str::<Stored<Vec<Pending>>>(text) {
            Ok(stored) if stored.v == VERSION => stored.pending,
            _ => {
                tracing::warn!(key = keys::SIGN_IN_SESSION, "an item of another version is left out");
                Vec::new()
            }
        };
        pending.retain(|pending| pending.is_alive(now));
        Self(pending)
    }

    /// Edits the list in the storage, whatever other requests do to it meanwhile.
    pub(crate) async fn edit<S: Storage>(
        storage: &S,
        now: Duration,
        mut edit: impl FnMut(&mut Self) -> Result<(), LogtoError>,
    ) -> Result<(), LogtoError> {
        let mut tries = 0;
        loop {
            let before = storage.get(keys::SIGN_IN_SESSION).await?;
            let mut list = Self::parse(before.as_deref(), now);
            edit(&mut list)?;
            let changes = list.kept_in(Changes::new());
            tries += 1;
            match storage.apply(&changes.expecting(keys::SIGN_IN_SESSION, before.as_deref())).await {
                Err(error)
                    if matches!(error.kind(), StorageErrorKind::Conflict | StorageErrorKind::Gone)
                        && tries < MOST_TRIES => {}
                outcome => return Ok(outcome?),
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one; the oldest go where there are too many.
    pub(crate) fn add(&mut self, pending: Pending, mode: StorageMode) -> Result<(), LogtoError> {
        self.0.push(pending);
        let most_bytes = match mode {
            StorageMode::CookieSession => MOST_BYTES_IN_COOKIE,
            StorageMode::Session | StorageMode::Tickets => MOST_BYTES,
        };
        while self.0.len() > MOST || self.to_json().is_some_and(|json| json.len() > most_bytes) {
            if self.0.len() == 1 {
                return Err(LogtoError::new(
                    ErrorKind::InvalidInput,
                    "`redirect_uri` or `post_redirect_uri` is too long to be kept until the callback",
                ));
            }
            self.0.remove(0);
        }
        Ok(())
    }

    /// Takes the one of this state out.
    pub(crate) fn take(&mut self, state: &str) -> Option<Pending> {
        self.position(state).map(|index| self.0.remove(index))
    }

    /// The one of this state.
    pub(crate) fn find(&mut self, state: &str) -> Option<&mut Pending> {
        self.position(state).and_then(|index| self.0.get_mut(index))
    }

    /// Every one is compared, each in constant time.
    fn position(&self, state: &str) -> Option<usize> {
        let mut found = None;
        for (index, pending) in self.0.iter().enumerate() {
            if pending.state.matches(state) {
                found = Some(index);
            }
        }
        found
    }

    /// Writes them back; none leave no item.
    pub(crate) async fn store<S: Storage>(&self, storage: &S) -> Result<(), LogtoError> {
        Ok(storage.apply(&self.kept_in(Changes::new())).await?)
    }

    /// These changes, and the list as it is now.
    pub(crate) fn kept_in(&self, changes: Changes) -> Changes {
        match self.to_json() {
            Some(json) => changes.set(keys::SIGN_IN_SESSION, json),
            None => changes.remove(keys::SIGN_IN_SESSION),
        }
    }

    pub(crate) fn to_json(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        serde_json::to_string(&Stored { v: VERSION, pending: &self.0 }).ok()
    }
}

impl From<Pending> for PendingSignIns {
    fn from(one: Pending) -> Self {
        Self(vec![one])
    }
}

impl Pending {
    pub(crate) fn is_alive(&self, now: Duration) -> bool {
        now.as_secs().abs_diff(self.created_at) < LIFETIME.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logto_storage_core::MemoryStorage;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn pending(state: &str) -> Pending {
        Pending {
            state: Secret::new(state),
            verifier: Secret::new("v".repeat(43)),
            nonce: Some("n".repeat(43)),
            redirect_uri: "http://localhost:3000/logto/sign-in-callback".to_owned(),
            post_redirect_uri: None,
            max_age: None,
            clear_tokens: true,
            created_at: NOW.as_secs(),
            exchanged: None,
        }
    }

    fn states(list: &PendingSignIns) -> Vec<&str> {
        list.0.iter().map(|pending| pending.state.expose()).collect()
    }

    #[tokio::test]
    async fn pending_sign_ins_survive_storage_for_one_hour() {
        let storage = MemoryStorage::new();
        let mut list = PendingSignIns::default();
        list.add(pending("a"), StorageMode::Session).unwrap();
        list.store(&storage).await.unwrap();
        let after = |seconds| PendingSignIns::load(&storage, NOW + Duration::from_secs(seconds));
        assert_eq!(states(&after(3599).await.unwrap()), ["a"]);
        assert!(after(3600).await.unwrap().is_empty());
        PendingSignIns::default().store(&storage).await.unwrap();
        assert_eq!(Storage::get(&storage, keys::SIGN_IN_SESSION).await.unwrap(), None);
    }

    #[test]
    fn at_most_sixteen_are_kept_and_1536_bytes_in_a_cookie() {
        let (mut session, mut cookie) = (PendingSignIns::default(), PendingSignIns::default());
        for index in 0..20 {
            let state = format!("{index:0>43}");
            session.add(pending(&state), StorageMode::Session).unwrap();
            cookie.add(pending(&state), StorageMode::CookieSession).unwrap();
        }
        assert_eq!((session.0.len(), states(&session)[0]), (16, &*format!("{:0>43}", 4)));
        assert!(cookie.to_json().unwrap().len() <= 1536 && cookie.0.len() >= 3);
        assert_eq!(*states(&cookie).last().unwrap(), format!("{:0>43}", 19));
    }

    #[test]
    fn one_that_does_not_fit_alone_is_an_error() {
        let mut long = pending("a");
        long.post_redirect_uri = Some("/".repeat(2000));
        let error = PendingSignIns::default().add(long, StorageMode::CookieSession).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_pending_sign_in_is_taken_once() {
        let mut list = PendingSignIns::default();
        list.add(pending("a"), StorageMode::Session).unwrap();
        list.add(pending("b"), StorageMode::Session).unwrap();
        assert!(list.take("c").is_none() && list.take("").is_none());
        assert_eq!(list.take("a").unwrap().state.expose(), "a");
        assert!(list.take("a").is_none());
        assert_eq!(states(&list), ["b"]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_counts_as_none() {
        let storage = MemoryStorage::new();
        for text in ["", "null", "{}", "{\"v\":2,\"pending\":[]}", "{\"redirectUri\":\"x\"}", "[1"] {
            Storage::set(&storage, keys::SIGN_IN_SESSION, text).await.unwrap();
            assert!(PendingSignIns::load(&storage, NOW).await.unwrap().is_empty(), "{text}");
        }
    }

    #[test]
    fn debug_shows_neither_state_nor_verifier() {
        assert!(!format!("{:?}", pending("canary")).contains("canary"));
    }
}
