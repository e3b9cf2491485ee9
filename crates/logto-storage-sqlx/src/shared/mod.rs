//! What both stores are made of: it does not know which database it speaks to.

pub(crate) mod driver;
pub(crate) mod error;
mod operations;
mod schema;
pub(crate) mod statements;
pub(crate) mod store;
mod token_store;

pub(crate) use token_store::token_store;
