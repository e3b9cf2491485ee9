//! What the claims of all kinds of tokens have in common.

use super::{VerifiedJws, VerifyError};
use serde_json::{Map, Value};
use std::time::Duration;

/// A time beyond the year 5138 is no time, in seconds since 1970.
const LATEST: f64 = 1e11;
/// OpenID Connect Core §2 allows a `sub` 255 ASCII characters; no other identifier gets more.
const LONGEST_IDENTIFIER: usize = 255;

/// The header's `typ` is there and is this media type, with or without `application/`.
pub(super) fn require_type(jws: &VerifiedJws, wanted: &str) -> Result<(), VerifyError> {
    if jws.typ().is_none() {
        return Err(VerifyError::malformed("does not say its type"));
    }
    check_type(jws, wanted)
}

/// The header's `typ`, where there is one, is this media type, with or without `application/`.
pub(super) fn check_type(jws: &VerifiedJws, wanted: &str) -> Result<(), VerifyError> {
    let Some(typ) = jws.typ() else { return Ok(()) };
    let short = match typ.split_once('/') {
        Some((kind, short)) if kind.eq_ignore_ascii_case("application") => short,
        _ => typ,
    };
    if short.eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        Err(VerifyError::malformed("is a token of another type"))
    }
}

pub(super) fn check_issuer(claims: &Map<String, Value>, issuer: &str) -> Result<(), VerifyError> {
    match text(claims, "iss")? {
        Some(iss) if iss == issuer => Ok(()),
        _ => Err(VerifyError::claim_of("iss", "is not the configured issuer")),
    }
}

/// All audiences.
pub(super) fn audiences(claims: &Map<String, Value>) -> Result<Vec<&str>, VerifyError> {
    match claims.get("aud") {
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(list)) => list
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or_else(|| VerifyError::claim_of("aud", "holds something that is no string")),
        _ => Err(VerifyError::claim_of("aud", "is missing or of a wrong type")),
    }
}

/// All audiences; this client is one of them.
pub(super) fn client_audiences<'a>(
    claims: &'a Map<String, Value>,
    client_id: &str,
) -> Result<Vec<&'a str>, VerifyError> {
    let audiences = audiences(claims)?;
    if !audiences.contains(&client_id) {
        return Err(VerifyError::claim_of("aud", "does not hold this client"));
    }
    Ok(audiences)
}

/// When a token is good: `exp` and `iat`, both required, and `nbf`, in seconds since 1970.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) exp: f64,
    pub(super) iat: f64,
    nbf: Option<f64>,
}

impl Times {
    pub(super) fn of(claims: &Map<String, Value>) -> Result<Self, VerifyError> {
        Ok(Self {
            exp: required_time(claims, "exp")?,
            iat: required_time(claims, "iat")?,
            nbf: time(claims, "nbf")?,
        })
    }

    /// Whether the token is good now, where the clocks may differ by the tolerance.
    pub(super) fn check(&self, now: Duration, tolerance: Duration) -> Result<(), VerifyError> {
        let (now, tolerance) = (now.as_secs_f64(), tolerance.as_secs_f64());
        if now >= self.exp + tolerance {
            return Err(VerifyError::claim_of("exp", "is over"));
        }
        if self.iat > now + tolerance {
            return Err(VerifyError::claim_of("iat", "lies in the future"));
        }
        if self.nbf.is_some_and(|nbf| nbf > now + tolerance) {
            return Err(VerifyError::claim_of("nbf", "lies in the future"));
        }
        Ok(())
    }
}

/// A claim that is a string or absent.
pub(super) fn text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, VerifyError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(VerifyError::claim_of(name, "is no string")),
    }
}

/// A claim that is absent or a string of 1 to 255 bytes.
pub(super) fn identifier<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, VerifyError> {
    match text(claims, name)? {
        Some(text) if text.is_empty() || text.len() > LONGEST_IDENTIFIER => {
            Err(VerifyError::claim_of(name, "is empty or longer than 255 bytes"))
        }
        text => Ok(text),
    }
}

/// A claim that is there and is a string of 1 to 255 bytes.
pub(super) fn required_identifier<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, VerifyError> {
    identifier(claims, name)?.ok_or_else(|| VerifyError::claim_of(name, "is missing"))
}

/// A claim that is a time in seconds since 1970.
pub(super) fn required_time(claims: &Map<String, Value>, name: &'static str) -> Result<f64, VerifyError> {
    time(claims, name)?.ok_or_else(|| VerifyError::claim_of(name, "is missing"))
}

/// A claim that is a time in seconds since 1970 or absent.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<f64>, VerifyError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if (0.0..=LATEST).contains(&seconds) => Ok(Some(seconds)),
            _ => Err(VerifyError::claim_of(name, "is no time in seconds")),
        },
    }
}
