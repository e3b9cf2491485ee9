//! What a good access token says.

use super::{claims::Times, keys::KeyId};
use serde_json::{Map, Value};
use std::{fmt, sync::Arc};

/// The bearer of an access token that passed verification. Cheap to clone; `Debug` shows names of claims only.
///
/// ```
/// use logto_client::verify::AuthInfo;
///
/// fn may_refund(auth: &AuthInfo) -> bool {
///     auth.has_scope("refund:orders") && !auth.is_machine() && auth.act().is_none()
/// }
/// ```
///
/// Source: RFC 9068 §2.2.
#[derive(Clone)]
pub struct AuthInfo(Arc<Inner>);

struct Inner {
    claims: Map<String, Value>,
    times: Times,
    /// `None` where the provider itself was asked.
    key: Option<KeyId>,
}

impl AuthInfo {
    pub(super) fn new(claims: Map<String, Value>, times: Times, key: Option<KeyId>) -> Self {
        Self(Arc::new(Inner { claims, times, key }))
    }

    /// Whom the token speaks of: a person, or with [`is_machine`](Self::is_machine) an application. Never empty.
    #[must_use]
    pub fn sub(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// The application that the token was issued to, never empty.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.text("client_id").unwrap_or_default()
    }

    /// The organization that the token is within: the claim of a token for an API, or the audience of a
    /// token for the organization itself.
    #[must_use]
    pub fn organization_id(&self) -> Option<&str> {
        self.organization_claim().or_else(|| self.organizations().next())
    }

    /// The scopes, in the order of the token.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.text("scope").unwrap_or_default().split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether it has this scope, compared to the letter.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|known| known == scope)
    }

    /// Whom the token is for. Empty where the provider was asked about an opaque token.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let (one, list) = match self.0.claims.get("aud") {
            Some(Value::String(one)) => (Some(one.as_str()), None),
            Some(Value::Array(list)) => (None, Some(list)),
            _ => (None, None),
        };
        one.into_iter().chain(list.into_iter().flatten().filter_map(Value::as_str))
    }

    /// When it expires, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        // A time is at most 1e11, and the part of a second is cut off.
        self.0.times.exp as u64
    }

    /// When it was issued, in seconds since 1970.
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        self.0.times.iat as u64
    }

    /// The token's own id; absent where the provider was asked about an opaque token.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.text("jti")
    }

    /// Who acts in the name of [`sub`](Self::sub), where somebody does: the `sub` of the claim `act`.
    ///
    /// Source: RFC 8693 §4.1.
    #[must_use]
    pub fn act(&self) -> Option<&str> {
        self.0.claims.get("act")?.get("sub")?.as_str()
    }

    /// Whether an application speaks for itself, and no person: it was issued to its own subject.
    ///
    /// Source: RFC 9068 §2.2.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.sub() == self.client_id()
    }

    /// All claims, as Logto sent them, custom ones included.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.0.claims
    }

    /// The claim of a token for an API.
    pub(crate) fn organization_claim(&self) -> Option<&str> {
        self.text("organization_id")
    }

    /// The organizations that it is for by its audience.
    pub(crate) fn organizations(&self) -> impl Iterator<Item = &str> {
        self.audience().filter_map(|audience| audience.strip_prefix(ORGANIZATION)).filter(|id| !id.is_empty())
    }

    /// Whether the provider itself was asked about the token.
    pub(crate) fn is_introspected(&self) -> bool {
        self.0.key.is_none()
    }

    pub(crate) fn key(&self) -> Option<KeyId> {
        self.0.key
    }

    pub(super) fn times(&self) -> &Times {
        &self.0.times
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.0.claims.get(claim)?.as_str()
    }
}

/// How the audience of a token for an organization begins; its id follows.
const ORGANIZATION: &str = "urn:logto:organization:";

impl fmt::Debug for AuthInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.claims.keys()).finish()
    }
}
