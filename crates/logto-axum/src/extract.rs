//! Extractors: the operations, the signed-in person, the person if there is one.

use crate::{LogtoError, SessionStorage, guard::Visit};
use axum::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    http::request::Parts,
};
use logto_client::{
    AccessToken, AccessTokenClaims, ContextOptions, IdTokenClaims, LogtoClient, LogtoContext, LogtoSession,
    StorageMode, TokenTarget, UserInfo,
};
use std::{fmt, ops::Deref};

/// All operations of this visitor, signed in or not: dereferences to [`LogtoSession`].
///
/// The operations that need a sign-in stand here once more: a handler that returns their error by `?`
/// sends a page to sign-in and back where the sign-in has ended, and answers 401 to anything else.
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
pub struct Logto {
    session: LogtoSession<SessionStorage>,
    visit: Visit,
}

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
        let (client, visit) = (LogtoClient::from_ref(state), Visit::of(parts));
        let cookie = client.storage_mode() == StorageMode::CookieSession;
        match SessionStorage::of_request(&parts.extensions, cookie) {
            Some(storage) => Ok(Self { session: client.session(storage), visit }),
            None => Err(visit.refuse(&client, no_session_layer())),
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
            Err(error) => Err(error),
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
    type Target = LogtoSession<SessionStorage>;

    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

impl Logto {
    /// See [`LogtoSession::id_token_claims`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn id_token_claims(&self) -> Result<IdTokenClaims, LogtoError> {
        self.told(self.session.id_token_claims().await)
    }

    /// See [`LogtoSession::fetch_user_info`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn fetch_user_info(&self) -> Result<UserInfo, LogtoError> {
        self.told(self.session.fetch_user_info().await)
    }

    /// See [`LogtoSession::access_token`].
    ///
    /// ```
    /// use logto_axum::{Logto, LogtoError};
    ///
    /// async fn orders(logto: Logto) -> Result<String, LogtoError> {
    ///     let token = logto.access_token("https://api.example.com").await?;
    ///     Ok(format!("Authorization: Bearer {}", token.expose()))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn access_token(&self, target: impl Into<TokenTarget>) -> Result<AccessToken, LogtoError> {
        self.told(self.session.access_token(target).await)
    }

    /// See [`LogtoSession::organization_token`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn organization_token(&self, id: &str) -> Result<AccessToken, LogtoError> {
        self.told(self.session.organization_token(id).await)
    }

    /// See [`LogtoSession::access_token_claims`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn access_token_claims(
        &self,
        target: impl Into<TokenTarget>,
    ) -> Result<AccessTokenClaims, LogtoError> {
        self.told(self.session.access_token_claims(target).await)
    }

    /// See [`LogtoSession::organization_token_claims`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn organization_token_claims(&self, id: &str) -> Result<AccessTokenClaims, LogtoError> {
        self.told(self.session.organization_token_claims(id).await)
    }

    /// See [`LogtoSession::context`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn context(&self, options: ContextOptions) -> Result<LogtoContext, LogtoError> {
        self.told(self.session.context(options).await)
    }

    pub(crate) fn refuse(&self, error: logto_client::LogtoError) -> LogtoError {
        self.visit.refuse(self.session.client(), error)
    }

    fn told<T>(&self, outcome: Result<T, logto_client::LogtoError>) -> Result<T, LogtoError> {
        outcome.map_err(|error| self.refuse(error))
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
        f.debug_tuple("Logto").field(&self.session).finish()
    }
}
