//! APIs: the access tokens of requests, checked against what each request needs.

mod access;
mod config;
mod error;
mod flights;
mod introspection;
mod organization;
mod remembered;
mod requires;
mod scopes;
#[cfg(test)]
mod tests;

pub use access::Access;
pub use config::{ApiConfig, Introspection};
pub use error::{AccessError, AccessErrorKind};
pub use organization::{ApiRequest, Organization};
pub use requires::{ByRoute, Requires};
pub use scopes::Scopes;

use crate::{
    LogtoError,
    connection::Connection,
    provider::Provider,
    verify::{AccessTokenRules, AuthInfo, JwkSet, VerifyError, VerifyErrorKind},
    web::{self, Challenge},
};
use introspection::Introspector;
use remembered::Remembered;
use serde_json::json;
use std::{fmt, sync::Arc, time::Duration};
use url::Url;

/// Checks the access tokens of requests to an API. Cheap to clone; all clones share their caches.
///
/// It needs no application of Logto's, and starts without the provider: nothing is fetched before it is
/// needed.
///
/// ```
/// use logto_client::{Access, AccessError, AccessTokenVerifier, ApiConfig};
///
/// async fn orders(verifier: &AccessTokenVerifier, header: &[u8]) -> Result<String, AccessError> {
///     let token = verifier.bearer([header], None, None)?;
///     let auth = verifier.verify(token, &Access::api().scopes(["read:orders"])).await?;
///     Ok(format!("the orders of {}", auth.sub()))
/// }
///
/// # fn main() -> Result<(), logto_client::LogtoError> {
/// let verifier =
///     AccessTokenVerifier::new(ApiConfig::new("https://tenant.logto.app").audience("https://api.example.com"))?;
/// # Ok(())
/// # }
/// ```
///
/// Source: RFC 9068 §4, RFC 6750.
#[derive(Clone)]
pub struct AccessTokenVerifier(Arc<Inner>);

struct Inner {
    connection: Arc<Connection>,
    provider: Provider,
    rules: AccessTokenRules,
    audiences: Vec<String>,
    challenge: Arc<Challenge>,
    resource_metadata: Option<Url>,
    remembered: Option<Remembered>,
    introspector: Option<Introspector>,
}

impl AccessTokenVerifier {
    /// Checks the configuration and makes the verifier. Asks the provider for nothing yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` names the field that is wrong.
    pub fn new(config: ApiConfig) -> Result<Self, LogtoError> {
        config.check()?;
        let connection = Arc::new(Connection::new(config.connection)?);
        let realm = config.realm.as_ref().or(config.audiences.first()).unwrap_or(&connection.issuer);
        let mut challenge = Challenge::default().realm(realm);
        let resource_metadata = config.resource_metadata.as_deref().and_then(|url| Url::parse(url).ok());
        if let Some(url) = &resource_metadata {
            challenge = challenge.resource_metadata(url.as_str());
        }
        Ok(Self(Arc::new(Inner {
            provider: Provider::new(Arc::clone(&connection)),
            rules: AccessTokenRules::for_any_audience(&connection.issuer)
                .clock_tolerance(connection.clock_tolerance),
            connection,
            audiences: config.audiences,
            challenge: Arc::new(challenge),
            resource_metadata,
            remembered: (config.remembered_tokens > 0).then(|| Remembered::new(config.remembered_tokens)),
            introspector: config.introspection.map(Introspector::new),
        })))
    }

