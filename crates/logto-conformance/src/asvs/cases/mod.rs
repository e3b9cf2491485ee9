//! The items, each named by its number and by the sentence it proves.

mod apis;
mod people;
mod sessions;
mod tokens;
mod transactions;

pub use apis::*;
pub use people::*;
pub use sessions::*;
pub use tokens::*;
pub use transactions::*;
