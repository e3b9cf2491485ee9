//! Opaque tokens: the provider is asked what they say (RFC 7662).

use super::{config::Introspection, flights::Flights, remembered::Fingerprint};
use crate::{
    AccessError, ErrorKind, LogtoError,
    memory::Memory,
    oidc::{answer, token::client_authentication},
    provider::Provider,
    transport::Request,
    verify::{AccessTokenRules, AuthInfo},
};
use serde_json::Value;
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// From connecting to the last byte of an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// So many answers are believed for a while, good ones and refusals apart: bad tokens push out no good one.
const MOST_ANSWERS: usize = 10_000;
/// So many requests are at the provider at once; the others wait.
const MOST_REQUESTS: usize = 16;
/// Who waits longer for a place is told to try later.
const PATIENCE: Duration = Duration::from_secs(5);
/// Logto's have 43 characters.
const LONGEST_TOKEN: usize = 1024;

type Outcome = Result<AuthInfo, AccessError>;

/// Asks about opaque tokens, about each once at a time, and believes the answer for a while.
pub(super) struct Introspector {
    config: Introspection,
    answers: Mutex<Answers>,
    requests: Flights<Fingerprint, Outcome>,
    places: Semaphore,
}

struct Answers {
    good: Memory<AuthInfo>,
    refused: Memory<AccessError>,
}

impl Introspector {
    pub(super) fn new(config: Introspection) -> Self {
        let answers = Answers {
            good: Memory::new(config.lifetime, MOST_ANSWERS),
            refused: Memory::new(config.lifetime, MOST_ANSWERS),
        };
        Self {
            config,
            answers: Mutex::new(answers),
            requests: Flights::new(),
            places: Semaphore::new(MOST_REQUESTS),
        }
    }

    /// What an opaque token says, by the provider; believed answers are checked by the clock once more.
    pub(super) async fn ask(
        &self,
        token: &str,
        provider: &Provider,
        rules: &AccessTokenRules,
        now: Duration,
    ) -> Outcome {
        if token.len() > LONGEST_TOKEN {
            return Err(AccessError::invalid_token("the access token is too long for an opaque one"));
        }
        let fingerprint = Fingerprint::of(token);
        let auth = match self.believed(fingerprint, now) {
            Some(outcome) => outcome?,
            None => {
                let work = || self.ask_provider(fingerprint, token, provider, rules, now);
                self.requests.run(fingerprint, work).await?
            }
        };
        rules.check_again(&auth, now)?;
        Ok(auth)
    }

    async fn ask_provider(
        &self,
        fingerprint: Fingerprint,
        token: &str,
        provider: &Provider,
        rules: &AccessTokenRules,
        now: Duration,
    ) -> Outcome {
        let Ok(Ok(_place)) = tokio::time::timeout(PATIENCE, self.places.acquire()).await else {
            return Err(busy().into());
        };
        // Who comes as another one's request ends.
        if let Some(outcome) = self.believed(fingerprint, now) {
            return outcome;
        }
        let endpoint = provider.metadata().await?.introspection_endpoint.clone().ok_or_else(|| {
            LogtoError::new(
                ErrorKind::ProviderMisbehaved,
                "the provider's metadata name no introspection endpoint",
            )
        })?;
        let form = [("token", token), ("token_type_hint", "access_token")];
        let request = Request::post(endpoint, &form, TIMEOUT)
            .with_authorization(client_authentication(&self.config.app_id, Some(&self.config.app_secret)));
        let mut claims = answer::json(&provider.send(request).await?)?;
        let outcome = match claims.remove("active") {
            Some(Value::Bool(true)) => rules
                .verify_introspected(claims, now)
                .map_err(AccessError::from)
                .and_then(|auth| self.taken(auth)),
            _ => Err(AccessError::invalid_token(
                "the access token is refused: it is unknown, expired, or revoked",
            )),
        };
        let (key, mut answers) = (fingerprint.to_text(), self.answers());
        match &outcome {
            Ok(auth) => answers.good.insert(now, &key, auth.clone()),
            Err(error) => answers.refused.insert(now, &key, error.clone()),
        }
        outcome
    }

    /// An opaque token says not whom it is for: at least it is of an application that may come here.
    fn taken(&self, auth: AuthInfo) -> Outcome {
        if self.config.takes(auth.client_id()) {
            return Ok(auth);
        }
        Err(AccessError::invalid_token(
            "the access token was issued to an application that may not come here",
        ))
    }

    fn believed(&self, fingerprint: Fingerprint, now: Duration) -> Option<Outcome> {
        let (key, mut answers) = (fingerprint.to_text(), self.answers());
        if let Some(auth) = answers.good.get(now, &key) {
            return Some(Ok(auth.clone()));
        }
        answers.refused.get(now, &key).map(|error| Err(error.clone()))
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn busy() -> LogtoError {
    LogtoError::new(ErrorKind::Unavailable, "the provider is asked about too many opaque tokens: try later")
        .with_retry_after(Some(Duration::from_secs(1)))
}

impl fmt::Debug for Introspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspector").field("config", &self.config).finish_non_exhaustive()
    }
}
