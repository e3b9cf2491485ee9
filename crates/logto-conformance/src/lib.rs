//! The shared suites: a storage or a binding proves itself by one line.
#![doc = include_str!("../README.md")]

pub mod answers;
pub mod api;
pub mod asvs;
pub mod flow;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "hostile")]
pub mod hostile;
pub mod log;
pub mod proxies;
pub mod relying_party;
pub mod sample;
pub mod servers;
pub mod storage;
#[cfg(feature = "harness")]
pub mod stores;
pub mod token_store;
pub mod webhook;
