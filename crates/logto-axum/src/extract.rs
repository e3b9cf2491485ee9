//! Extractors: the operations, the signed-in person, the person if there is one.

use crate::{LogtoError, SessionStorage, guard::visit};
use axum::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    http::request::Parts,
};
use logto_client::{IdTokenClaims, LogtoClient, LogtoSession, StorageMode, VisitorStorage};
use std::{fmt, ops::Deref};

/// All operations of this visitor, signed in or not: dereferences to [`LogtoSession`].
///
/// A handler that returns an error of theirs by `?` sends a page to sign-in and back where the sign-in is
/// missing or has ended, and answers 401 to anything else.
///
/// The application's state is the [`LogtoClient`], or gives it by [`FromRef`].
///
/// ```
/// use logto_axum::{Logto, LogtoError};
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
/// use logto_axum::LogtoUser;
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
/// use logto_axum::OptionalLogtoUser;
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

impl<S> FromRequestParts<S> for Logto
where
    S: Send + Sync,
    LogtoClient: FromRef<S>,
{
    type Rejection = LogtoError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, LogtoError> {
        let (client, visit) = (LogtoClient::from_ref(state), visit(parts));
        let cookie = client.storage_mode() == StorageMode::CookieSession;
        match SessionStorage::of_request(&parts.extensions, cookie) {
            Some(storage) => Ok(Self(client.session(client.storage(storage)).for_visit(visit))),
            None => Err(visit.address(&client, no_session_layer()).into()),
        }
    }
}

impl<S> FromRequestParts<S> for LogtoUser
where
    S: Send + Sync,
    LogtoClient: FromRef<S>,
{
    type Rejection = LogtoError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, LogtoError> {
        let logto = Logto::from_request_parts(parts, state).await?;
        Ok(Self(logto.id_token_claims().await?))
    }
}

impl<S> FromRequestParts<S> for OptionalLogtoUser
where
    S: Send + Sync,
    LogtoClient: FromRef<S>,
{
    type Rejection = LogtoError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, LogtoError> {
        let logto = Logto::from_request_parts(parts, state).await?;
        match logto.id_token_claims().await {
            Ok(claims) => Ok(Self(Some(LogtoUser(claims)))),
            Err(error) if error.kind() == logto_client::ErrorKind::NotAuthenticated => Ok(Self(None)),
            Err(error) => Err(error.into()),
        }
    }
}

impl<S> OptionalFromRequestParts<S> for LogtoUser
where
    S: Send + Sync,
    LogtoClient: FromRef<S>,
{
    type Rejection = LogtoError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, LogtoError> {
        Ok(<OptionalLogtoUser as FromRequestParts<S>>::from_request_parts(parts, state).await?.0)
    }
}

fn no_session_layer() -> logto_client::LogtoError {
    logto_client::LogtoError::misconfigured(
        "no session reached the handler: put a SessionManagerLayer around the routes, and enable the feature \
         of its line of tower-sessions (tower-sessions-0_15 or tower-sessions-0_14)",
    )
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
