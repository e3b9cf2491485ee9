//! What an access token is for.

use std::fmt;

/// What an access token is asked for: a resource, an organization, both, or neither (user info).
///
/// ```
/// use logto_client::TokenTarget;
///
/// let orders = TokenTarget::resource("https://api.example.com");
/// let read_only = orders.clone().scopes(["read:orders"]);
/// let in_acme = orders.in_organization("acme");
/// let acme = TokenTarget::organization("acme");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[must_use = "a target does nothing before a token is asked for it"]
pub struct TokenTarget {
    resource: Option<String>,
    organization: Option<String>,
    scopes: Vec<String>,
    forced: bool,
}

impl TokenTarget {
    /// The user info endpoint: an opaque token.
    pub fn user_info() -> Self {
        Self::default()
    }

    /// An API resource, by its indicator (RFC 8707). For a person's token it must be configured, so that it
    /// is asked for at sign-in.
    pub fn resource(indicator: impl Into<String>) -> Self {
        Self { resource: Some(indicator.into()), ..Self::default() }
    }

    /// An organization, by its id. For a person's token the scope
    /// [`ORGANIZATIONS`](crate::scope::ORGANIZATIONS) must be configured.
    pub fn organization(id: impl Into<String>) -> Self {
        Self::default().in_organization(id)
    }

    /// The same within an organization.
    pub fn in_organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// With these scopes alone: fewer than the sign-in has. A machine and a token exchange have none but
    /// those that are named here.
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self.scopes.sort();
        self.scopes.dedup();
        self
    }

    /// A token that is issued from now on, even where a good one is held: after a role has changed.
    pub fn forced(mut self) -> Self {
        self.forced = true;
        self
    }

    /// The same for a cache, where it does not matter that somebody wants a new one.
    pub(crate) fn unforced(mut self) -> Self {
        self.forced = false;
        self
    }

    pub(crate) fn resource_indicator(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    pub(crate) fn organization_id(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    pub(crate) fn is_forced(&self) -> bool {
        self.forced
    }

    /// The narrower scopes as they are sent.
    pub(crate) fn scope(&self) -> Option<String> {
        (!self.scopes.is_empty()).then(|| self.scopes.join(" "))
    }

    /// The key in the stored map, as in Logto's SDKs: `<scopes>@<resource>#<organization>`.
    pub(crate) fn key(&self) -> String {
        let scopes = self.scopes.join(" ");
        let resource = self.resource.as_deref().unwrap_or_default();
        match &self.organization {
            Some(organization) => format!("{scopes}@{resource}#{organization}"),
            None => format!("{scopes}@{resource}"),
        }
    }
}

impl<T: Into<String>> From<T> for TokenTarget {
    fn from(resource: T) -> Self {
        Self::resource(resource)
    }
}

impl fmt::Debug for TokenTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenTarget({})", self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_that_of_logtos_sdks() {
        for (target, key) in [
            (TokenTarget::user_info(), "@"),
            ("https://api".into(), "@https://api"),
            (TokenTarget::organization("org"), "@#org"),
            (TokenTarget::resource("https://api").in_organization("org").forced(), "@https://api#org"),
            (TokenTarget::resource("resource").scopes(["scope2", "scope1"]), "scope1 scope2@resource"),
            (
                TokenTarget::resource("resource")
                    .scopes(["scope1", "scope2"])
                    .in_organization("organization"),
                "scope1 scope2@resource#organization",
            ),
        ] {
            assert_eq!(target.key(), key);
        }
    }
}
