//! Hostile tokens, forged anew with keys of their own.

mod forge;
mod id_token;
mod jws;
mod keys;
