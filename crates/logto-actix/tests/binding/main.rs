//! The binding, on a real server with real sessions.

mod api;
mod asvs;
mod cookies;
mod flow;
mod frugality;
#[path = "../../../../examples/actix-sample/src/memory.rs"]
mod memory;
mod relying_party;
mod routes;
mod server;
mod storage;
mod values;
mod webhook;
