//! The signing keys, ES384 as in a default tenant, and random names.

use aws_lc_rs::{
    digest,
    rand::{self, SystemRandom},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::io;

/// The key that signs and the one that signed before.
#[derive(Debug)]
pub(crate) struct Keys {
    current: Key,
    previous: Option<Key>,
}

#[derive(Debug)]
struct Key {
    pair: EcdsaKeyPair,
    kid: String,
}

impl Keys {
    pub(crate) fn generate() -> io::Result<Self> {
        Ok(Self { current: Key::generate()?, previous: None })
    }

    pub(crate) fn rotate(&mut self) -> io::Result<()> {
        self.previous = Some(std::mem::replace(&mut self.current, Key::generate()?));
        Ok(())
    }

    /// The public keys, current first.
    pub(crate) fn jwks(&self) -> Value {
        let keys: Vec<Value> = std::iter::once(&self.current).chain(&self.previous).map(Key::jwk).collect();
        json!({ "keys": keys })
    }

    /// A token: without `typ` for an ID token, as the real server signs it.
    pub(crate) fn sign(&self, typ: Option<&str>, claims: &Value) -> String {
        let mut header = json!({"alg": "ES384"});
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        header["kid"] = self.current.kid.clone().into();
        let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        match self.current.pair.sign(&SystemRandom::new(), message.as_bytes()) {
            Ok(signature) => format!("{message}.{}", base64url(signature)),
            // Signing fails only without random numbers; such a token is refused by everybody.
            Err(_) => format!("{message}."),
        }
    }
}

impl Key {
    fn generate() -> io::Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(io::Error::other)?;
        let kid = base64url(digest::digest(&digest::SHA256, pair.public_key().as_ref()));
        Ok(Self { pair, kid })
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(48);
        json!({
            "kty": "EC", "use": "sig", "kid": self.kid, "alg": "ES384", "crv": "P-384",
            "x": base64url(x), "y": base64url(y),
        })
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in base64url: PKCE challenges among others.
pub(crate) fn hash(text: &str) -> String {
    base64url(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// 43 random characters: codes, opaque tokens, cookies.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    // Without random numbers names repeat, and requests that need fresh ones fail.
    let _ = rand::fill(&mut bytes);
    base64url(bytes)
}
