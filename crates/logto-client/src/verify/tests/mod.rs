//! Hostile tokens, forged anew with keys of their own.

pub(crate) mod access_token;
mod edges;
pub(crate) mod forge;
mod id_token;
mod jws;
mod keys;
mod logout_token;
