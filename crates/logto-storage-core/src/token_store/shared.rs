//! A store that is shared is a store.

use super::{IndexKey, Record, RecordKey, Stored, TokenStore, TokenStoreError, Version};
use crate::{Fence, Lease};
use std::{sync::Arc, time::Duration};

/// So that a store may be wrapped that others hold too, whichever it is.
#[async_trait::async_trait]
impl<T: TokenStore + ?Sized> TokenStore for Arc<T> {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        lifetime: Duration,
    ) -> Result<Version, TokenStoreError> {
        T::create(self, key, record, lifetime).await
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        T::read(self, key).await
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        T::swap(self, key, seen, record, lifetime, fence).await
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        T::take(self, key).await
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        T::delete(self, key).await
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Result<Lease, TokenStoreError> {
        T::acquire(self, key, lifetime).await
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Result<(), TokenStoreError> {
        T::renew(self, key, fence, lifetime).await
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        T::release(self, key, fence).await
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        T::find(self, index).await
    }

    async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
        T::delete_by(self, index).await
    }
}
