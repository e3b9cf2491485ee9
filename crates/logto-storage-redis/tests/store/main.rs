//! The store on real servers: the shared suite, and what is Redis' own.

mod connecting;
mod lifetimes;
mod outages;
mod proxy;
mod sentinel;
mod stage;
#[cfg(feature = "tls")]
mod tls;

logto_conformance::token_store_suite!(stage::Stage);
