//! The storage contract: items of one visitor, by key, and stores of token records.
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr))]

pub mod keys;
#[cfg(feature = "token-store")]
pub mod token_store;

mod change;
mod clock;
mod commit;
mod error;
mod items;
mod memory;
mod storage;

pub use change::{Change, Changes, SignIn};
pub use clock::{Clock, ManualClock, SystemClock};
pub use commit::{Commit, Fence, Lease};
pub use error::{Operation, StorageError, StorageErrorKind};
pub use items::Items;
pub use memory::MemoryStorage;
pub use storage::{DynStorage, SendStorage, Storage};
#[cfg(feature = "token-store")]
pub use token_store::{
    EncryptedTokenStore, EncryptionKey, MemoryTokenStore, Realm, TicketStorage, Tickets, TokenStore,
    TokenStoreError, TokenStoreErrorKind,
};