    /// The access token of a request; see [`web::bearer`].
    ///
    /// # Errors
    ///
    /// Those of [`web::bearer`], told as this API tells them.
    pub fn bearer<'a>(
        &self,
        authorization: impl IntoIterator<Item = &'a [u8]>,
        query: Option<&str>,
        form: Option<&[u8]>,
    ) -> Result<&'a str, AccessError> {
        web::bearer(authorization, query, form).map_err(|error| self.told(error))
    }

    /// Who bears this token, where it is good, and good enough for this.
    ///
    /// The signature of a token is checked once and remembered; all the rest is checked at every call.
    ///
    /// # Errors
    ///
    /// `InvalidToken` where the token is refused; `InsufficientScope` where it lacks a scope or is within
    /// another organization; `InvalidRequest` where the request names no organization and must;
    /// `Unavailable` where the provider's keys cannot be had; `Misconfigured`.
    ///
    /// Source: RFC 9068 §4.
    pub async fn verify(&self, token: &str, access: &Access) -> Result<AuthInfo, AccessError> {
        let admitted = async {
            let auth = self.authenticated(token).await?;
            access.check(&auth, &self.0.audiences)?;
            Ok(auth)
        };
        admitted.await.map_err(|error| self.told(error))
    }

    /// Who bears the access token of this request; for bindings. One that stands in the query too is refused;
    /// a form is looked at by [`bearer`](Self::bearer) alone, where it has been read.
    ///
    /// # Errors
    ///
    /// Those of [`bearer`](Self::bearer) and [`verify`](Self::verify).
    pub async fn verify_request<R: ApiRequest>(
        &self,
        request: &R,
        access: &Access,
    ) -> Result<AuthInfo, AccessError> {
        let token = self.bearer(request.header("authorization"), request.query(), None)?;
        let admitted = async {
            let organization = access.organization_of(request)?;
            let auth = self.authenticated(token).await?;
            access.check_within(organization.as_deref(), &auth, &self.0.audiences)?;
            Ok(auth)
        };
        admitted.await.map_err(|error| self.told(error))
    }

    /// The issuer: the endpoint followed by `/oidc`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.connection.issuer
    }

    /// An error as this API tells it: with its realm, and the address of its metadata.
    #[must_use]
    pub fn told(&self, error: AccessError) -> AccessError {
        error.with_challenge(&self.0.challenge)
    }

    /// Where the metadata of the API are to be served, and the document, JSON; `None` where no address is
    /// configured. Anybody may read it, and any site's scripts.
    ///
    /// ```
    /// use logto_client::{AccessTokenVerifier, ApiConfig};
    ///
    /// let config = ApiConfig::new("https://tenant.logto.app")
    ///     .audience("https://api.example.com")
    ///     .resource_metadata("https://api.example.com/.well-known/oauth-protected-resource");
    /// let verifier = AccessTokenVerifier::new(config)?;
    /// let (address, document) = verifier.resource_metadata().ok_or("no address")?;
    /// assert_eq!(address.path(), "/.well-known/oauth-protected-resource");
    /// assert!(document.contains("https://tenant.logto.app/oidc"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: RFC 9728 §2, §3.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<(&Url, String)> {
        let document = json!({
            "resource": self.0.audiences.first()?,
            "authorization_servers": [self.issuer()],
            "bearer_methods_supported": ["header"],
        });
        Some((self.0.resource_metadata.as_ref()?, document.to_string()))
    }

    /// Who bears this token, whatever it is good for.
    async fn authenticated(&self, token: &str) -> Result<AuthInfo, AccessError> {
        let now = self.0.connection.now();
        if !token.contains('.') {
            return self.introspected(token, now).await;
        }
        let auth = self.verified(token, now).await?;
        self.0.rules.check_again(&auth, now)?;
        Ok(auth)
    }

    /// What a JWT says that is good for anybody, with newer keys where no known one fits.
    async fn verified(&self, token: &str, now: Duration) -> Result<AuthInfo, AccessError> {
        let keys = self.0.provider.keys_at(now).await?;
        let outcome = self.remembered_or_checked(token, &keys, now).await;
        match outcome {
            Err(error) if error.kind() == VerifyErrorKind::UnknownKey => {
                match self.0.provider.newer_keys(&keys).await? {
                    Some(newer) => Ok(self.remembered_or_checked(token, &newer, now).await?),
                    None => Err(error.into()),
                }
            }
            outcome => Ok(outcome?),
        }
    }

    async fn remembered_or_checked(
        &self,
        token: &str,
        keys: &Arc<JwkSet>,
        now: Duration,
    ) -> Result<AuthInfo, VerifyError> {
        let check = || self.0.rules.verify(token, keys, now);
        match &self.0.remembered {
            Some(remembered) => remembered.get_or_check(token, keys, now.as_secs(), check).await,
            None => check(),
        }
    }

    async fn introspected(&self, token: &str, now: Duration) -> Result<AuthInfo, AccessError> {
        match &self.0.introspector {
            Some(introspector) => introspector.ask(token, &self.0.provider, &self.0.rules, now).await,
            None => Err(AccessError::invalid_token(
                "the access token is opaque: ask for one with the `resource` of this API, which is a JWT",
            )),
        }
    }
}

impl fmt::Debug for AccessTokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenVerifier")
            .field("issuer", &self.issuer())
            .field("audiences", &self.0.audiences)
            .finish_non_exhaustive()
    }
}
