//! Both stores through the suite of token stores, and what only they have to prove.

mod common;
mod measure;
mod postgres;
mod proxy;
mod sqlite;
