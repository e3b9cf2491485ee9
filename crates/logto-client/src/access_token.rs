//! Access tokens: held, refreshed, told, cleared.

use crate::{
    ErrorKind, LogtoError, LogtoSession, Secret, TokenTarget,
    refresh::{Ask, Outcome, Shared},
    scope,
    session::not_authenticated,
    session_meta::SessionMeta,
    tokens::{AccessTokenMap, StoredToken},
    verify::decode_claims,
};
use logto_storage_core::{Changes, Storage, keys};
use serde_json::{Map, Value};
use std::{fmt, time::Duration};

/// A request waits for so long while others of the same session are at the provider.
const PATIENCE: Duration = Duration::from_secs(60);
/// One that holds a token which is still good waits no longer than this.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// An access token, to be sent as `Authorization: Bearer …`. `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub struct AccessToken(pub(crate) StoredToken);

impl AccessToken {
    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.token.expose()
    }

    /// The scopes that it has.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.scope.split_whitespace()
    }

    /// Whether it has this scope, compared to the letter.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|known| known == scope)
    }

    /// When it expires, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.0.expires_at
    }

    /// What the token says, where it is a JWT. Nothing of it is verified: that is the API's part.
    #[must_use]
    pub fn claims(&self) -> Option<AccessTokenClaims> {
        decode_claims(self.expose()).ok().map(AccessTokenClaims)
    }
}

/// The claims of an access token, decoded and not verified. `Debug` shows names of claims only.
#[derive(Clone, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub struct AccessTokenClaims(Map<String, Value>);

impl AccessTokenClaims {
    /// Any claim, as it was sent.
    #[must_use]
    pub fn get(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim)
    }

    /// Whom the token speaks of.
    #[must_use]
    pub fn sub(&self) -> Option<&str> {
        self.text("sub")
    }

    /// The API that the token is for.
    #[must_use]
    pub fn aud(&self) -> Option<&str> {
        self.text("aud")
    }

    /// The application that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id")
    }

    /// The organization that the token is within.
    #[must_use]
    pub fn organization_id(&self) -> Option<&str> {
        self.text("organization_id")
    }

    /// The scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.text("scope").unwrap_or_default().split_whitespace()
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim)?.as_str()
    }
}

impl fmt::Debug for AccessTokenClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<S: Storage> LogtoSession<S> {
    /// A token for an API resource, an organization, a resource within an organization, or user info: the
    /// one that is held while it is good for another 30 s, else a refreshed one.
    ///
    /// Requests that need the same token at once share one refresh; different tokens are refreshed in turn,
    /// each with the newest refresh token. A browser that goes away ends no refresh.
    ///
    /// # Errors
    ///
    /// `NotAuthenticated` where nobody is signed in or the sign-in has ended (code `invalid_grant`);
    /// `InsufficientScope` and `InvalidTarget` where the sign-in did not ask for it, before any request;
    /// `Forbidden` where the person may not have it, for example in an organization they are not in;
    /// `Unavailable` and `RateLimited` where the same call may succeed later: nobody is signed out by
    /// them, and a token that has not expired is served meanwhile; `Misconfigured` where the application's
    /// secret is wrong; `InvalidToken` and `ProviderMisbehaved` where the answer is refused.
    ///
    /// Source: RFC 6749 §6, RFC 8707, OpenID Connect Core §12, Logto's organization tokens.
    pub async fn access_token(&self, target: impl Into<TokenTarget>) -> Result<AccessToken, LogtoError> {
        self.token_for(target.into()).await.map_err(|error| self.address(error))
    }

    async fn token_for(&self, target: TokenTarget) -> Result<AccessToken, LogtoError> {
        self.check_target(&target)?;
        let storage = self.storage();
        let id_token = match self.stored_id_token().await? {
            Some(token) => Some(Secret::new(token)),
            None if self.asks_for("openid") || self.is_over().await? => return Err(not_authenticated()),
            None => None,
        };
        let stored = AccessTokenMap::load(storage).await?.get(&target.key(), self.now()).cloned();
        let held = stored.clone().filter(|_| !target.is_forced());
        if let Some(fresh) = held.clone().filter(|held| held.is_fresh(self.now())) {
            return Ok(AccessToken(fresh));
        }
        let Some(refresh_token) = storage.get(keys::REFRESH_TOKEN).await?.map(Secret::new) else {
            return held.map(AccessToken).ok_or_else(no_refresh_token);
        };
        let shared = self.record().await?.map(|record| Shared {
            record,
            held: stored.map(|stored| stored.token),
            patience: if held.is_some() { SHORT_PATIENCE } else { PATIENCE },
        });
        let is_shared = shared.is_some();
        let ask = Ask { target, id_token, shared };
        let outcome = self.inner().refreshes.run(self.client(), refresh_token, ask).await;
        match (outcome, held) {
            (Err(error), Some(held)) if may_pass(&error) => {
                tracing::warn!(%error, kind = ?error.kind(), "an access token near its end is served");
                Ok(AccessToken(held))
            }
            // The refresh has written the record itself.
            (Ok(served), _) if is_shared => Ok(AccessToken(served.refreshed.access_token.1.clone())),
            (outcome, _) => self.keep_refreshed(outcome).await,
        }
    }

