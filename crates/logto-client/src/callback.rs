//! Completing a sign-in.

use crate::{
    ErrorKind, IdTokenClaims, LogtoError, LogtoSession,
    exchange::{Exchanged, is_completed, may_pass},
    memory::Memory,
    oidc::{
        callback::{CallbackQuery, rejected, same_address},
        pkce,
    },
    pending::{MOST_TRIES, Pending, PendingSignIns},
    session_meta::SessionMeta,
    sign_in::started_key,
    sign_out::revoke,
    tokens::AccessTokenMap,
    turn::Record,
};
use logto_storage_core::{Changes, SignIn, Storage, StorageError, StorageErrorKind, keys};
use std::sync::{Arc, MutexGuard, PoisonError};
use url::Url;

/// The longest callback address that is read, in bytes.
const LONGEST_URL: usize = 16 * 1024;

/// A sign-in whose tokens are verified and not yet stored.
#[derive(Clone, Debug)]
#[must_use = "nobody is signed in before save_sign_in"]
pub struct VerifiedSignIn {
    key: String,
    started_key: Option<String>,
    exchanged: Arc<Exchanged>,
    /// Whether it is pending in the visitor's own record, not only in this process's memory.
    in_record: bool,
}

impl VerifiedSignIn {
    /// Who signs in; `None` where the scope `openid` was not asked for.
    #[must_use]
    pub fn claims(&self) -> Option<&IdTokenClaims> {
        self.exchanged.id_token.as_ref().map(|(_, claims)| claims)
    }

    /// Where the application wanted the person to go afterwards, on its own origin.
    #[must_use]
    pub fn post_redirect_uri(&self) -> Option<&str> {
        self.exchanged.pending.post_redirect_uri.as_deref()
    }
}

/// A sign-in that is stored.
#[derive(Debug)]
pub struct SignedIn {
    exchanged: Arc<Exchanged>,
    replaced_person: bool,
}

impl SignedIn {
    /// Who signed in; `None` where the scope `openid` was not asked for.
    #[must_use]
    pub fn claims(&self) -> Option<&IdTokenClaims> {
        self.exchanged.id_token.as_ref().map(|(_, claims)| claims)
    }

    /// Where the application wanted the person to go afterwards, on its own origin.
    #[must_use]
    pub fn post_redirect_uri(&self) -> Option<&str> {
        self.exchanged.pending.post_redirect_uri.as_deref()
    }

    /// Whether somebody else was signed in before. Their Logto items are gone; what the application
    /// itself keeps of them in the session is the application's to drop.
    #[must_use]
    pub fn replaced_person(&self) -> bool {
        self.replaced_person
    }
}

impl<S: Storage> LogtoSession<S> {
    /// Completes the sign-in of this callback address and stores its tokens.
    ///
    /// # Errors
    ///
    /// Those of [`verify_sign_in_callback`](Self::verify_sign_in_callback) and of the storage.
    pub async fn handle_sign_in_callback(&self, url: &str) -> Result<SignedIn, LogtoError> {
        let verified = self.verify_sign_in_callback(url).await?;
        self.save_sign_in(verified).await
    }

    /// Checks the callback, exchanges its code once and verifies all tokens; stores none of them.
    ///
    /// `url` is the whole address, built from the configured base URL and the request's path and query,
    /// never from its headers; a path alone is taken as under the base URL.
    ///
    /// # Errors
    ///
    /// `SignInSessionNotFound` where no pending sign-in belongs to the visitor, `CallbackRejected` where
    /// the address is not the answer to what was asked, `ConsentRefused` and `ProviderRefused` for what
    /// the provider answered, `Unavailable` and `RateLimited` where the same address may succeed later,
    /// `ProviderMisbehaved` and `InvalidToken` for what did not pass verification.
    ///
    /// Source: RFC 6749 §4.1.2 to §4.1.4, RFC 9207, OpenID Connect Core §3.1.3.7.
    pub async fn verify_sign_in_callback(&self, url: &str) -> Result<VerifiedSignIn, LogtoError> {
        let url = self.callback_url(url)?;
        let query = CallbackQuery::parse(&url)?;
        if query.is_bare() {
            return Err(LogtoError::new(ErrorKind::ConsentRefused, "consent was refused: start again")
                .with_code("user_cancelled"));
        }
        let state = query.state.clone().ok_or_else(|| {
            rejected("the callback lacks `state`: start again")
                .with_code("callback_uri_verification.missing_state")
        })?;
        // With the code: who knows the state alone joins nobody's sign-in.
        let key = pkce::sha256(&format!("{state} {}", query.code.as_deref().unwrap_or_default()));
        let record = self.record().await?;
        let (pending, started_key, in_record) = match &record {
            Some(_) => {
                let (pending, in_record) = self.find_pending(&state, &key, &url).await?;
                (pending, None, in_record)
            }
            None => {
                let (pending, started_key) = self.take_pending(&state, &key, &url).await?;
                (pending, started_key, false)
            }
        };
        let client = self.client();
        let metadata = self.inner().provider.metadata().await?;
        // An answer without a code ends this sign-in.
        let code = match query.into_code(client.issuer(), metadata.sends_iss) {
            Ok(code) => code,
            Err(error) => {
                self.forget_started(started_key.as_deref());
                if record.is_some() {
                    self.drop_pending(&state).await?;
                }
                return Err(error);
            }
        };
        let is_shared = record.is_some();
        let run = self.inner().exchanges.run(client, &key, pending.clone(), code, self.browser(), record);
        match run.await {
            Ok(exchanged) => Ok(VerifiedSignIn { key, started_key, exchanged, in_record }),
            Err(error) => {
                if may_pass(&error) && !is_shared {
                    self.put_back(pending).await?;
                }
                Err(error)
            }
        }
    }

