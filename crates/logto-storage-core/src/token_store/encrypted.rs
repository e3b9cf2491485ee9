//! Records encrypted at rest, over any store.

use super::{
    IndexKey, Record, RecordKey, Stored, TokenStore, TokenStoreError, TokenStoreErrorKind, Version,
    record::random,
};
use crate::{Fence, Lease};
use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fmt, sync::Arc, time::Duration};

const KEY_ID: usize = 8;

/// A store whose records are encrypted before they reach the store behind it: AES-256-GCM-SIV, with the
/// record's key in the associated data, so that records which somebody has swapped are refused.
///
/// ```
/// use logto_storage_core::{EncryptedTokenStore, EncryptionKey, MemoryTokenStore};
///
/// # fn run() -> Result<(), logto_storage_core::TokenStoreError> {
/// let current = EncryptionKey::from_base64("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
/// let store = EncryptedTokenStore::new(MemoryTokenStore::new(), current);
/// # Ok(())
/// # }
/// ```
///
/// A new key takes the place of the current one, which is given to [`older_key`](Self::older_key) until
/// the records written under it have been written anew: their lifetime at most. Where several processes
/// run, give the new key as an older one to all of them first: a record under a key that is not known is
/// left alone, and its visitor is signed out in that process.
#[derive(Debug)]
pub struct EncryptedTokenStore<T> {
    store: T,
    current: EncryptionKey,
    older: Vec<EncryptionKey>,
}

/// A key of 32 bytes that records are encrypted with. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct EncryptionKey(Arc<(LessSafeKey, [u8; KEY_ID])>);

impl EncryptionKey {
    /// A key of these bytes, which must be random.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where they are not 32.
    pub fn new(bytes: &[u8]) -> Result<Self, TokenStoreError> {
        let wrong = |_| {
            TokenStoreError::new(TokenStoreErrorKind::Misconfigured)
                .with_source("an encryption key has 32 bytes")
        };
        let key = UnboundKey::new(&AES_256_GCM_SIV, bytes).map_err(wrong)?;
        let named = [b"logto token store key", bytes].concat();
        let mut id = [0; KEY_ID];
        let hash = digest::digest(&digest::SHA256, &zeroize::Zeroizing::new(named));
        id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Self(Arc::new((LessSafeKey::new(key), id))))
    }

    /// A key as `openssl rand -base64 32` prints it.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the text is no base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, TokenStoreError> {
        let bytes = STANDARD.decode(text.trim()).map(zeroize::Zeroizing::new).map_err(|_| {
            TokenStoreError::new(TokenStoreErrorKind::Misconfigured)
                .with_source("an encryption key is written in base64")
        })?;
        Self::new(&bytes)
    }

    fn id(&self) -> &[u8; KEY_ID] {
        &self.0.1
    }
}

impl<T: TokenStore> EncryptedTokenStore<T> {
    /// Encrypts what this store keeps with this key.
    pub fn new(store: T, current: EncryptionKey) -> Self {
        Self { store, current, older: Vec::new() }
    }

    /// A key that records may still be written under.
    #[must_use]
    pub fn older_key(mut self, key: EncryptionKey) -> Self {
        self.older.push(key);
        self
    }

    fn seal(&self, key: &RecordKey, record: &Record) -> Result<Record, TokenStoreError> {
        let nonce = random::<NONCE_LEN>()?;
        // With room for the tag: a vector that grows would leave what it held behind.
        let mut sealed = Vec::with_capacity(record.payload().len() + self.current.0.0.algorithm().tag_len());
        sealed.extend(record.payload());
        let failed = |_| TokenStoreError::new(TokenStoreErrorKind::Misconfigured);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.current.0.0.seal_in_place_append_tag(unique, aad(key), &mut sealed).map_err(failed)?;
        Ok(record.around(&[&self.current.id()[..], &nonce, &sealed].concat()))
    }

    fn open(&self, key: &RecordKey, stored: &Stored) -> Result<Stored, TokenStoreError> {
        let corrupt = || TokenStoreError::new(TokenStoreErrorKind::Corrupt);
        let (id, rest) = stored.record.payload().split_first_chunk::<KEY_ID>().ok_or_else(corrupt)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(corrupt)?;
        let known = std::iter::once(&self.current).chain(&self.older).find(|known| known.id() == id);
        let known = known.ok_or(TokenStoreErrorKind::NewerVersion)?;
        let mut opened = zeroize::Zeroizing::new(sealed.to_vec());
        let unique = Nonce::assume_unique_for_key(*nonce);
        let plain = known.0.0.open_in_place(unique, aad(key), &mut opened).map_err(|_| corrupt())?;
        Ok(Stored { record: stored.record.around(plain), ..*stored })
    }
}

