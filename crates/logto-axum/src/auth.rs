//! The extractor of APIs: whose access token the request brings.

use crate::{AccessError, api::Asked};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use logto_client::{AccessTokenVerifier, AuthInfo, ByRoute, Requires};
use std::{fmt, marker::PhantomData, ops::Deref};

/// Who has asked, by a good access token: dereferences to [`AuthInfo`].
///
/// What the token must be for stands at the route, in a [`LogtoApi`](crate::LogtoApi), or here in the
/// handler's signature. Without either it is a token for the API, whatever its scopes. A request without a good
/// token is answered by RFC 6750.
///
/// The application's state is the [`AccessTokenVerifier`], or gives it by [`FromRef`].
///
/// ```
/// use logto_axum::{Access, LogtoAuth, Organization, Requires};
///
/// struct ReadInvoices;
///
/// impl Requires for ReadInvoices {
///     fn access() -> Access {
///         Access::organization_api(Organization::path("organization_id")).scopes(["read:invoices"])
///     }
/// }
///
/// async fn invoices(auth: LogtoAuth<ReadInvoices>) -> String {
///     format!("the invoices of {}", auth.organization_id().unwrap_or_default())
/// }
/// ```
///
/// A form in the body is not read here: only a [`LogtoApi`](crate::LogtoApi) refuses an access token in it.
pub struct LogtoAuth<R = ByRoute> {
    auth: AuthInfo,
    requires: PhantomData<fn() -> R>,
}

impl<S, R> FromRequestParts<S> for LogtoAuth<R>
where
    S: Send + Sync,
    R: Requires,
    AccessTokenVerifier: FromRef<S>,
{
    type Rejection = AccessError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AccessError> {
        let admitted = parts.extensions.get::<AuthInfo>().filter(|_| ByRoute::is::<R>()).cloned();
        let auth = match admitted {
            Some(auth) => auth,
            None => {
                let verifier = AccessTokenVerifier::from_ref(state);
                verifier.verify_request(&Asked::new(parts).await, &R::access()).await?
            }
        };
        Ok(Self { auth, requires: PhantomData })
    }
}

impl<R> Deref for LogtoAuth<R> {
    type Target = AuthInfo;

    fn deref(&self) -> &AuthInfo {
        &self.auth
    }
}

impl<R> LogtoAuth<R> {
    /// Who has asked, owned.
    #[must_use]
    pub fn into_inner(self) -> AuthInfo {
        self.auth
    }
}

impl<R> Clone for LogtoAuth<R> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), requires: PhantomData }
    }
}

impl<R> fmt::Debug for LogtoAuth<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogtoAuth").field(&self.auth).finish()
    }
}
