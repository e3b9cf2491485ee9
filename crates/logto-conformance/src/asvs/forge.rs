//! Tokens as strangers make them.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

pub(super) type Claims = Map<String, Value>;

/// The key of a stranger.
static KEY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key"));

/// The stranger's public key, under this name.
pub(super) fn jwk(kid: &str) -> Value {
    // An uncompressed point: one byte, then both coordinates of 48 bytes.
    let point = KEY.public_key().as_ref();
    json!({
        "kty": "EC", "crv": "P-384", "alg": "ES384", "use": "sig", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(&point[1..49]), "y": URL_SAFE_NO_PAD.encode(&point[49..]),
    })
}

fn part(members: &Claims) -> String {
    URL_SAFE_NO_PAD.encode(Value::Object(members.clone()).to_string())
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
    let input = format!("{}.{}", part(header), part(claims));
    let signature = KEY.sign(&SystemRandom::new(), input.as_bytes()).expect("a signature");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// With a MAC under this secret.
pub(super) fn by_secret(header: &Claims, claims: &Claims, secret: &[u8]) -> String {
    let input = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Without a signature.
pub(super) fn unsigned(header: &Claims, claims: &Claims) -> String {
    format!("{}.{}.", part(header), part(claims))
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

pub(super) fn object(value: Value) -> Claims {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}
