//! The store on real servers: the shared suite, and what is Redis' own.

mod connecting;
mod lifetimes;
mod outages;
mod proxy;
mod stage;

logto_conformance::token_store_suite!(stage::Stage);
