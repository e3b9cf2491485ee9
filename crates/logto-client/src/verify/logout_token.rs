//! Logout tokens (OpenID Connect Back-Channel Logout §2.4, §2.6).

use super::{
    Algorithm, JwkSet, VerifyError,
    claims::{
        Times, check_issuer, check_type, client_audiences, identifier, require_type, required_identifier,
    },
    parse_strict_object, verify_jws,
};
use serde_json::{Map, Value};
use std::{fmt, time::Duration};

/// What a logout token says has happened.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// An older token is refused even before it expires, so that who remembers them forgets them in time.
const OLDEST: f64 = 600.0;

/// What a logout token is checked by.
///
/// That a token comes once is for the caller to see to, by [`LogoutToken::jti`].
///
/// ```
/// use logto_client::verify::{JwkSet, LogoutTokenRules};
/// use std::time::Duration;
///
/// let rules = LogoutTokenRules::new("https://tenant.logto.app/oidc", "app-id")
///     .clock_tolerance(Duration::from_secs(60))
///     .require_type();
/// let now = Duration::from_secs(1_800_000_000);
/// assert!(rules.verify("not.a.token", &JwkSet::default(), now).is_err());
/// ```
///
/// Source: OpenID Connect Back-Channel Logout 1.0 §2.6.
#[derive(Clone, Debug)]
#[must_use = "rules do nothing before a token is verified by them"]
pub struct LogoutTokenRules {
    issuer: String,
    client_id: String,
    algorithms: Vec<Algorithm>,
    clock_tolerance: Duration,
    requires_type: bool,
}

/// A logout token that passed verification: whose sessions are over.
#[derive(Clone)]
pub struct LogoutToken {
    sub: Option<String>,
    sid: Option<String>,
    jti: String,
    expires_at: u64,
}

impl LogoutTokenRules {
    /// For tokens of this issuer for this client: all [`Algorithm`]s, a clock tolerance of 300 s, with or
    /// without `typ`.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            algorithms: Algorithm::ALL.to_vec(),
            clock_tolerance: Duration::from_secs(300),
            requires_type: false,
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

    /// The header's `typ` is required too, as OWASP ASVS 5.0 §10.5.5 asks; a wrong one is refused always.
    pub fn require_type(mut self) -> Self {
        self.requires_type = true;
        self
    }

    /// Verifies a token at this time since 1970.
    ///
    /// # Errors
    ///
    /// A [`VerifyError`] whose kind says at which step; the claim is named.
    pub fn verify(&self, token: &str, keys: &JwkSet, now: Duration) -> Result<LogoutToken, VerifyError> {
        let jws = verify_jws(token, keys, &self.algorithms)?;
        if self.requires_type { require_type(&jws, "logout+jwt") } else { check_type(&jws, "logout+jwt") }?;
        let claims = parse_strict_object(jws.payload())?;
        check_issuer(&claims, &self.issuer)?;
        client_audiences(&claims, &self.client_id)?;
        check_event(&claims)?;
        // With a nonce it could be an ID token that is played back.
        if claims.contains_key("nonce") {
            return Err(VerifyError::claim_of("nonce", "is there and must not be"));
        }
        let expires_at = self.check_times(&claims, now)?;
        let jti = required_identifier(&claims, "jti")?;
        let (sub, sid) = (identifier(&claims, "sub")?, identifier(&claims, "sid")?);
        if sub.or(sid).is_none() {
            return Err(VerifyError::claim_of("sub", "is missing, and so is `sid`"));
        }
        Ok(LogoutToken {
            sub: sub.map(str::to_owned),
            sid: sid.map(str::to_owned),
            jti: jti.to_owned(),
            expires_at,
        })
    }

    /// Until when the token is accepted, the tolerance aside.
    fn check_times(&self, claims: &Map<String, Value>, now: Duration) -> Result<u64, VerifyError> {
        let times = Times::of(claims)?;
        times.check(now, self.clock_tolerance)?;
        if now.as_secs_f64() - times.iat > OLDEST + self.clock_tolerance.as_secs_f64() {
            return Err(VerifyError::claim_of("iat", "is more than ten minutes ago"));
        }
        // A time is at most 1e11: nothing is cut off.
        Ok(times.exp.min(times.iat + OLDEST).ceil() as u64)
    }
}

/// `events` holds the event of a logout, and that is an object, if an empty one.
fn check_event(claims: &Map<String, Value>) -> Result<(), VerifyError> {
    let events = claims.get("events").ok_or_else(|| VerifyError::claim_of("events", "is missing"))?;
    match events.get(EVENT) {
        Some(Value::Object(_)) => Ok(()),
        _ => Err(VerifyError::claim_of("events", "does not hold a logout")),
    }
}

impl LogoutToken {
    /// The person whose sessions are over; without [`sid`](Self::sid) all of them.
    #[must_use]
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// The session that is over. One of this and [`sub`](Self::sub) is there always.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The token's own id, never empty: a second token of the same id is a replay.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// From when on the token is refused, in seconds since 1970 and but for the clock tolerance: `exp`, or
    /// ten minutes after `iat` if that is sooner. For so long a replay must be recognized.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }
}

impl fmt::Debug for LogoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutToken").finish_non_exhaustive()
    }
}
