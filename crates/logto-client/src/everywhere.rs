//! Ending sign-ins without their visitors: everywhere at once, and on the provider's word.

use crate::{ErrorKind, LogtoClient, LogtoError, Secret, sign_out::revoke};
use logto_storage_core::{Items, StorageError, Tickets, TokenStoreError, keys};
use std::time::Duration;

/// A logout token is forgotten so long after it is refused anyway: clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

impl LogtoClient {
    /// Signs a person out of all their sessions, on all machines, and revokes their refresh tokens; how
    /// many sessions there were. Their session at Logto stays.
    ///
    /// ```
    /// # use logto_client::{LogtoClient, LogtoError};
    /// async fn after_a_stolen_phone(client: &LogtoClient, sub: &str) -> Result<(), LogtoError> {
    ///     let sessions = client.sign_out_everywhere(sub).await?;
    ///     println!("{sessions} sessions have ended");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` without a token store; `InvalidInput` where `sub` is empty; `Storage` where the store
    /// does not answer: call again, sessions that have ended stay ended. A provider that does not revoke is logged and no error.
    pub async fn sign_out_everywhere(&self, sub: &str) -> Result<usize, LogtoError> {
        if sub.is_empty() {
            return Err(LogtoError::new(ErrorKind::InvalidInput, "sign-out everywhere: `sub` is empty"));
        }
        let ended = self.tickets()?.end_all_of(sub).await.map_err(storage)?;
        let revocations: Vec<_> = self.noted(&ended).map(|token| self.spawn_revocation(token)).collect();
        for revocation in revocations {
            // An error is a panic of the task, which the runtime reports.
            drop(revocation.await);
        }
        Ok(ended.len())
    }

    /// Ends what a logout token of the provider's names: the sessions of its `sid`, and those of its `sub`
    /// that do not say of which session they are; with `sub` alone all of that person's. How many there
    /// were. A token that comes again ends nothing.
    ///
    /// The bindings' route does this; by hand, answer 200, or 400 for an error, and `Cache-Control: no-store`.
    ///
    /// # Errors
    ///
    /// `Misconfigured` without a token store; `InvalidToken` where the token is refused; `Storage` and
    /// `Unavailable` where the store or the provider's keys cannot be had.
    ///
    /// Source: OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8.
    pub async fn handle_back_channel_logout(&self, logout_token: &str) -> Result<usize, LogtoError> {
        let (tickets, settings) = (self.tickets()?, &self.0.settings);
        let token = self
            .0
            .provider
            .verify_logout_token(&settings.app_id, logout_token, settings.strict_logout_tokens)
            .await?;
        let lifetime = Duration::from_secs(token.expires_at()).saturating_sub(settings.connection.now())
            + settings.connection.clock_tolerance
            + MARGIN;
        if !tickets.once(&format!("logout {}", token.jti()), lifetime).await.map_err(storage)? {
            return Ok(0);
        }
        let ended = match (token.sid(), token.sub()) {
            (Some(sid), sub) => tickets.end_session(sub, sid).await,
            (None, Some(sub)) => tickets.end_all_of(sub).await,
            (None, None) => Ok(Vec::new()),
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                // The provider, or its operator, may send the token again: it must not count as a replay.
                drop(tickets.forget(&format!("logout {}", token.jti())).await);
                return Err(storage(error));
            }
        };
        self.noted(&ended).for_each(drop);
        Ok(ended.len())
    }

    /// Whether back-channel logout can work; for bindings.
    ///
    /// # Errors
    ///
    /// `Misconfigured` without a token store.
    pub fn check_back_channel_logout(&self) -> Result<(), LogtoError> {
        self.tickets().map(drop)
    }

    pub(crate) fn tickets(&self) -> Result<&Tickets, LogtoError> {
        self.0.settings.tickets.as_ref().ok_or_else(|| {
            LogtoError::new(
                ErrorKind::Misconfigured,
                "sessions can be found by person only in a token store: give one to \
                 LogtoConfig::token_store, MemoryTokenStore for one process",
            )
        })
    }

    /// The refresh tokens of these sign-ins, which this process takes for ended from now on.
    fn noted<'a>(&'a self, ended: &'a [Items]) -> impl Iterator<Item = Secret> + 'a {
        let tokens = ended.iter().filter_map(|items| items.get(keys::REFRESH_TOKEN)).map(Secret::new);
        tokens.filter_map(|token| self.0.refreshes.sign_out(self, Some(token), None))
    }

    fn spawn_revocation(&self, token: Secret) -> tokio::task::JoinHandle<()> {
        let client = self.clone();
        self.0.tasks.spawn(async move { revoke(&client, token).await })
    }
}

fn storage(error: TokenStoreError) -> LogtoError {
    StorageError::from(error).into()
}
