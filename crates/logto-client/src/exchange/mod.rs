//! One code, one exchange: whoever brings the same callback joins it or hears its outcome.

mod in_turn;

use crate::{
    ErrorKind, IdTokenClaims, LogtoClient, LogtoError, Secret, TokenTarget,
    memory::Memory,
    oidc::token,
    pending::{self, Pending, StoredExchange},
    secret::{StoredSecret, same},
    tokens::StoredToken,
    turn::Record,
    verify::decode_claims,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// How long an outcome is remembered for the reload of a callback whose browser went away.
const REMEMBERED: Duration = Duration::from_secs(60);
const MOST_OUTCOMES: usize = 10_000;
const MOST_SPENT: usize = 50_000;

pub(crate) type Outcome = Result<Arc<Exchanged>, LogtoError>;

/// What an exchange brought; everything in it is verified.
#[derive(Debug)]
pub(crate) struct Exchanged {
    pub(crate) pending: Pending,
    pub(crate) id_token: Option<(Secret, IdTokenClaims)>,
    pub(crate) refresh_token: Option<Secret>,
    /// The access token and its key in the stored map.
    pub(crate) access_token: (String, StoredToken),
}

impl Exchanged {
    /// As it is kept until the sign-in is completed.
    pub(crate) fn stored(&self, key: &str) -> StoredExchange {
        StoredExchange {
            key: key.to_owned(),
            id_token: self.id_token.as_ref().map(|(token, _)| StoredSecret(token.clone())),
            refresh_token: self.refresh_token.clone().map(StoredSecret),
            access_token: self.access_token.clone(),
        }
    }
}

/// The exchanges of this process, by the hash of state and code.
#[derive(Debug)]
pub(crate) struct Exchanges(Mutex<State>);

#[derive(Debug)]
struct State {
    outcomes: Memory<Run>,
    spent: Memory<()>,
}

/// An exchange that runs or ran.
#[derive(Clone, Debug)]
struct Run {
    outcome: watch::Receiver<Option<Outcome>>,
    pending: Pending,
    /// The browser that brought the callback.
    browser: Option<String>,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self(Mutex::new(State {
            outcomes: Memory::new(REMEMBERED, MOST_OUTCOMES),
            spent: Memory::new(pending::LIFETIME, MOST_SPENT),
        }))
    }
}

impl Exchanges {
    /// Starts the exchange in a task of its own, or joins the one that runs or ran.
    pub(crate) async fn run(
        &self,
        client: &LogtoClient,
        key: &str,
        pending: Pending,
        code: String,
        browser: Option<String>,
        record: Option<Record>,
    ) -> Outcome {
        let mut receiver = self.join_or_start(client, key, pending, code, browser, record)?;
        let outcome = receiver.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| {
            Err(LogtoError::new(ErrorKind::Unavailable, "the sign-in was interrupted: start again"))
        })
    }

    fn join_or_start(
        &self,
        client: &LogtoClient,
        key: &str,
        pending: Pending,
        code: String,
        browser: Option<String>,
        record: Option<Record>,
    ) -> Result<watch::Receiver<Option<Outcome>>, LogtoError> {
        let now = client.0.settings.connection.now();
        let mut state = self.state();
        if let Some(run) = state.outcomes.get(now, key) {
            return Ok(run.outcome.clone());
        }
        if state.spent.get(now, key).is_some() {
            return Err(is_completed());
        }
        let (sender, receiver) = watch::channel(None);
        let run = Run { outcome: receiver.clone(), pending: pending.clone(), browser };
        state.outcomes.insert(now, key, run);
        state.spent.insert(now, key, ());
        let (client, key) = (client.clone(), key.to_owned());
        let tasks = client.0.tasks.clone();
        tasks.spawn(async move {
            let outcome = match record {
                Some(record) => in_turn::exchange(&client, &record, &pending, &key, &code).await,
                None => exchange(&client, pending, &code).await,
            };
            if outcome.as_ref().is_err_and(may_pass) {
                client.0.exchanges.forget(&key);
            }
            sender.send_replace(Some(outcome));
        });
        Ok(receiver)
    }

    /// What a reload hears from now on instead of the outcome.
    pub(crate) fn replace(&self, now: Duration, key: &str, error: LogtoError) {
        let mut state = self.state();
        if let Some(run) = state.outcomes.remove(key) {
            state.outcomes.insert(now, key, Run { outcome: watch::channel(Some(Err(error))).1, ..run });
        }
    }

    /// The sign-in of an exchange that this same browser began. A framework may have renewed the session's
    /// id for an answer that never arrived: the browser comes back with the old cookie then, whose
    /// session is gone.
    pub(crate) fn begun_by(&self, now: Duration, key: &str, browser: &str) -> Option<Pending> {
        let mut state = self.state();
        let run = state.outcomes.get(now, key)?;
        run.browser.as_deref().is_some_and(|known| same(known, browser)).then(|| run.pending.clone())
    }

    fn forget(&self, key: &str) {
        let mut state = self.state();
        state.outcomes.remove(key);
        state.spent.remove(key);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn is_completed() -> LogtoError {
    LogtoError::new(ErrorKind::CallbackRejected, "this sign-in is completed already: start again")
}

/// Whether the same callback may succeed later: no tokens have come, and none are lost by another try.
pub(crate) fn may_pass(error: &LogtoError) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited)
}

async fn exchange(client: &LogtoClient, pending: Pending, code: &str) -> Outcome {
    let (settings, provider) = (&client.0.settings, &client.0.provider);
    let form = token::code_form(settings, code, pending.verifier.expose(), &pending.redirect_uri);
    let answer = provider.token(&form, settings.authentication()).await?;
    let access_token = answer.stored(settings.connection.now());
    let id_token = match answer.id_token {
        Some(id_token) => {
            let mut rules = provider.id_token_rules(&settings.app_id, access_token.token.expose());
            if let Some(nonce) = &pending.nonce {
                rules = rules.nonce(nonce);
            }
            if let Some(max_age) = pending.max_age {
                rules = rules.max_age(Duration::from_secs(max_age));
            }
            let verified = provider.verify_id_token(id_token.expose(), &rules).await?;
            Some((id_token, IdTokenClaims::new(verified.into_claims())))
        }
        None if settings.scopes.iter().any(|scope| scope == "openid") => {
            return Err(LogtoError::new(
                ErrorKind::ProviderMisbehaved,
                "the provider's token answer holds no ID token, which was asked for",
            )
            .with_code("unexpected_response_error"));
        }
        None => None,
    };
    let key = match &id_token {
        Some(_) => TokenTarget::user_info().key(),
        None => audience(access_token.token.expose(), &settings.resources).key(),
    };
    Ok(Arc::new(Exchanged {
        pending,
        id_token,
        refresh_token: answer.refresh_token,
        access_token: (key, access_token),
    }))
}

/// Without `openid` and with one resource Logto issues that resource's token at once.
fn audience(access_token: &str, resources: &[String]) -> TokenTarget {
    let claims = decode_claims(access_token).unwrap_or_default();
    let audience = claims.get("aud").and_then(serde_json::Value::as_str);
    match resources.iter().find(|resource| Some(resource.as_str()) == audience) {
        Some(resource) => TokenTarget::resource(resource),
        None => TokenTarget::user_info(),
    }
}
