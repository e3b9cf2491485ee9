//! Tickets: the handles of token records, and what is done to records without one.

use super::{
    Realm, Record, RecordKey, TicketStorage, TokenStore, TokenStoreError, TokenStoreErrorKind, record::random,
};
use crate::{Items, Storage, keys};
use aws_lc_rs::{digest, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// The life of a refresh token at Logto.
const LIFETIME: Duration = Duration::from_secs(14 * 86_400);
/// The life of an interaction at Logto.
const PENDING_LIFETIME: Duration = Duration::from_secs(3600);
const TICKET_LENGTH: usize = 43;

/// The token records of one application: makes visitors' storages, and ends records without a visitor.
/// Cheap to clone.
///
/// ```
/// use logto_storage_core::{MemoryStorage, MemoryTokenStore, Realm, Tickets};
/// use std::sync::Arc;
///
/// let realm = Realm::new("https://tenant.logto.app/oidc", "app-id");
/// let tickets = Tickets::new(Arc::new(MemoryTokenStore::new()), realm);
/// let storage = tickets.storage(MemoryStorage::new());
/// ```
#[derive(Clone, Debug)]
pub struct Tickets {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) realm: Realm,
    lifetime: Duration,
}

impl Tickets {
    /// Tickets of this realm over this store; records live for 14 days after the last use.
    pub fn new(store: Arc<dyn TokenStore>, realm: Realm) -> Self {
        Self { store, realm, lifetime: LIFETIME }
    }

    /// For how long a record that somebody is signed in by lives after its last use; default 14 days.
    /// It is written anew when half of that is over.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// A visitor's storage: only the ticket lies in `inner`.
    pub fn storage<S: Storage>(&self, inner: S) -> TicketStorage<S> {
        TicketStorage::new(self.clone(), inner)
    }

    /// Ends all records of a person, and gives what they held.
    ///
    /// # Errors
    ///
    /// Those of the store; records that were ended before the error stay ended.
    pub async fn end_all_of(&self, sub: &str) -> Result<Vec<Items>, TokenStoreError> {
        let keys = self.store.find(&self.realm.sub(sub)).await?;
        self.end_all(keys).await
    }

    /// Ends the records of a session at the provider, and those of its person that do not say of which
    /// session they are; gives what they held.
    ///
    /// # Errors
    ///
    /// Those of the store; records that were ended before the error stay ended.
    pub async fn end_session(&self, sub: Option<&str>, sid: &str) -> Result<Vec<Items>, TokenStoreError> {
        let mut keys = self.store.find(&self.realm.sid(sid)).await?;
        let of_the_person = match sub {
            Some(sub) => self.store.find(&self.realm.sub(sub)).await?,
            None => Vec::new(),
        };
        for key in of_the_person {
            match self.store.read(&key).await {
                Ok(stored) if stored.record.sid().is_some() => {}
                Err(error) if error.kind() == TokenStoreErrorKind::Unavailable => return Err(error),
                // Whose session an unreadable record is cannot be known: it ends.
                _ => keys.push(key),
            }
        }
        self.end_all(keys).await
    }

    /// Whether this name is seen for the first time within this long, over all processes.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn once(&self, name: &str, lifetime: Duration) -> Result<bool, TokenStoreError> {
        let key = self.named(name);
        match self.store.create(&key, &Record::new(&[], None, None), lifetime).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == TokenStoreErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Forgets that this name was seen.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn forget(&self, name: &str) -> Result<(), TokenStoreError> {
        self.store.delete(&self.named(name)).await?;
        Ok(())
    }

    /// Not the key of a ticket: that has no space in its name.
    fn named(&self, name: &str) -> RecordKey {
        self.realm.record(&format!("once {name}"))
    }

    async fn end_all(&self, keys: Vec<RecordKey>) -> Result<Vec<Items>, TokenStoreError> {
        let mut ended = Vec::new();
        for key in keys {
            match self.store.take(&key).await {
                Ok(stored) => ended.push(Content::of(&stored.record).unwrap_or_default().items),
                Err(error) => match error.kind() {
                    TokenStoreErrorKind::NotFound => {}
                    TokenStoreErrorKind::Corrupt | TokenStoreErrorKind::NewerVersion => {
                        if self.store.delete(&key).await? {
                            ended.push(Items::new());
                        }
                    }
                    _ => return Err(error),
                },
            }
        }
        Ok(ended)
    }

    /// How long a record of this content lives.
    pub(super) fn lifetime_of(&self, items: &Items) -> Duration {
        let tokens = [keys::ID_TOKEN, keys::REFRESH_TOKEN, keys::ACCESS_TOKEN_MAP];
        match tokens.iter().any(|key| items.get(key).is_some()) {
            true => self.lifetime,
            false => PENDING_LIFETIME,
        }
    }
}

/// A visitor's handle: 256 random bits, or the handle that follows from one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Ticket(Zeroizing<String>);

impl Ticket {
    pub(super) fn random() -> Result<Self, TokenStoreError> {
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(random::<32>()?)))))
    }

    /// As the other storage holds it; anything else is no ticket.
    pub(super) fn parse(item: &str) -> Option<Self> {
        let text = item.strip_prefix("1.")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (text.len() == TICKET_LENGTH && text.bytes().all(plain))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    pub(super) fn item(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("1.{}", *self.0))
    }

    pub(super) fn key(&self, realm: &Realm) -> RecordKey {
        realm.record(&self.0)
    }

    /// The ticket after a sign-in: who holds this one and may read its record finds it, nobody else.
    /// Requests that complete one sign-in at the same time come to one record by it.
    pub(super) fn following(&self, salt: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(hmac::sign(&key, salt.as_bytes()))))
    }
}

/// What a record holds.
#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) items: Items,
    /// Makes the ticket that follows.
    pub(super) salt: Zeroizing<String>,
    /// By which record a sign-in has followed this one.
    pub(super) followed_by: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Payload<T: Ord> {
    salt: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    followed_by: Option<T>,
    items: BTreeMap<T, T>,
}

impl Content {
    pub(super) fn new(items: Items) -> Result<Self, TokenStoreError> {
        let salt = Zeroizing::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(random::<32>()?)));
        Ok(Self { items, salt, followed_by: None })
    }

    /// `None` where the record is no visitor's.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let payload: Payload<String> = serde_json::from_slice(record.payload()).ok()?;
        Some(Self {
            items: Items::from_iter(payload.items),
            salt: Zeroizing::new(payload.salt),
            followed_by: payload.followed_by,
        })
    }

    /// A name of this record: no other one has it, were it under the same ticket.
    pub(super) fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.salt.as_bytes()))
    }

    /// As it is stored.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let items = self.items.iter().collect();
        let followed_by = self.followed_by.as_deref();
        let payload = Payload { salt: self.salt.as_str(), followed_by, items };
        Zeroizing::new(serde_json::to_vec(&payload).unwrap_or_default())
    }
}