/// A record under another key than its own does not open.
fn aad(key: &RecordKey) -> Aad<&[u8]> {
    Aad::from(key.as_str().as_bytes())
}

#[async_trait::async_trait]
impl<T: TokenStore> TokenStore for EncryptedTokenStore<T> {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        lifetime: Duration,
    ) -> Result<Version, TokenStoreError> {
        self.store.create(key, &self.seal(key, record)?, lifetime).await
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        self.open(key, &self.store.read(key).await?)
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        self.store.swap(key, seen, &self.seal(key, record)?, lifetime, fence).await
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        // What cannot be opened is left alone.
        self.read(key).await?;
        self.open(key, &self.store.take(key).await?)
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        self.store.delete(key).await
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Result<Lease, TokenStoreError> {
        self.store.acquire(key, lifetime).await
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Result<(), TokenStoreError> {
        self.store.renew(key, fence, lifetime).await
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        self.store.release(key, fence).await
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        self.store.find(index).await
    }

    async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
        self.store.delete_by(index).await
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryTokenStore, Realm};
    use TokenStoreErrorKind::{Corrupt, Misconfigured, NewerVersion, NotFound};

    const HOUR: Duration = Duration::from_secs(3600);
    const CANARY: &[u8] = b"canary-of-the-payload";

    type Inner = Arc<MemoryTokenStore>;

    fn encryption(byte: u8) -> EncryptionKey {
        EncryptionKey::new(&[byte; 32]).unwrap()
    }

    fn store(inner: &Inner, byte: u8) -> EncryptedTokenStore<Inner> {
        EncryptedTokenStore::new(Arc::clone(inner), encryption(byte))
    }

    fn key(name: &str) -> RecordKey {
        Realm::new("https://tenant.logto.app/oidc", "app").record(name)
    }

    fn record(payload: &[u8]) -> Record {
        let realm = Realm::new("https://tenant.logto.app/oidc", "app");
        Record::new(payload, Some(realm.sub("alice")), Some(realm.sid("s1")))
    }

    /// What the inner store has, put anew with this payload.
    async fn overwrite(inner: &Inner, key: &RecordKey, payload: &[u8]) {
        let stored = inner.read(key).await.unwrap();
        inner.swap(key, stored.version, &stored.record.around(payload), HOUR, None).await.unwrap();
    }

    async fn refused(store: &impl TokenStore, key: &RecordKey) -> TokenStoreErrorKind {
        let kind = store.read(key).await.unwrap_err().kind();
        assert_eq!(store.take(key).await.unwrap_err().kind(), kind);
        assert_eq!(store.read(key).await.unwrap_err().kind(), kind, "it stays");
        kind
    }

    #[tokio::test]
    async fn the_store_behind_has_no_plaintext_and_no_two_equal_records() {
        let inner = Inner::default();
        let store = store(&inner, 1);
        let (first, second) = (key("first"), key("second"));
        let version = store.create(&first, &record(CANARY), HOUR).await.unwrap();
        store.create(&second, &record(CANARY), HOUR).await.unwrap();
        let created = inner.read(&first).await.unwrap();
        assert_eq!(created.version, version);
        assert_eq!((created.record.sub(), created.record.sid()), (record(b"").sub(), record(b"").sid()));
        store.swap(&first, version, &record(CANARY), HOUR, None).await.unwrap();
        let swapped = inner.read(&first).await.unwrap();
        let other = inner.read(&second).await.unwrap();
        for stored in [&created, &swapped, &other] {
            let data = stored.record.data();
            assert!(!data.windows(6).any(|part| CANARY.windows(6).any(|secret| secret == part)));
        }
        assert_ne!(created.record.payload(), swapped.record.payload());
        assert_ne!(swapped.record.payload(), other.record.payload());
        assert_eq!(store.take(&first).await.unwrap().record, record(CANARY));
        assert_eq!(inner.read(&first).await.unwrap_err().kind(), NotFound);
    }

    #[tokio::test]
    async fn records_that_somebody_has_swapped_are_refused() {
        let inner = Inner::default();
        let store = store(&inner, 1);
        let (alice, bob) = (key("alice"), key("bob"));
        store.create(&alice, &record(b"of alice"), HOUR).await.unwrap();
        store.create(&bob, &record(b"of bob"), HOUR).await.unwrap();
        let of_alice = inner.read(&alice).await.unwrap().record;
        let of_bob = inner.read(&bob).await.unwrap().record;
        overwrite(&inner, &alice, of_bob.payload()).await;
        overwrite(&inner, &bob, of_alice.payload()).await;
        assert_eq!(refused(&store, &alice).await, Corrupt);
        assert_eq!(refused(&store, &bob).await, Corrupt);
        overwrite(&inner, &alice, of_alice.payload()).await;
        assert_eq!(store.read(&alice).await.unwrap().record, record(b"of alice"));
    }

    #[tokio::test]
    async fn each_changed_byte_is_refused() {
        let inner = Inner::default();
        let (store, key) = (store(&inner, 1), key("name"));
        store.create(&key, &record(CANARY), HOUR).await.unwrap();
        let sealed = inner.read(&key).await.unwrap().record.payload().to_vec();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x01;
            overwrite(&inner, &key, &changed).await;
            let expected = if at < KEY_ID { NewerVersion } else { Corrupt };
            assert_eq!(refused(&store, &key).await, expected, "byte {at}");
        }
        for length in 0..sealed.len() {
            overwrite(&inner, &key, &sealed[..length]).await;
            assert_eq!(refused(&store, &key).await, Corrupt, "{length} bytes");
        }
        overwrite(&inner, &key, &[&sealed[..], &[0]].concat()).await;
        assert_eq!(refused(&store, &key).await, Corrupt);
        assert!(store.delete(&key).await.unwrap());
    }

    #[tokio::test]
    async fn a_record_under_an_older_key_is_read_and_written_anew_under_the_current_one() {
        let inner = Inner::default();
        let (before, key) = (store(&inner, 1), key("name"));
        before.create(&key, &record(b"one"), HOUR).await.unwrap();
        let after = store(&inner, 2).older_key(encryption(3)).older_key(encryption(1));
        let stored = after.read(&key).await.unwrap();
        assert_eq!(stored.record, record(b"one"));
        assert_eq!(refused(&store(&inner, 2), &key).await, NewerVersion);
        after.swap(&key, stored.version, &record(b"two"), HOUR, None).await.unwrap();
        assert_eq!(store(&inner, 2).read(&key).await.unwrap().record, record(b"two"));
        assert_eq!(refused(&before, &key).await, NewerVersion);
        // As long as the processes that still write under the old key know the new one.
        let meanwhile = store(&inner, 1).older_key(encryption(2));
        assert_eq!(meanwhile.take(&key).await.unwrap().record, record(b"two"));
    }

    #[tokio::test]
    async fn a_record_under_an_unknown_key_is_left_alone() {
        let inner = Inner::default();
        let key = key("name");
        store(&inner, 1).create(&key, &record(CANARY), HOUR).await.unwrap();
        let before = inner.read(&key).await.unwrap();
        let other = store(&inner, 2);
        assert_eq!(refused(&other, &key).await, NewerVersion);
        let lease = other.acquire(&key, HOUR).await.unwrap();
        other.release(&key, lease.fence).await.unwrap();
        assert_eq!(other.find(record(b"").sub().unwrap()).await.unwrap(), std::slice::from_ref(&key));
        assert_eq!(inner.read(&key).await.unwrap().version, before.version);
        assert_eq!(store(&inner, 1).read(&key).await.unwrap().record, record(CANARY));
        assert!(other.delete(&key).await.unwrap());
    }

    #[tokio::test]
    async fn a_record_that_was_never_encrypted_is_refused() {
        let inner = Inner::default();
        let (store, key) = (store(&inner, 1), key("name"));
        inner.create(&key, &record(b"{}"), HOUR).await.unwrap();
        assert_eq!(refused(&store, &key).await, Corrupt);
        overwrite(&inner, &key, CANARY).await;
        assert_eq!(refused(&store, &key).await, NewerVersion);
    }

    #[test]
    fn a_key_has_32_bytes_and_shows_none_of_them() {
        let text = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let key = EncryptionKey::from_base64(&format!(" {text}\n")).unwrap();
        assert_eq!(key.id(), EncryptionKey::new(b"0123456789abcdef0123456789abcdef").unwrap().id());
        let shown = format!("{:?}", EncryptedTokenStore::new(MemoryTokenStore::new(), key));
        assert!(!shown.contains("0123") && !shown.contains("48, 49"), "{shown}");
        for wrong in ["", "c2hvcnQ=", "not base64 at all", &text[4..]] {
            let error = EncryptionKey::from_base64(wrong).unwrap_err();
            assert_eq!(error.kind(), Misconfigured);
            assert!(wrong.is_empty() || !format!("{error} {error:?}").contains(wrong));
        }
        for length in [0, 16, 31, 33, 64] {
            assert_eq!(EncryptionKey::new(&vec![1; length]).unwrap_err().kind(), Misconfigured);
        }
    }
}
