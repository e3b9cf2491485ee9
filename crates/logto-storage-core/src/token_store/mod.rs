//! Stores of token records, shared by all processes of an application.
//!
//! A [`TokenStore`] keeps records under keys that say nothing: [`Tickets`] make them from a visitor's
//! ticket, so that the store alone opens no session. A new store writes the nine operations and proves
//! itself by `logto_conformance::token_store_suite!`.

mod encrypted;
mod error;
mod memory;
mod record;
mod shared;
mod ticket;
mod tickets;
mod visitor;

pub use encrypted::{EncryptedTokenStore, EncryptionKey};
pub use error::{TokenStoreError, TokenStoreErrorKind};
pub use memory::MemoryTokenStore;
pub use record::{IndexKey, Realm, Record, RecordKey, Stored, Version};
pub use ticket::TicketStorage;
pub use tickets::Tickets;

use crate::{Fence, Lease};
use std::{fmt, time::Duration};

/// A store of token records: each has a version, a lifetime, a lease, and may be found by two indexes.
///
/// What several processes do at once is judged here and nowhere else: every operation is whole or is
/// refused. Times are the store's own, so that the clocks of two processes never meet.
///
/// # Errors
///
/// Every operation gives a [`TokenStoreError`] whose kind says what to do. A record whose lifetime is over
/// is `NotFound` everywhere, whether it lies there still or not. A record that cannot be read is `Corrupt`
/// or `NewerVersion`, and stays where it is.
#[async_trait::async_trait]
pub trait TokenStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a new record, for this long; `Conflict` where there is one.
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        lifetime: Duration,
    ) -> Result<Version, TokenStoreError>;

    /// The record as it is now.
    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError>;

    /// Writes the record anew, for this long from now on, where it still has the version that was seen;
    /// its lease stays as it is.
    ///
    /// `NotFound` where it was deleted in between: a deletion beats what comes later. `LeaseLost` where a
    /// fence is given and the lease has been acquired since; `Conflict` where the version is another.
    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError>;

    /// Deletes the record and gives what it was: of all who ask at once one has it, the others `NotFound`.
    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError>;

    /// Deletes the record, also one that cannot be read; whether there was one.
    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError>;

    /// Acquires the record's lease for this long; `Conflict` while somebody else holds it. Neither version
    /// nor lifetime of the record changes.
    ///
    /// A lease ends with its record: its fence is none of a record that is created under the same key
    /// later. A store that keeps nothing of the former record begins at a random number.
    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Result<Lease, TokenStoreError>;

    /// Holds the lease for this long from now on, also where its time was over and nobody else has
    /// acquired it; else `LeaseLost`.
    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Result<(), TokenStoreError>;

    /// Gives the lease back. Fine also where it is lost or the record is gone.
    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError>;

    /// The keys of all living records under this index, in no order.
    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError>;

    /// Deletes all records under this index; how many there were.
    async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
        let mut deleted = 0;
        for key in self.find(index).await? {
            deleted += u64::from(self.delete(&key).await?);
        }
        Ok(deleted)
    }
}
