//! The provider as this process knows it: metadata and keys, cached.

mod cache;
#[cfg(test)]
mod tests;

use crate::{
    ErrorKind, LogtoError, Secret,
    connection::Connection,
    oidc::{
        answer,
        discovery::{self, Metadata},
        token::{self, TokenAnswer},
    },
    transport::{Request, Response},
    verify::{
        IdTokenRules, JwkSet, LogoutToken, LogoutTokenRules, VerifiedIdToken, VerifyError, VerifyErrorKind,
    },
};
use cache::{Cache, Lifetime};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// From connecting to the last byte of metadata or keys.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// From connecting to the last byte of a token answer.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long metadata live; they are used beyond that for as long as the provider does not answer.
const METADATA: Lifetime = Lifetime {
    default: Duration::from_secs(3600),
    longest: Duration::from_secs(24 * 3600),
    meanwhile: Duration::MAX,
    stale: Duration::MAX,
};

/// How long keys live, whatever the answer says: a key that the provider has withdrawn is refused after
/// `longest` and `meanwhile` together, ten minutes; `stale` only while the provider does not answer.
const KEYS: Lifetime = Lifetime {
    default: Duration::from_secs(300),
    longest: Duration::from_secs(300),
    meanwhile: Duration::from_secs(300),
    stale: Duration::from_secs(24 * 3600),
};

/// Unknown keys make the keys be fetched at most so often within [`REFETCH_WINDOW`].
const REFETCHES: usize = 3;
const REFETCH_WINDOW: Duration = Duration::from_secs(60);

/// Cheap to clone; all clones share the caches.
#[derive(Clone, Debug)]
pub(crate) struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Arc<Connection>,
    metadata: Cache<Metadata>,
    keys: Cache<JwkSet>,
    /// When the keys were fetched of late.
    key_fetches: Mutex<VecDeque<Duration>>,
}