    /// A token for an organization.
    ///
    /// # Errors
    ///
    /// Those of [`access_token`](Self::access_token).
    pub async fn organization_token(&self, id: &str) -> Result<AccessToken, LogtoError> {
        self.access_token(TokenTarget::organization(id)).await
    }

    /// What an access token says; empty where it is opaque. Decoded, not verified.
    ///
    /// # Errors
    ///
    /// Those of [`access_token`](Self::access_token).
    pub async fn access_token_claims(
        &self,
        target: impl Into<TokenTarget>,
    ) -> Result<AccessTokenClaims, LogtoError> {
        let token = self.access_token(target).await?;
        Ok(token.claims().unwrap_or_else(|| AccessTokenClaims(Map::new())))
    }

    /// What an organization token says. Decoded, not verified.
    ///
    /// # Errors
    ///
    /// Those of [`access_token`](Self::access_token).
    pub async fn organization_token_claims(&self, id: &str) -> Result<AccessTokenClaims, LogtoError> {
        self.access_token_claims(TokenTarget::organization(id)).await
    }

    /// Forgets all access tokens: each is refreshed when it is next asked for.
    ///
    /// # Errors
    ///
    /// Those of the storage.
    pub async fn clear_access_token(&self) -> Result<(), LogtoError> {
        if let Some(holding) = self.storage().get(keys::REFRESH_TOKEN).await? {
            self.inner().refreshes.clear(self.client(), Secret::new(holding));
        }
        Ok(self.storage().remove(keys::ACCESS_TOKEN_MAP).await?)
    }

    /// Forgets all tokens: the person is signed out here, and neither revoked nor signed out at Logto. Who
    /// wants that calls [`sign_out`](Self::sign_out).
    ///
    /// # Errors
    ///
    /// Those of the storage.
    pub async fn clear_all_tokens(&self) -> Result<(), LogtoError> {
        self.forget(Changes::new()).await?;
        Ok(())
    }

    /// What is not asked for at sign-in cannot be had: told before any request.
    fn check_target(&self, target: &TokenTarget) -> Result<(), LogtoError> {
        if target.organization_id().is_some() && !self.asks_for(scope::ORGANIZATIONS) {
            return Err(LogtoError::new(
                ErrorKind::InsufficientScope,
                "organization tokens need the scope urn:logto:scope:organizations: add it to `scopes`",
            )
            .with_code("missing_scope_organizations"));
        }
        let known = &self.inner().settings.resources;
        match target.resource_indicator() {
            Some(resource) if !known.iter().any(|known| known == resource) => Err(LogtoError::new(
                ErrorKind::InvalidTarget,
                "the resource is not configured: add it to `resources`, so that sign-in asks for it",
            )
            .with_code("invalid_target")),
            _ => Ok(()),
        }
    }

    fn asks_for(&self, scope: &str) -> bool {
        self.inner().settings.scopes.iter().any(|known| known == scope)
    }

    async fn keep_refreshed(&self, outcome: Outcome) -> Result<AccessToken, LogtoError> {
        let storage = self.storage();
        let served = match outcome {
            Ok(served) => served,
            Err(error) if error.code() == Some("invalid_grant") => return Err(self.note_end(error).await?),
            // Signed out by another request.
            Err(error) if error.kind() == ErrorKind::NotAuthenticated => {
                self.forget(Changes::new()).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let (key, token) = served.refreshed.access_token.clone();
        let mut map = AccessTokenMap::load(storage).await?;
        map.insert(key, token.clone());
        let mut changes = Changes::new();
        // First of all what must not be lost, where items are written one after another.
        if storage.get(keys::REFRESH_TOKEN).await?.as_deref() != Some(served.newest.expose()) {
            changes = changes.set(keys::REFRESH_TOKEN, served.newest.expose());
        }
        if let Some(id_token) = &served.refreshed.id_token {
            changes = changes.set(keys::ID_TOKEN, id_token.expose());
        }
        if let Some(json) = map.to_json(self.now()) {
            changes = changes.set(keys::ACCESS_TOKEN_MAP, json);
        }
        if let Err(error) = storage.apply(&changes).await {
            // What must not be lost may fit by itself.
            drop(storage.set(keys::REFRESH_TOKEN, served.newest.expose()).await);
            return Err(error.into());
        }
        Ok(AccessToken(token))
    }

    /// The sign-in has ended by itself: its tokens go, and the time is noted.
    async fn note_end(&self, error: LogtoError) -> Result<LogtoError, LogtoError> {
        let mut meta = SessionMeta::load(self.storage()).await?;
        let repeated = meta.note_end(self.now().as_secs());
        self.note_ended_of(&mut meta).await?;
        self.forget(meta.kept_in(Changes::new())).await?;
        Ok(if repeated { error.repeated() } else { error })
    }
}

/// Whether a later try may succeed: a token that has not expired is served meanwhile.
pub(crate) fn may_pass(error: &LogtoError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable
            | ErrorKind::RateLimited
            | ErrorKind::Misconfigured
            | ErrorKind::ProviderMisbehaved
            | ErrorKind::Storage
    )
}

fn no_refresh_token() -> LogtoError {
    LogtoError::new(
        ErrorKind::NotAuthenticated,
        "there is no refresh token: sign in again, with the scope offline_access and the prompt consent",
    )
    .with_code("not_authenticated")
}