    /// Stores a verified sign-in: the person is signed in.
    ///
    /// Items of another person, and with `clear_tokens` all earlier ones, are dropped.
    ///
    /// # Errors
    ///
    /// Those of the storage.
    pub async fn save_sign_in(&self, verified: VerifiedSignIn) -> Result<SignedIn, LogtoError> {
        let refresh_token = verified.exchanged.refresh_token.as_ref();
        if refresh_token.is_some_and(|token| self.inner().refreshes.has_ended(self.now(), token)) {
            return Err(is_completed());
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_save_sign_in(&verified).await {
                // A sign-in has started in another tab meanwhile.
                Err(error) if error.kind() == StorageErrorKind::Conflict && tries < MOST_TRIES => {}
                // Whoever completed it has signed out since.
                Err(error) if error.kind() == StorageErrorKind::Gone => return Err(is_completed()),
                outcome => {
                    let replaced_person = outcome?;
                    self.forget_started(verified.started_key.as_deref());
                    return Ok(SignedIn { exchanged: verified.exchanged, replaced_person });
                }
            }
        }
    }

    /// Whether somebody else was signed in before.
    async fn try_save_sign_in(&self, verified: &VerifiedSignIn) -> Result<bool, StorageError> {
        let (storage, now, exchanged) = (self.storage(), self.now(), &verified.exchanged);
        // What cannot be read belongs to nobody that is known.
        let before = self.stored_claims().await.unwrap_or_default();
        let sub = exchanged.id_token.as_ref().map(|(_, claims)| claims.sub());
        let mut meta = SessionMeta::load(storage).await?;
        let replaced_person =
            before.as_ref().is_some_and(|before| Some(before.sub()) != sub) || meta.ended_of_another(sub);
        let mut changes = self.noting(&mut meta, self.completing(verified).await?);
        let mut map = AccessTokenMap::default();
        if exchanged.pending.clear_tokens || replaced_person {
            changes = changes.remove(keys::ID_TOKEN).remove(keys::REFRESH_TOKEN);
        } else {
            map = AccessTokenMap::load(storage).await?;
        }
        let (key, access_token) = exchanged.access_token.clone();
        map.insert(key, access_token);
        if let Some(json) = map.to_json(now) {
            changes = changes.set(keys::ACCESS_TOKEN_MAP, json);
        }
        if let Some((token, _)) = &exchanged.id_token {
            changes = changes.set(keys::ID_TOKEN, token.expose());
        }
        if let Some(token) = &exchanged.refresh_token {
            changes = changes.set(keys::REFRESH_TOKEN, token.expose());
        }
        storage.apply(&changes).await?;
        Ok(replaced_person)
    }

    /// Drops a verified sign-in: its tokens are revoked and nothing is kept, and the same callback
    /// brings this error from now on.
    pub async fn discard_sign_in(&self, verified: VerifiedSignIn, reason: LogtoError) {
        self.forget_started(verified.started_key.as_deref());
        if let Ok(Some(_)) = self.record().await
            && let Err(error) = self.drop_pending(verified.exchanged.pending.state.expose()).await
        {
            tracing::warn!(%error, kind = ?error.kind(), "a refused sign-in stays pending until it expires");
        }
        self.inner().exchanges.replace(self.now(), &verified.key, reason);
        let (_, access_token) = &verified.exchanged.access_token;
        let token = verified.exchanged.refresh_token.clone().unwrap_or_else(|| access_token.token.clone());
        revoke(self.client(), token).await;
    }

    fn callback_url(&self, url: &str) -> Result<Url, LogtoError> {
        if url.len() > LONGEST_URL {
            return Err(rejected("the callback's address is too long: start again"));
        }
        let parsed = match (Url::parse(url), self.client().base_url()) {
            (Err(_), Some(base)) => base.join(url),
            (parsed, _) => parsed,
        };
        parsed.map_err(|error| {
            LogtoError::new(ErrorKind::InvalidInput, "the callback's address is no absolute URL")
                .with_source(error)
        })
    }

