//! Token records in Redis, shared by all processes of an application.
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr))]

mod address;
mod dial;
mod failure;
mod link;
mod operations;
mod scripts;
mod server;
mod store;
mod target;
mod tls;

pub use store::RedisTokenStore;
