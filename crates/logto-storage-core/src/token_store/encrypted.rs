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
        let mut sealed = record.payload().to_vec();
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
