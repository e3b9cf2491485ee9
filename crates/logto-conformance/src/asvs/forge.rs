//! Tokens as strangers make them.

use crate::api::tokens::{self, input};
use aws_lc_rs::{
    hmac,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::sync::LazyLock;

pub(super) use crate::api::tokens::{now, object};

pub(super) type Claims = Map<String, Value>;

/// The key of a stranger.
static KEY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key"));

/// The stranger's public key, under this name.
pub(super) fn jwk(kid: &str) -> Value {
    tokens::jwk(&KEY, kid)
}

fn read(token: &str, index: usize) -> Claims {
    let part = token.split('.').nth(index).unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default()).unwrap_or_default()
}

/// The header of a token, unverified.
pub(super) fn header_of(token: &str) -> Claims {
    read(token, 0)
}

/// The claims of a token, unverified.
pub(super) fn claims_of(token: &str) -> Claims {
    read(token, 1)
}

/// Signed by the stranger.
pub(super) fn by_stranger(header: &Claims, claims: &Claims) -> String {
    tokens::signed(&KEY, header, claims)
}

/// With a MAC under this secret.
pub(super) fn by_secret(header: &Claims, claims: &Claims, secret: &[u8]) -> String {
    let input = input(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Without a signature.
pub(super) fn unsigned(header: &Claims, claims: &Claims) -> String {
    format!("{}.", input(header, claims))
}

/// These members, some of them changed; those that become null are missing.
pub(super) fn changed(members: &Claims, changes: Value) -> Claims {
    let mut members = members.clone();
    for (name, value) in object(changes) {
        match value {
            Value::Null => drop(members.remove(&name)),
            value => drop(members.insert(name, value)),
        }
    }
    members
}
