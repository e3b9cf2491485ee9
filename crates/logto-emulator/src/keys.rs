//! The signing keys, ES384 as in a default tenant or RS256, and random names.

use crate::fault::{Claim, Failure};
use aws_lc_rs::{
    digest, hmac,
    rand::{self, SystemRandom},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::io;

/// What kind of key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningKey {
    /// ES384, as in a default tenant.
    #[default]
    Ec,
    /// RS256; its published key names no `alg`.
    Rsa,
}

/// The key that signs and the one that signed before.
#[derive(Debug)]
pub(crate) struct Keys {
    current: Key,
    previous: Option<Key>,
    /// For so many fetches of the published keys the current one is missing.
    hidden_for: u32,
}

#[derive(Debug)]
struct Key {
    pair: Pair,
    kid: String,
}

#[derive(Debug)]
enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Keys {
    pub(crate) fn generate(kind: SigningKey) -> io::Result<Self> {
        Ok(Self { current: Key::generate(kind)?, previous: None, hidden_for: 0 })
    }

    pub(crate) fn rotate(&mut self, kind: SigningKey) -> io::Result<()> {
        self.previous = Some(std::mem::replace(&mut self.current, Key::generate(kind)?));
        Ok(())
    }

    pub(crate) fn kind(&self) -> SigningKey {
        self.current.kind()
    }

    pub(crate) fn delete_previous(&mut self) {
        self.previous = None;
    }

    pub(crate) fn hide_current(&mut self, fetches: u32) {
        self.hidden_for = fetches;
    }

    /// The public keys, current first, to somebody who fetches them.
    pub(crate) fn fetch(&mut self) -> Value {
        let hidden = self.hidden_for > 0;
        self.hidden_for = self.hidden_for.saturating_sub(1);
        let keys = std::iter::once(&self.current).chain(&self.previous).skip(usize::from(hidden));
        json!({ "keys": keys.map(Key::jwk).collect::<Vec<_>>() })
    }

    /// The algorithms by which ID tokens may be signed, as discovery lists them.
    pub(crate) fn algorithms(&self) -> Vec<&'static str> {
        let kinds: Vec<_> = std::iter::once(&self.current).chain(&self.previous).map(Key::kind).collect();
        let rsa = ["PS256", "RS256"].into_iter().filter(|_| kinds.contains(&SigningKey::Rsa));
        rsa.chain(kinds.contains(&SigningKey::Ec).then_some("ES384")).collect()
    }

    /// A token: without `typ` for an ID token, as the real server signs it. Where `spoiled` says so its header
    /// or its claims are wrong.
    pub(crate) fn sign(&self, typ: Option<&str>, mut claims: Value, spoiled: Option<Failure>) -> String {
        let mut header = json!({"alg": self.current.algorithm()});
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        header["kid"] = self.current.kid.clone().into();
        spoil(&mut header, &mut claims, spoiled);
        let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        match self.current.sign(message.as_bytes()) {
            Some(signature) => format!("{message}.{}", base64url(signature)),
            // Signing fails only without random numbers; such a token is refused by everybody.
            None => format!("{message}."),
        }
    }
}

fn spoil(header: &mut Value, claims: &mut Value, spoiled: Option<Failure>) {
    let (claim, missing) = match spoiled {
        Some(Failure::WrongClaim(claim)) => (claim, false),
        Some(Failure::MissingClaim(claim)) => (claim, true),
        _ => return,
    };
    let part = if claim.is_in_header() { header } else { claims };
    let Some(members) = part.as_object_mut() else { return };
    // What a token does not have by itself is not made up: an access token has no nonce.
    if missing || claim == Claim::Nonce && !members.contains_key("nonce") {
        members.remove(claim.name());
    } else {
        members.insert(claim.name().to_owned(), claim.wrong());
    }
}

impl Key {
    fn generate(kind: SigningKey) -> io::Result<Self> {
        let pair = match kind {
            SigningKey::Ec => {
                Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(io::Error::other)?)
            }
            SigningKey::Rsa => {
                Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?))
            }
        };
        let public = match &pair {
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Rsa(pair) => pair.public_key().as_ref(),
        };
        let kid = base64url(digest::digest(&digest::SHA256, public));
        Ok(Self { pair, kid })
    }

    fn kind(&self) -> SigningKey {
        match self.pair {
            Pair::Ec(_) => SigningKey::Ec,
            Pair::Rsa(_) => SigningKey::Rsa,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES384",
            Pair::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Ec(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
                json!({
                    "kty": "EC", "use": "sig", "kid": self.kid, "alg": "ES384", "crv": "P-384",
                    "x": base64url(x), "y": base64url(y),
                })
            }
            // Without `alg`: RS256 and PS256 are both good.
            Pair::Rsa(pair) => {
                // RFC 8017, A.1.1: 9 bytes, the modulus, 2 bytes, the exponent 65537.
                let der = pair.public_key().as_ref();
                let modulus = der.get(9..9 + pair.public_modulus_len()).unwrap_or_default();
                json!({
                    "kty": "RSA", "use": "sig", "kid": self.kid, "n": base64url(modulus), "e": "AQAB",
                })
            }
        }
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in base64url: PKCE challenges among others.
pub(crate) fn hash(text: &str) -> String {
    base64url(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// HMAC-SHA256 in lower-case hexadecimal: the signature of webhooks.
pub(crate) fn hmac_hex(key: &str, message: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), message);
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 43 random characters: codes, opaque tokens, cookies.
pub(crate) fn random() -> String {
    base64url(random_bytes::<32>())
}

/// So many random characters of this alphabet: ids of the server's database.
pub(crate) fn random_of(alphabet: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let bytes = random_bytes::<32>();
        let letters = bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]));
        text.extend(letters.take(length - text.len()));
    }
    text
}

pub(crate) const LOWER_CASE: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without random numbers names repeat, and requests that need fresh ones fail.
    let _ = rand::fill(&mut bytes);
    bytes
}
