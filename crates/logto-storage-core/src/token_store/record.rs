//! Records, their keys, indexes and versions.

use super::{TokenStoreError, TokenStoreErrorKind};
use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{fmt, time::Duration};
use zeroize::Zeroizing;

/// What every stored record begins with, and the format that follows.
const MAGIC: [u8; 2] = *b"LT";
const FORMAT: u8 = 1;
const CHECKSUM: usize = 8;

/// The largest record, in bytes.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

/// The issuer and the application that records belong to: others on the same server never meet them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Realm {
    issuer: String,
    client_id: String,
}

/// Under what a record is stored: 43 characters, the hash of its realm and its ticket.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(String);

/// Under what records are found: 43 characters, the hash of their realm and a `sub` or `sid`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexKey(String);

/// Which state of a record was seen: changes with each write, and never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(u64);

/// A record: bytes that the store keeps as they are, and what it is found by.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    data: Zeroizing<Vec<u8>>,
    sub: Option<IndexKey>,
    sid: Option<IndexKey>,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// Its version.
    pub version: Version,
    /// For how long it lives yet, by the store's clock.
    pub remaining: Duration,
}

impl Realm {
    /// The realm of an application at an issuer.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), client_id: client_id.into() }
    }

    /// The key of the record of this name, for example of a ticket.
    #[must_use]
    pub fn record(&self, name: &str) -> RecordKey {
        RecordKey(self.hash("record", name))
    }

    /// What a person's records are found by.
    #[must_use]
    pub fn sub(&self, sub: &str) -> IndexKey {
        IndexKey(self.hash("sub", sub))
    }

    /// What the records of one session at the provider are found by.
    #[must_use]
    pub fn sid(&self, sid: &str) -> IndexKey {
        IndexKey(self.hash("sid", sid))
    }

    /// Each part with its length: no two lists of parts have one text.
    fn hash(&self, kind: &str, name: &str) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in ["logto", kind, &self.issuer, &self.client_id, name] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.finish())
    }
}

macro_rules! stored_key {
    ($name:ident) => {
        impl $name {
            /// As a store keeps it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// As a store has kept it.
            pub fn from_stored(text: impl Into<String>) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), self.0.chars().take(6).collect::<String>())
            }
        }
    };
}

stored_key!(RecordKey);
stored_key!(IndexKey);

impl Version {
    /// One that no record has had.
    ///
    /// # Errors
    ///
    /// `Unavailable` where the system gives no random numbers.
    pub fn random() -> Result<Self, TokenStoreError> {
        Ok(Self(u64::from_be_bytes(random()?)))
    }

    /// As a store has kept it.
    #[must_use]
    pub fn from_stored(number: u64) -> Self {
        Self(number)
    }

    /// As a store keeps it.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], TokenStoreError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| {
        TokenStoreError::new(TokenStoreErrorKind::Unavailable)
            .with_source("the system gives no random numbers")
    })?;
    Ok(bytes)
}

impl Record {
    /// A record that holds these bytes. Where neither `sub` nor `sid` is given nobody is signed in by it:
    /// such records make room first where a store is full.
    #[must_use]
    pub fn new(payload: &[u8], sub: Option<IndexKey>, sid: Option<IndexKey>) -> Self {
        let mut data = Vec::with_capacity(MAGIC.len() + 1 + CHECKSUM + payload.len());
        data.extend(MAGIC);
        data.push(FORMAT);
        data.extend(checksum(payload));
        data.extend(payload);
        Self { data: Zeroizing::new(data), sub, sid }
    }

    /// As a store has kept it.
    ///
    /// # Errors
    ///
    /// `NewerVersion` where the bytes are of a later format, `Corrupt` where they are not those that
    /// [`data`](Self::data) gave.
    pub fn from_stored(
        data: Vec<u8>,
        sub: Option<IndexKey>,
        sid: Option<IndexKey>,
    ) -> Result<Self, TokenStoreError> {
        let record = Self { data: Zeroizing::new(data), sub, sid };
        match record.data.strip_prefix(&MAGIC[..]) {
            Some([FORMAT, rest @ ..]) if rest.len() >= CHECKSUM => {
                let (sum, payload) = rest.split_at(CHECKSUM);
                if sum == checksum(payload) { Ok(record) } else { Err(TokenStoreErrorKind::Corrupt.into()) }
            }
            Some([format, ..]) if *format > FORMAT => Err(TokenStoreErrorKind::NewerVersion.into()),
            _ => Err(TokenStoreErrorKind::Corrupt.into()),
        }
    }

    /// The bytes to store.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// What it holds.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.data.get(MAGIC.len() + 1 + CHECKSUM..).unwrap_or_default()
    }

    /// The index of the person.
    #[must_use]
    pub fn sub(&self) -> Option<&IndexKey> {
        self.sub.as_ref()
    }

    /// The index of the session at the provider.
    #[must_use]
    pub fn sid(&self) -> Option<&IndexKey> {
        self.sid.as_ref()
    }

    /// Whether nobody is signed in by it.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.sub.is_none() && self.sid.is_none()
    }

    /// The same record around other bytes.
    pub(super) fn around(&self, payload: &[u8]) -> Self {
        Self::new(payload, self.sub.clone(), self.sid.clone())
    }
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    let digest = digest::digest(&digest::SHA256, payload);
    sum.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    sum
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Realm({} at {})", self.client_id, self.issuer)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes)", self.data.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(data: &[u8]) -> TokenStoreErrorKind {
        Record::from_stored(data.to_vec(), None, None).unwrap_err().kind()
    }

    #[test]
    fn keys_of_two_realms_and_of_two_kinds_never_meet() {
        let realms = [Realm::new("https://a/oidc", "app"), Realm::new("https://a/oidcapp", "")];
        let mut keys = Vec::new();
        for realm in &realms {
            keys.push(realm.record("x").as_str().to_owned());
            keys.push(realm.sub("x").as_str().to_owned());
            keys.push(realm.sid("x").as_str().to_owned());
        }
        assert!(keys.iter().all(|key| key.len() == 43));
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 6);
    }

    #[test]
    fn what_is_stored_comes_back_and_every_changed_byte_is_found() {
        let record = Record::new(b"payload", None, None);
        let back = Record::from_stored(record.data().to_vec(), None, None).unwrap();
        assert_eq!(back.payload(), b"payload");
        for index in 0..record.data().len() {
            let mut data = record.data().to_vec();
            data[index] ^= 0x10;
            let expected =
                if index == 2 { TokenStoreErrorKind::NewerVersion } else { TokenStoreErrorKind::Corrupt };
            assert_eq!(kind(&data), expected, "byte {index}");
        }
        for length in 0..record.data().len() {
            assert_eq!(kind(&record.data()[..length]), TokenStoreErrorKind::Corrupt);
        }
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", Record::new(b"canary", None, None)), "Record(17 bytes)");
    }
}
