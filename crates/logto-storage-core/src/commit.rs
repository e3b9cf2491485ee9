//! Writing one visitor's items without the request, and the lease that a writer holds meanwhile.

use crate::{Changes, Items, StorageError};
use std::time::Duration;

/// Reads and writes one visitor's items at the store, without the request: it owns what it needs.
///
/// Other requests, in this process or another, may write the same items at the same time. Each write is
/// whole or is refused; what must not happen twice is done by who holds the lease.
///
/// # Errors
///
/// `Gone` where the visitor's items have ended meanwhile, by a sign-out or by their lifetime: nothing is
/// written then. `Conflict` where what the changes expect is not so. `LeaseLost` where a write was made
/// under a lease that somebody else has acquired since. `Unavailable` where the store does not answer.
#[async_trait::async_trait]
pub trait Commit: Send + Sync + 'static {
    /// All items as the store has them now.
    async fn read(&self) -> Result<Items, StorageError>;

    /// Makes all changes durable, together; under a lease where its fence is given.
    async fn commit(&self, changes: &Changes, fence: Option<Fence>) -> Result<(), StorageError>;

    /// Ends the visitor's items, and gives what they were last. A write that comes later is refused.
    async fn end(&self) -> Result<Items, StorageError>;

    /// Acquires the lease for this long; `None` while somebody else holds it.
    async fn acquire(&self, lifetime: Duration) -> Result<Option<Lease>, StorageError>;

    /// Holds the lease for this long from now on; `LeaseLost` where somebody else has acquired it.
    async fn renew(&self, fence: Fence, lifetime: Duration) -> Result<(), StorageError>;

    /// Gives the lease back. Giving back what is lost is fine.
    async fn release(&self, fence: Fence) -> Result<(), StorageError>;
}

/// The right to do what only one may do at a time, until it is released or its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What writes under this lease carry.
    pub fence: Fence,
    /// Whether the holder before never gave it back: their process ended in the middle of something, or
    /// is late and will find its writes refused.
    pub abandoned: bool,
}

/// The number of a lease, larger with each that is acquired of the same record: a write that carries an
/// older one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(u64);

impl Fence {
    /// This number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}
