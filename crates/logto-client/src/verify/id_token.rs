//! ID tokens (OpenID Connect Core §2, §3.1.3.7).

use super::{
    Algorithm, JwkSet, VerifyError,
    claims::{Times, check_issuer, check_type, client_audiences, required_identifier, required_time, text},
    jws::decode,
    parse_strict_object, verify_jws,
};
use crate::Secret;
use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use serde_json::{Map, Value};
use std::{fmt, time::Duration};

/// What an ID token is checked by.
///
/// ```
/// use logto_client::verify::IdTokenRules;
/// use std::{fmt, time::Duration};
///
/// let rules = IdTokenRules::new("https://tenant.logto.app/oidc", "app-id")
///     .clock_tolerance(Duration::from_secs(60))
///     .nonce("the nonce of the request");
/// ```
#[derive(Clone, Debug)]
#[must_use = "rules do nothing before a token is verified by them"]
pub struct IdTokenRules {
    issuer: String,
    client_id: String,
    algorithms: Vec<Algorithm>,
    clock_tolerance: Duration,
    nonce: Option<String>,
    max_age: Option<Duration>,
    access_token: Option<Secret>,
}

/// An ID token that passed verification.
#[derive(Clone)]
pub struct VerifiedIdToken {
    claims: Map<String, Value>,
}

impl IdTokenRules {
    /// For tokens of this issuer for this client: all [`Algorithm`]s, a clock tolerance of 300 s.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            algorithms: Algorithm::ALL.to_vec(),
            clock_tolerance: Duration::from_secs(300),
            nonce: None,
            max_age: None,
            access_token: None,
        }
    }

    /// Only these algorithms.
    pub fn algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// How far the clocks may differ.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.clock_tolerance = tolerance;
        self
    }

    /// The nonce of the request: required then, compared in constant time.
    pub fn nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    /// The `max_age` of the request: `auth_time` is required then.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// The access token that came along: `at_hash`, where it is there, must be of it.
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.access_token = Some(Secret::new(token));
        self
    }

    /// Verifies a token at this time since 1970.
    ///
    /// # Errors
    ///
    /// A [`VerifyError`] whose kind says at which step; the claim is named.
    pub fn verify(&self, token: &str, keys: &JwkSet, now: Duration) -> Result<VerifiedIdToken, VerifyError> {
        let jws = verify_jws(token, keys, &self.algorithms)?;
        check_type(&jws, "JWT")?;
        let claims = parse_strict_object(jws.payload())?;
        self.check_parties(&claims)?;
        self.check_times(&claims, now)?;
        if let Some(nonce) = &self.nonce {
            let sent = text(&claims, "nonce")?.unwrap_or_default();
            verify_slices_are_equal(sent.as_bytes(), nonce.as_bytes())
                .map_err(|_| VerifyError::claim_of("nonce", "is not that of the request"))?;
        }
        self.check_at_hash(&claims, jws.algorithm())?;
        Ok(VerifiedIdToken { claims })
    }

    fn check_parties(&self, claims: &Map<String, Value>) -> Result<(), VerifyError> {
        check_issuer(claims, &self.issuer)?;
        let audiences = client_audiences(claims, &self.client_id)?;
        match text(claims, "azp")? {
            Some(azp) if azp != self.client_id => {
                return Err(VerifyError::claim_of("azp", "is not this client"));
            }
            None if audiences.len() > 1 => {
                return Err(VerifyError::claim_of("azp", "is missing beside several audiences"));
            }
            _ => {}
        }
        required_identifier(claims, "sub")?;
        Ok(())
    }

    fn check_times(&self, claims: &Map<String, Value>, now: Duration) -> Result<(), VerifyError> {
        Times::of(claims)?.check(now, self.clock_tolerance)?;
        if let Some(max_age) = self.max_age
            && now.as_secs_f64() - required_time(claims, "auth_time")?
                > max_age.as_secs_f64() + self.clock_tolerance.as_secs_f64()
        {
            return Err(VerifyError::claim_of("auth_time", "is longer ago than was asked for"));
        }
        Ok(())
    }

    fn check_at_hash(&self, claims: &Map<String, Value>, algorithm: Algorithm) -> Result<(), VerifyError> {
        let (Some(hash), Some(token)) = (text(claims, "at_hash")?, &self.access_token) else { return Ok(()) };
        let digest = digest::digest(algorithm.hash(), token.expose().as_bytes());
        let left_half = &digest.as_ref()[..digest.as_ref().len() / 2];
        match decode(hash) {
            Ok(hash) if hash == left_half => Ok(()),
            _ => Err(VerifyError::claim_of("at_hash", "is not of the access token")),
        }
    }
}

impl VerifiedIdToken {
    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claims, owned.
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }

    /// The person's id, never empty.
    #[must_use]
    pub fn sub(&self) -> &str {
        self.claims.get("sub").and_then(Value::as_str).unwrap_or_default()
    }
}

impl fmt::Debug for VerifiedIdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.claims.keys()).finish()
    }
}
