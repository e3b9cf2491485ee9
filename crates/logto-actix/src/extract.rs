//! Extractors: the operations, the signed-in person, the person if there is one.

use crate::{LogtoError, SessionStorage, guard::visit};
use actix_session::SessionExt;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use logto_client::{IdTokenClaims, LogtoClient, LogtoSession, StorageMode, VisitorStorage};
use std::{
    fmt,
    future::{Future, Ready, ready},
    ops::Deref,
    pin::Pin,
};

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, LogtoError>>>>;

/// All operations of this visitor, signed in or not: dereferences to [`LogtoSession`].
///
/// A handler that returns an error of theirs by `?` sends a page to sign-in and back where the sign-in is
/// missing or has ended, and answers 401 to anything else.
///
/// The application's data hold the [`LogtoClient`]: `App::new().app_data(Data::new(client.clone()))`, with one
/// client made outside the factory, so that all workers share it.
///
/// ```
/// use logto_actix::{Logto, LogtoError};
///
/// async fn whoami(logto: Logto) -> Result<String, LogtoError> {
///     Ok(match logto.is_authenticated().await? {
///         true => logto.id_token_claims().await?.sub().to_owned(),
///         false => "nobody".to_owned(),
///     })
/// }
/// ```
pub struct Logto(LogtoSession<VisitorStorage<SessionStorage>>);

/// The person who is signed in: dereferences to the claims of their ID token.
///
/// Without one, a page is redirected to sign-in and comes back afterwards; anything else gets 401.
///
/// ```
/// use logto_actix::LogtoUser;
///
/// async fn account(user: LogtoUser) -> String {
///     format!("Hello {}", user.name().unwrap_or(user.sub()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct LogtoUser(IdTokenClaims);

/// The person who is signed in, if there is one. A storage that fails is an error, not a signed-out visitor.
///
/// ```
/// use logto_actix::OptionalLogtoUser;
///
/// async fn home(user: OptionalLogtoUser) -> String {
///     match user.as_ref() {
///         Some(user) => format!("Hello {}", user.name().unwrap_or(user.sub())),
///         None => "Hello".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OptionalLogtoUser(Option<LogtoUser>);

impl Logto {
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, LogtoError> {
        let client = client_of(request)?;
        let storage = match client.storage_mode() {
            StorageMode::CookieSession => SessionStorage::for_cookie_session(request.get_session()),
            _ => SessionStorage::new(request.get_session()),
        };
        Ok(Self(client.session(client.storage(storage)).for_visit(visit(request))))
    }
}

/// The client among the application's data.
pub(crate) fn client_of(request: &HttpRequest) -> Result<LogtoClient, logto_client::LogtoError> {
    of_application(request).ok_or_else(no_client)
}

/// A value among the application's data, in a `Data` or by itself.
pub(crate) fn of_application<T: Clone + 'static>(request: &HttpRequest) -> Option<T> {
    let data = request.app_data::<Data<T>>().map(Data::get_ref);
    data.or_else(|| request.app_data::<T>()).cloned()
}

impl FromRequest for Logto {
    type Error = LogtoError;
    type Future = Ready<Result<Self, LogtoError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for LogtoUser {
    type Error = LogtoError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let logto = Logto::of(request);
        Box::pin(async move { Ok(Self(logto?.id_token_claims().await?)) })
    }
}

impl FromRequest for OptionalLogtoUser {
    type Error = LogtoError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let logto = Logto::of(request);
        Box::pin(async move {
            match logto?.id_token_claims().await {
                Ok(claims) => Ok(Self(Some(LogtoUser(claims)))),
                Err(error) if error.kind() == logto_client::ErrorKind::NotAuthenticated => Ok(Self(None)),
                Err(error) => Err(error.into()),
            }
        })
    }
}

fn no_client() -> logto_client::LogtoError {
    let message = "no LogtoClient among the application's data: add `.app_data(Data::new(client.clone()))`";
    logto_client::LogtoError::misconfigured(message)
}

impl Deref for Logto {
    type Target = LogtoSession<VisitorStorage<SessionStorage>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Deref for LogtoUser {
    type Target = IdTokenClaims;

    fn deref(&self) -> &IdTokenClaims {
        &self.0
    }
}

impl Deref for OptionalLogtoUser {
    type Target = Option<LogtoUser>;

    fn deref(&self) -> &Option<LogtoUser> {
        &self.0
    }
}

impl OptionalLogtoUser {
    /// The person, owned.
    #[must_use]
    pub fn into_inner(self) -> Option<LogtoUser> {
        self.0
    }
}

impl fmt::Debug for Logto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Logto").field(&self.0).finish()
    }
}
