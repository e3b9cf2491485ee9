//! Compact JWS (RFC 7515), read strictly.

use super::{Algorithm, JwkSet, VerifyError, VerifyErrorKind, keys::KeyId, parse_strict_object};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// A token whose signature is right. Its claims are not looked at yet.
#[derive(Debug)]
pub struct VerifiedJws {
    algorithm: Algorithm,
    key: KeyId,
    typ: Option<String>,
    payload: Vec<u8>,
}

impl VerifiedJws {
    /// The algorithm of the signature.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that made the signature.
    pub(super) fn key(&self) -> KeyId {
        self.key
    }

    /// The header's `typ`.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// Checks form, header and signature of a compact JWS. Keys in the header are never used.
///
/// # Errors
///
/// `Malformed`, `Algorithm`, `UnknownKey` where no key of the set fits, `Signature`.
///
/// Source: RFC 7515 §5.2, RFC 8725.
pub fn verify_jws(token: &str, keys: &JwkSet, allowed: &[Algorithm]) -> Result<VerifiedJws, VerifyError> {
    let parts = Parts::of(token)?;
    let header = parse_strict_object(&decode(parts.header)?)?;
    for extension in ["crit", "b64", "zip"] {
        if header.contains_key(extension) {
            return Err(VerifyError::malformed("has a header that asks for an extension"));
        }
    }
    let algorithm = header
        .get("alg")
        .and_then(Value::as_str)
        .and_then(Algorithm::from_name)
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or_else(|| {
            VerifyError::new(VerifyErrorKind::Algorithm, "has an algorithm that is not allowed")
        })?;
    let kid = text(&header, "kid")?;
    let typ = text(&header, "typ")?.map(str::to_owned);
    let signature = decode(parts.signature)?;
    let key = keys.verify(kid, algorithm, parts.signed.as_bytes(), &signature)?;
    Ok(VerifiedJws { algorithm, key, typ, payload: decode(parts.payload)? })
}

/// The claims of a token, with **no** check of its signature: for tokens that were verified before, such
/// as the ID token in the session.
///
/// # Errors
///
/// `Malformed`.
pub fn decode_claims(token: &str) -> Result<Map<String, Value>, VerifyError> {
    parse_strict_object(&decode(Parts::of(token)?.payload)?)
}

struct Parts<'a> {
    /// Header and payload with the dot between them.
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, VerifyError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(VerifyError::malformed("is longer than 64 KiB"));
        }
        let three = || {
            let (signed, signature) = token.rsplit_once('.')?;
            let (header, payload) = signed.split_once('.')?;
            (!payload.contains('.')).then_some(Self { signed, header, payload, signature })
        };
        three().ok_or_else(|| VerifyError::malformed("has not three parts"))
    }
}

/// Canonical base64url without padding; anything else is refused.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| VerifyError::malformed("is not in canonical base64url"))
}

fn text<'a>(header: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, VerifyError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(VerifyError::malformed("has a header member of a wrong type")),
    }
}