impl Provider {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self(Arc::new(Inner {
            connection,
            metadata: Cache::new(METADATA),
            keys: Cache::new(KEYS),
            key_fetches: Mutex::new(VecDeque::new()),
        }))
    }

    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, LogtoError> {
        self.0
            .metadata
            .get(self.0.connection.now(), async || {
                let answer = self.document(discovery::address(&self.0.connection)?).await?;
                let metadata = discovery::parse(&answer.body, &self.0.connection)?;
                Ok((metadata, answer.cache_control))
            })
            .await
    }

    pub(crate) async fn keys(&self) -> Result<Arc<JwkSet>, LogtoError> {
        self.keys_at(self.0.connection.now()).await
    }

    /// The keys, for one who knows the time.
    pub(crate) async fn keys_at(&self, now: Duration) -> Result<Arc<JwkSet>, LogtoError> {
        if let Some(fresh) = self.0.keys.fresh(now) {
            return Ok(fresh);
        }
        if let Some((known, ask)) = self.0.keys.while_away(now) {
            if ask {
                // Nobody waits for a provider that may not answer this time either.
                let provider = self.clone();
                drop(tokio::spawn(async move { drop(provider.renewed_keys(now).await) }));
            }
            return Ok(known);
        }
        self.renewed_keys(now).await
    }

    async fn renewed_keys(&self, now: Duration) -> Result<Arc<JwkSet>, LogtoError> {
        self.0.keys.get(now, async || self.fetch_keys().await).await
    }

    /// What the token endpoint answers to this form; nothing of it is verified yet.
    pub(crate) async fn token(
        &self,
        form: &[(&str, &str)],
        authorization: Option<Secret>,
    ) -> Result<TokenAnswer, LogtoError> {
        self.metadata().await?;
        // Before a code or refresh token is spent: without keys nothing could be verified afterwards.
        self.keys().await?;
        self.token_without_keys(form, authorization).await
    }

    /// The same for an answer that holds nothing to be verified here: an access token and no sign-in.
    pub(crate) async fn token_without_keys(
        &self,
        form: &[(&str, &str)],
        authorization: Option<Secret>,
    ) -> Result<TokenAnswer, LogtoError> {
        let endpoint = self.metadata().await?.token_endpoint.clone();
        let request = Request::post(endpoint, form, TOKEN_TIMEOUT).with_authorization(authorization);
        token::parse(answer::json(&self.send(request).await?)?)
    }

    /// What every ID token that comes with this access token is checked by.
    pub(crate) fn id_token_rules(&self, app_id: &str, access_token: &str) -> IdTokenRules {
        IdTokenRules::new(&self.0.connection.issuer, app_id)
            .clock_tolerance(self.0.connection.clock_tolerance)
            .access_token(access_token)
    }

    /// Verifies an ID token; keys are fetched anew where none fits.
    pub(crate) async fn verify_id_token(
        &self,
        token: &str,
        rules: &IdTokenRules,
    ) -> Result<VerifiedIdToken, LogtoError> {
        Ok(self.verify(|keys, now| rules.verify(token, keys, now)).await??)
    }

    /// Verifies a logout token; keys are fetched anew where none fits. A strict check wants its type too.
    pub(crate) async fn verify_logout_token(
        &self,
        app_id: &str,
        token: &str,
        strict: bool,
    ) -> Result<LogoutToken, LogtoError> {
        let rules = LogoutTokenRules::new(&self.0.connection.issuer, app_id)
            .clock_tolerance(self.0.connection.clock_tolerance);
        let rules = if strict { rules.require_type() } else { rules };
        let verified = self.verify(|keys, now| rules.verify(token, keys, now)).await?;
        verified.map_err(|error| {
            let message = format!("the logout token is refused: {error}");
            LogtoError::new(ErrorKind::InvalidToken, message).with_source(error)
        })
    }

    /// What a check of a token comes to, with newer keys where no known one fits. The outer error is that
    /// there are no keys to check by.
    async fn verify<T>(
        &self,
        check: impl Fn(&JwkSet, Duration) -> Result<T, VerifyError>,
    ) -> Result<Result<T, VerifyError>, LogtoError> {
        let keys = self.keys().await?;
        let now = self.0.connection.now();
        let outcome = check(&keys, now);
        if !matches!(&outcome, Err(error) if error.kind() == VerifyErrorKind::UnknownKey) {
            return Ok(outcome);
        }
        Ok(self.newer_keys(&keys).await?.map_or(outcome, |newer| check(&newer, now)))
    }

    /// Keys newer than `known`: another caller's, or fetched now if that has not been done too often.
    pub(crate) async fn newer_keys(&self, known: &Arc<JwkSet>) -> Result<Option<Arc<JwkSet>>, LogtoError> {
        let now = self.0.connection.now();
        self.0.keys.newer(now, known, || self.may_fetch_keys(now), async || self.fetch_keys().await).await
    }

    fn may_fetch_keys(&self, now: Duration) -> bool {
        let mut fetches = self.0.key_fetches.lock().unwrap_or_else(PoisonError::into_inner);
        while fetches.front().is_some_and(|&at| now.saturating_sub(at) >= REFETCH_WINDOW) {
            fetches.pop_front();
        }
        fetches.len() < REFETCHES
    }

    async fn fetch_keys(&self) -> Result<(JwkSet, Option<String>), LogtoError> {
        let url = self.metadata().await?.jwks_uri.clone();
        self.0.key_fetches.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.0.connection.now());
        let answer = self.document(url).await?;
        let keys = JwkSet::parse(&answer.body).map_err(|error| {
            LogtoError::new(ErrorKind::ProviderMisbehaved, "the provider's keys cannot be read")
                .with_source(error)
        })?;
        Ok((keys, answer.cache_control))
    }

    async fn document(&self, url: url::Url) -> Result<Response, LogtoError> {
        let answer = self.send(Request::get(url, DOCUMENT_TIMEOUT)).await?;
        answer::success(&answer)?;
        Ok(answer)
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Response, LogtoError> {
        self.0.connection.transport.send(request).await.map_err(answer::no_answer)
    }
}
