//! The operations of one visitor.

use crate::{
    ErrorKind, IdTokenClaims, LogtoClient, LogtoError, Secret, client::Inner, session_meta::SessionMeta,
    sign_out::revoke_aside, turn::Record, verify::decode_claims, web::Visit,
};
use logto_storage_core::{Changes, Storage, StorageError, keys};
use std::{fmt, time::Duration};

/// One visitor's sign-in, tokens and sign-out: the client and the visitor's storage. One per request.
///
/// ```
/// use logto_client::{LogtoClient, LogtoConfig};
/// use logto_storage_core::MemoryStorage;
///
/// # async fn run() -> Result<(), logto_client::LogtoError> {
/// let client = LogtoClient::new(LogtoConfig::new("https://tenant.logto.app", "app-id"))?;
/// let session = client.session(MemoryStorage::new());
/// assert!(!session.is_authenticated().await?);
/// # Ok(())
/// # }
/// ```
pub struct LogtoSession<S> {
    client: LogtoClient,
    storage: S,
    visit: Option<Visit>,
}

impl<S: Storage> LogtoSession<S> {
    pub(crate) fn new(client: LogtoClient, storage: S) -> Self {
        Self { client, storage, visit: None }
    }

    /// The same for this request: errors say how its visitor hears of them. For bindings.
    #[must_use]
    pub fn for_visit(self, visit: Visit) -> Self {
        Self { visit: Some(visit), ..self }
    }

    /// Notes in an error how the visitor of this request hears of it.
    #[must_use]
    pub fn address(&self, error: LogtoError) -> LogtoError {
        match &self.visit {
            Some(visit) => visit.address(&self.client, error),
            None => error,
        }
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &LogtoClient {
        &self.client
    }

    /// The visitor's storage.
    #[must_use]
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Whether somebody is signed in: an ID token is present. Its `exp` is about the token, not about
    /// the session, and is not looked at; that is Logto's definition.
    ///
    /// # Errors
    ///
    /// Those of the storage.
    pub async fn is_authenticated(&self) -> Result<bool, LogtoError> {
        Ok(self.stored_id_token().await?.is_some())
    }

    /// The claims of the stored ID token. They were verified when it was stored.
    ///
    /// # Errors
    ///
    /// `NotAuthenticated` where nobody is signed in, and those of the storage.
    pub async fn id_token_claims(&self) -> Result<IdTokenClaims, LogtoError> {
        let claims = self.stored_claims().await.and_then(|claims| claims.ok_or_else(not_authenticated));
        claims.map_err(|error| self.address(error))
    }

    pub(crate) async fn stored_claims(&self) -> Result<Option<IdTokenClaims>, LogtoError> {
        let Some(token) = self.stored_id_token().await? else { return Ok(None) };
        let claims = decode_claims(&token).map_err(|error| {
            let storage = StorageError::new(
                logto_storage_core::StorageErrorKind::Corrupt,
                logto_storage_core::Operation::Get,
                keys::ID_TOKEN,
            );
            LogtoError::from(storage.with_source(error))
        })?;
        Ok(Some(IdTokenClaims::new(claims)))
    }

    pub(crate) async fn stored_id_token(&self) -> Result<Option<String>, LogtoError> {
        let token = self.storage.get(keys::ID_TOKEN).await?;
        if token.is_some() && self.is_over().await? {
            return Ok(None);
        }
        Ok(token)
    }

    /// Whether these items are of a sign-in that has ended. They are dropped.
    pub(crate) async fn is_over(&self) -> Result<bool, LogtoError> {
        let refreshes = &self.inner().refreshes;
        let lifetime = self.inner().settings.sign_in_absolute_lifetime;
        if lifetime.is_none() && !refreshes.any_signed_out() {
            return Ok(false);
        }
        let meta = SessionMeta::load(&self.storage).await?;
        if meta.visitor().is_some_and(|visitor| refreshes.has_signed_out(self.now(), visitor)) {
            // Another request, slower than the visitor's sign-out, has written them back.
            self.forget(Changes::new().remove(keys::SIGN_IN_SESSION).remove(keys::SESSION_META)).await?;
            return Ok(true);
        }
        if lifetime.is_some_and(|lifetime| meta.is_older_than(lifetime, self.now())) {
            self.end_by_age(&meta).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Ends a sign-in that has lived as long as one may. The refresh token is revoked, and nobody waits for
    /// that.
    async fn end_by_age(&self, meta: &SessionMeta) -> Result<(), LogtoError> {
        let mut ended = SessionMeta::default();
        self.note_ended_of(&mut ended).await?;
        let refresh_token = self.forget(ended.kept_in(Changes::new())).await?;
        let newest = self.inner().refreshes.sign_out(&self.client, refresh_token, meta.visitor());
        if let Some(token) = newest {
            drop(revoke_aside(&self.client, token));
        }
        Ok(())
    }

    /// Notes whose sign-in it is that ends by itself, before its tokens are dropped.
    pub(crate) async fn note_ended_of(&self, meta: &mut SessionMeta) -> Result<(), StorageError> {
        let token = self.storage.get(keys::ID_TOKEN).await?;
        if let Some(claims) = token.and_then(|token| decode_claims(&token).ok()) {
            meta.note_ended_of(IdTokenClaims::new(claims).sub());
        }
        Ok(())
    }

    /// Drops all tokens, with these changes beside; gives the refresh token that was held last.
    pub(crate) async fn forget(&self, beside: Changes) -> Result<Option<Secret>, LogtoError> {
        let changes =
            beside.remove(keys::ID_TOKEN).remove(keys::REFRESH_TOKEN).remove(keys::ACCESS_TOKEN_MAP);
        let Some(record) = self.record().await? else {
            let refresh_token = self.storage.get(keys::REFRESH_TOKEN).await?;
            self.storage.apply(&changes).await?;
            return Ok(refresh_token.map(Secret::new));
        };
        // A record that has ended is never written again: what others are about to write of it is refused.
        let mut items = record.end().await?;
        let refresh_token = items.get(keys::REFRESH_TOKEN).map(Secret::new);
        items.apply(&changes);
        let kept = items.iter().fold(Changes::new(), |kept, (key, value)| kept.set(key, value));
        self.storage.apply(&kept).await?;
        Ok(refresh_token)
    }

    /// The visitor's record, where the storage keeps one that is written without the request too.
    pub(crate) async fn record(&self) -> Result<Option<Record>, LogtoError> {
        Ok(self.storage.committer().await?.map(Record::new))
    }

    /// By what this visitor's browser is recognised, where the request is known.
    pub(crate) fn browser(&self) -> Option<String> {
        self.visit.as_ref()?.browser()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.client.0
    }

    pub(crate) fn now(&self) -> Duration {
        self.inner().settings.connection.now()
    }
}

pub(crate) fn not_authenticated() -> LogtoError {
    LogtoError::new(ErrorKind::NotAuthenticated, "nobody is signed in: send the person to sign-in")
        .with_code("not_authenticated")
}

impl<S> fmt::Debug for LogtoSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogtoSession").field("client", &self.client).finish_non_exhaustive()
    }
}
