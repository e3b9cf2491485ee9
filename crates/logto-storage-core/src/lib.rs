//! The storage contract: items of one visitor, by key.
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr))]

pub mod keys;

mod change;
mod error;
mod memory;
mod storage;

pub use change::{Change, Changes};
pub use error::{Operation, StorageError, StorageErrorKind};
pub use memory::MemoryStorage;
pub use storage::{Commit, DynStorage, SendStorage, Storage};
