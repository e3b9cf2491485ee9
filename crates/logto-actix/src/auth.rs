//! The extractor of APIs: whose access token the request brings.

use crate::{AccessError, api::Asked, extract::of_application};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use logto_client::{AccessTokenVerifier, AuthInfo, ByRoute, Requires};
use std::{fmt, future::Future, marker::PhantomData, ops::Deref, pin::Pin};

/// Who has asked, by a good access token: dereferences to [`AuthInfo`].
///
/// What the token must be for stands at the route, in a [`LogtoApi`](crate::LogtoApi), or here in the
/// handler's signature. Without either it is a token for the API, whatever its scopes. A request without a good
/// token is answered by RFC 6750.
///
/// The application's data hold the [`AccessTokenVerifier`]:
///
/// ```
/// use actix_web::{App, web};
/// use logto_actix::{Access, AccessTokenVerifier, ApiConfig, LogtoAuth, Organization, Requires};
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
///
/// let config = ApiConfig::new("https://tenant.logto.app").audience("https://api.example.com");
/// let verifier = AccessTokenVerifier::new(config)?;
/// let app = App::new()
///     .app_data(web::Data::new(verifier))
///     .route("/organizations/{organization_id}/invoices", web::get().to(invoices));
/// # Ok::<(), logto_actix::logto_client::LogtoError>(())
/// ```
///
/// A form in the body is not read here: only a [`LogtoApi`](crate::LogtoApi) refuses an access token in it.
pub struct LogtoAuth<R = ByRoute> {
    auth: AuthInfo,
    requires: PhantomData<fn() -> R>,
}

impl<R: Requires> FromRequest for LogtoAuth<R> {
    type Error = AccessError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AccessError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let admitted = request.extensions().get::<AuthInfo>().filter(|_| ByRoute::is::<R>()).cloned();
            let auth = match admitted {
                Some(auth) => auth,
                None => {
                    let verifier = verifier_of(&request)?;
                    verifier.verify_request(&Asked::new(&request), &R::access()).await?
                }
            };
            Ok(Self { auth, requires: PhantomData })
        })
    }
}

/// The verifier among the application's data.
fn verifier_of(request: &HttpRequest) -> Result<AccessTokenVerifier, logto_client::AccessError> {
    of_application(request).ok_or_else(|| {
        logto_client::AccessError::misconfigured(
            "no AccessTokenVerifier among the application's data: add `.app_data(Data::new(verifier.clone()))`",
        )
    })
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