    /// Takes the pending sign-in of this state out of the storage; with it comes the key by which this
    /// process remembers it of this visitor, for when another request has overwritten the storage.
    async fn take_pending(
        &self,
        state: &str,
        key: &str,
        url: &Url,
    ) -> Result<(Pending, Option<String>), LogtoError> {
        let (storage, now) = (self.storage(), self.now());
        let mut list = PendingSignIns::load(storage, now).await?;
        let none_pending = list.is_empty();
        let meta = SessionMeta::load(storage).await?;
        let started_key = meta.visitor().map(|visitor| started_key(state, visitor));
        let stored = list.take(state);
        let was_stored = stored.is_some();
        let remembered = || self.started().get(now, started_key.as_deref()?).cloned();
        let begun = || self.inner().exchanges.begun_by(now, key, &self.browser()?);
        let Some(pending) = stored.or_else(remembered).or_else(begun) else {
            return Err(if none_pending { not_found() } else { state_mismatched() });
        };
        check_address(url, &pending)?;
        if was_stored {
            list.store(storage).await?;
        }
        Ok((pending, started_key))
    }

    /// The pending sign-in of this state in a shared record. It stays there until its exchange: who does
    /// that is decided by the record's lease. With it comes whether it was there.
    async fn find_pending(&self, state: &str, key: &str, url: &Url) -> Result<(Pending, bool), LogtoError> {
        let mut list = PendingSignIns::load(self.storage(), self.now()).await?;
        let none_pending = list.is_empty();
        let begun = || self.inner().exchanges.begun_by(self.now(), key, &self.browser()?);
        let stored = list.take(state);
        let in_record = stored.is_some();
        let Some(pending) = stored.or_else(begun) else {
            return Err(if none_pending { not_found() } else { state_mismatched() });
        };
        check_address(url, &pending)?;
        Ok((pending, in_record))
    }

    async fn drop_pending(&self, state: &str) -> Result<(), LogtoError> {
        PendingSignIns::edit(self.storage(), self.now(), |list| {
            drop(list.take(state));
            Ok(())
        })
        .await
    }

    /// Changes that say who signs in; in a shared record the sign-in leaves the pending ones, and what its
    /// answer may be given again from stays behind.
    async fn completing(&self, verified: &VerifiedSignIn) -> Result<Changes, StorageError> {
        let claim = |name| Some(verified.claims()?.get(name)?.as_str()?.to_owned());
        let sign_in = SignIn { sub: claim("sub"), sid: claim("sid"), left_behind: None };
        let record = self.storage().committer().await?.map(Record::new);
        let Some(record) = record.filter(|_| verified.in_record) else {
            return Ok(Changes::new().at_sign_in(sign_in));
        };
        // Other requests have written since this one has looked.
        let items = record.read().await?;
        let before = items.get(keys::SIGN_IN_SESSION);
        let mut list = PendingSignIns::parse(before, self.now());
        let exchanged = &verified.exchanged;
        drop(list.take(exchanged.pending.state.expose()));
        let completed =
            Pending { exchanged: Some(exchanged.stored(&verified.key)), ..exchanged.pending.clone() };
        let left = PendingSignIns::from(completed).to_json();
        let left_behind = left.map(|json| (keys::SIGN_IN_SESSION.to_owned(), json));
        let changes = list.kept_in(Changes::new().expecting(keys::SIGN_IN_SESSION, before));
        Ok(changes.at_sign_in(SignIn { left_behind, ..sign_in }))
    }

    /// With what is noted of a sign-in, where that is anything new: its time, where sign-ins end at an age.
    fn noting(&self, meta: &mut SessionMeta, changes: Changes) -> Changes {
        let before = meta.to_json();
        let lifetime = self.inner().settings.sign_in_absolute_lifetime;
        meta.note_sign_in(lifetime.map(|_| self.now().as_secs()));
        if meta.to_json() == before { changes } else { meta.kept_in(changes) }
    }

    fn forget_started(&self, key: Option<&str>) {
        if let Some(key) = key {
            self.started().remove(key);
        }
    }

    fn started(&self) -> MutexGuard<'_, Memory<Pending>> {
        self.inner().started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn put_back(&self, pending: Pending) -> Result<(), LogtoError> {
        let mut list = PendingSignIns::load(self.storage(), self.now()).await?;
        if list.take(pending.state.expose()).is_none() {
            list.add(pending, self.inner().settings.storage_mode())?;
            list.store(self.storage()).await?;
        }
        Ok(())
    }
}

fn check_address(url: &Url, pending: &Pending) -> Result<(), LogtoError> {
    if same_address(url, &pending.redirect_uri) {
        return Ok(());
    }
    Err(rejected("the callback came to another address than the sign-in asked for: start again")
        .with_code("callback_uri_verification.redirect_uri_mismatched"))
}

fn state_mismatched() -> LogtoError {
    rejected("the callback's `state` is of no sign-in that is pending here: start again")
        .with_code("callback_uri_verification.state_mismatched")
}

fn not_found() -> LogtoError {
    LogtoError::new(
        ErrorKind::SignInSessionNotFound,
        "no sign-in is pending in this session: start again. Likely causes: no session layer around the \
         routes, a session cookie with SameSite=Strict, a session layer of another tower-sessions line, \
         another browser, a link opened twice, or more than one hour in between",
    )
    .with_code("sign_in_session.not_found")
}
