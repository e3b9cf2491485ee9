//! Access tokens that are JWTs (RFC 9068).

use super::{
    Algorithm, AuthInfo, JwkSet, VerifyError,
    claims::{Times, audiences, check_issuer, identifier, require_type, required_identifier, text},
    parse_strict_object, verify_jws,
};
use serde_json::{Map, Value};
use std::time::Duration;

/// What the access tokens of an API are checked by.
///
/// What [`AuthInfo`] says is for the caller to judge: scopes, the organization, the application.
///
/// ```
/// use logto_client::verify::{AccessTokenRules, JwkSet};
/// use std::time::Duration;
///
/// let rules = AccessTokenRules::new("https://tenant.logto.app/oidc", "https://api.example.com")
///     .clock_tolerance(Duration::from_secs(10));
/// let now = Duration::from_secs(1_800_000_000);
/// assert!(rules.verify("not.a.token", &JwkSet::default(), now).is_err());
/// ```
///
/// Source: RFC 9068 §2, §4.
#[derive(Clone, Debug)]
#[must_use = "rules do nothing before a token is verified by them"]
pub struct AccessTokenRules {
    issuer: String,
    /// `None` where the caller compares.
    audience: Option<String>,
    algorithms: Vec<Algorithm>,
    clock_tolerance: Duration,
}

impl AccessTokenRules {
    /// For tokens of this issuer for this audience, compared to the letter: all [`Algorithm`]s, a clock
    /// tolerance of 60 s.
    ///
    /// The audience is the indicator of an API resource, or `urn:logto:organization:<id>` for an
    /// organization.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { audience: Some(audience.into()), ..Self::for_any_audience(issuer) }
    }

    /// Every token of this issuer passes, whoever it is for: the caller compares the audience.
    pub(crate) fn for_any_audience(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: None,
            algorithms: Algorithm::ALL.to_vec(),
            clock_tolerance: Duration::from_secs(60),
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

    /// Verifies a token at this time since 1970.
    ///
    /// # Errors
    ///
    /// A [`VerifyError`] whose kind says at which step; the claim is named.
    pub fn verify(&self, token: &str, keys: &JwkSet, now: Duration) -> Result<AuthInfo, VerifyError> {
        let jws = verify_jws(token, keys, &self.algorithms)?;
        require_type(&jws, "at+jwt")?;
        let claims = parse_strict_object(jws.payload())?;
        check_issuer(&claims, &self.issuer)?;
        let audiences = audiences(&claims)?;
        if self.audience.as_deref().is_some_and(|ours| !audiences.contains(&ours)) {
            return Err(VerifyError::claim_of("aud", "does not hold this API"));
        }
        let times = Times::of(&claims)?;
        times.check(now, self.clock_tolerance)?;
        required_identifier(&claims, "jti")?;
        check_bearer(&claims)?;
        Ok(AuthInfo::new(claims, times, Some(jws.key())))
    }

    /// Verifies an introspection answer that says `active`, as far as it can be: it names no audience.
    ///
    /// Source: RFC 7662 §2.2.
    pub(crate) fn verify_introspected(
        &self,
        claims: Map<String, Value>,
        now: Duration,
    ) -> Result<AuthInfo, VerifyError> {
        check_issuer(&claims, &self.issuer)?;
        // Logto says that a refresh token is active too, and gives it no type.
        if !text(&claims, "token_type")?.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
            return Err(VerifyError::claim_of("token_type", "is not that of an access token"));
        }
        let times = Times::of(&claims)?;
        times.check(now, self.clock_tolerance)?;
        check_bearer(&claims)?;
        Ok(AuthInfo::new(claims, times, None))
    }

    /// Checks a token that was verified before once more by the clock.
    pub(crate) fn check_again(&self, verified: &AuthInfo, now: Duration) -> Result<(), VerifyError> {
        verified.times().check(now, self.clock_tolerance)
    }
}

/// Who bears the token, and what for: each claim is of the form that is relied on.
fn check_bearer(claims: &Map<String, Value>) -> Result<(), VerifyError> {
    required_identifier(claims, "sub")?;
    required_identifier(claims, "client_id")?;
    text(claims, "scope")?;
    identifier(claims, "organization_id")?;
    match claims.get("act") {
        None => Ok(()),
        // RFC 8693 §4.1
        Some(Value::Object(actor)) => required_identifier(actor, "sub").map(drop),
        Some(_) => Err(VerifyError::claim_of("act", "is no object")),
    }
}
