//! Tokens that the emulator never signs: without a signature, by other algorithms, by keys of the suite's own.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::LazyLock;

const RSA_KID: &str = "rsa-of-the-suite";
const EC_KID: &str = "ec-of-the-suite";

static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key"));
static EC: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key on P-256"));

/// The RSA key, published for RS256 and nothing else.
pub(super) fn rsa_jwk() -> Value {
    // RFC 8017, A.1.1: 9 bytes, the modulus, 2 bytes, the exponent 65537.
    let public = RSA.public_key().as_ref();
    let modulus = &public[9..9 + RSA.public_modulus_len()];
    json!({ "kty": "RSA", "use": "sig", "kid": RSA_KID, "alg": "RS256", "n": encode(modulus), "e": "AQAB" })
}

/// The key on P-256, published for ES256.
pub(super) fn ec_jwk() -> Value {
    let (x, y) = EC.public_key().as_ref()[1..].split_at(32);
    json!({
        "kty": "EC", "use": "sig", "kid": EC_KID, "alg": "ES256", "crv": "P-256", "x": encode(x), "y": encode(y),
    })
}

/// This token's claims under another header.
fn signed(token: &str, header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let claims = token.split('.').nth(1).expect("claims");
    let message = format!("{}.{claims}", encode(header.to_string()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", encode(signature))
}

/// Without a signature, and saying so.
pub(super) fn unsigned(token: &str) -> String {
    signed(token, &header_of(token, "none", None), |_| Vec::new())
}

/// With a MAC by this secret.
pub(super) fn hs256(token: &str, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    signed(token, &header_of(token, "HS256", None), |message| hmac::sign(&key, message).as_ref().to_vec())
}

/// By the suite's RSA key.
pub(super) fn rs256(token: &str) -> String {
    by_rsa(token, "RS256", &RSA_PKCS1_SHA256)
}

/// By the suite's RSA key, in an algorithm that it is not published for.
pub(super) fn ps256(token: &str) -> String {
    by_rsa(token, "PS256", &RSA_PSS_SHA256)
}

fn by_rsa(token: &str, algorithm: &str, encoding: &'static dyn RsaEncoding) -> String {
    signed(token, &header_of(token, algorithm, Some(RSA_KID)), |message| {
        let mut signature = vec![0; RSA.public_modulus_len()];
        RSA.sign(encoding, &SystemRandom::new(), message, &mut signature).expect("a signature");
        signature
    })
}

/// By the suite's key on P-256.
pub(super) fn es256(token: &str) -> String {
    signed(token, &header_of(token, "ES256", Some(EC_KID)), |message| {
        EC.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
    })
}

/// The token with one bit of its signature changed.
pub(super) fn broken(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    signature[7] ^= 1;
    format!("{message}.{}", encode(signature))
}

/// The header of a token.
pub(super) fn header(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64url");
    serde_json::from_slice(&header).expect("JSON")
}

/// The token's own header with another algorithm, and with another key where one is named.
fn header_of(token: &str, algorithm: &str, kid: Option<&str>) -> Value {
    let mut header = header(token);
    header["alg"] = algorithm.into();
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    header
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
