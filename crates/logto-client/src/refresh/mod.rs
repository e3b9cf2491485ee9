//! Refreshing: the shell around the machine, and the call itself.

mod in_turn;
mod machine;

pub(crate) use machine::{Ask, Outcome, Refreshed, Shared};

use crate::{
    ErrorKind, IdTokenClaims, LogtoClient, LogtoError, Secret,
    exchange::may_pass,
    memory::Memory,
    oidc::{pkce, token},
    sign_out::revoke,
};
use machine::{Action, Event, KNOWN, MOST_KNOWN, Machine};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

/// The refreshes of this process.
#[derive(Debug)]
pub(crate) struct Refreshes(Mutex<Shell>);

#[derive(Debug)]
struct Shell {
    machine: Machine,
    callers: HashMap<u64, oneshot::Sender<Outcome>>,
    last_caller: u64,
    /// Visitors who have signed out: a session of theirs that is written back opens nothing.
    signed_out: Memory<()>,
}

impl Default for Refreshes {
    fn default() -> Self {
        Self(Mutex::new(Shell {
            machine: Machine::default(),
            callers: HashMap::new(),
            last_caller: 0,
            signed_out: Memory::new(KNOWN, MOST_KNOWN),
        }))
    }
}

impl Refreshes {
    /// The tokens of this refresh token, by a call of one's own or another's.
    pub(crate) async fn run(&self, client: &LogtoClient, holding: Secret, ask: Ask) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        let by = {
            let mut shell = self.shell();
            shell.last_caller += 1;
            let by = shell.last_caller;
            shell.callers.insert(by, sender);
            by
        };
        self.on(client, Event::Asked { by, holding, ask });
        receiver.await.unwrap_or_else(|_| Err(interrupted()))
    }

    /// A sign-out: gives the refresh token that is to be revoked.
    pub(crate) fn sign_out(
        &self,
        client: &LogtoClient,
        holding: Option<Secret>,
        visitor: Option<&Secret>,
    ) -> Option<Secret> {
        let now = client.0.settings.connection.now();
        if let Some(visitor) = visitor {
            self.shell().signed_out.insert(now, &pkce::sha256(visitor.expose()), ());
        }
        let newest = self.shell().machine.newest(now, &holding?);
        self.on(client, Event::SignedOut { holding: newest.clone() });
        Some(newest)
    }

    /// Whether anybody has signed out of late: only then is it worth looking who.
    pub(crate) fn any_signed_out(&self) -> bool {
        !self.shell().signed_out.is_empty()
    }

    pub(crate) fn has_signed_out(&self, now: Duration, visitor: &Secret) -> bool {
        self.shell().signed_out.get(now, &pkce::sha256(visitor.expose())).is_some()
    }

    /// Whether what this refresh token belongs to is over, as far as this process knows.
    pub(crate) fn has_ended(&self, now: Duration, token: &Secret) -> bool {
        self.shell().machine.has_ended(now, token)
    }

    /// The refresh token that has taken this one's place, as far as this process knows.
    fn newest(&self, client: &LogtoClient, held: &Secret) -> Secret {
        self.shell().machine.newest(client.0.settings.connection.now(), held)
    }

    /// The answers that are remembered of this refresh token are not given any more.
    pub(crate) fn clear(&self, client: &LogtoClient, holding: Secret) {
        self.on(client, Event::Cleared { holding });
    }

    fn answered(&self, client: &LogtoClient, lane: String, outcome: Result<Refreshed, LogtoError>) {
        self.on(client, Event::Answered { lane, outcome: outcome.map(Arc::new) });
    }

    /// What follows is done without the lock: a task that is refused by a runtime which ends comes back
    /// here at once.
    fn on(&self, client: &LogtoClient, event: Event) {
        let (mut told, mut tasks) = (Vec::new(), Vec::new());
        {
            let mut shell = self.shell();
            for action in shell.machine.on(client.0.settings.connection.now(), event) {
                match action {
                    Action::Tell { who, outcome } => {
                        let senders = who.iter().filter_map(|caller| shell.callers.remove(caller));
                        told.extend(senders.map(|sender| (sender, outcome.clone())));
                    }
                    task => tasks.push(task),
                }
            }
        }
        for (caller, outcome) in told {
            // Who has gone away hears nothing; what came is remembered.
            drop(caller.send(outcome));
        }
        for task in tasks {
            start(client, task);
        }
    }

    fn shell(&self) -> MutexGuard<'_, Shell> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In a task of its own, which a browser's leaving does not end.
fn start(client: &LogtoClient, action: Action) {
    match action {
        Action::Call { lane, refresh_token, ask } => {
            let flight = Flight { client: client.clone(), lane: Some(lane) };
            client.0.tasks.spawn(async move {
                let outcome = match &ask.shared {
                    Some(shared) => in_turn::call(&flight.client, shared, &ask).await,
                    None => call(&flight.client, refresh_token, &ask).await,
                };
                flight.land(outcome);
            });
        }
        Action::Revoke(token) => {
            let task = client.clone();
            client.0.tasks.spawn(async move { revoke(&task, token).await });
        }
        Action::Tell { .. } => {}
    }
}

/// A call under way. Whatever becomes of its task, those who wait hear of it.
struct Flight {
    client: LogtoClient,
    lane: Option<String>,
}

impl Flight {
    fn land(mut self, outcome: Result<Refreshed, LogtoError>) {
        if let Some(lane) = self.lane.take() {
            self.client.0.refreshes.answered(&self.client, lane, outcome);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            self.client.0.refreshes.answered(&self.client, lane, Err(interrupted()));
        }
    }
}

async fn call(client: &LogtoClient, refresh_token: Secret, ask: &Ask) -> Result<Refreshed, LogtoError> {
    let (settings, provider) = (&client.0.settings, &client.0.provider);
    let scope = ask.target.scope();
    let form = token::refresh_form(settings, refresh_token.expose(), &ask.target, scope.as_deref());
    let sent_at = settings.connection.now();
    let answer = provider.token(&form, settings.authentication()).await.map_err(only_a_dead_grant_ends)?;
    let access_token = answer.stored(sent_at);
    let id_token = match answer.id_token {
        Some(id_token) => verified(client, ask, id_token, access_token.token.expose()).await?,
        None => None,
    };
    Ok(Refreshed {
        refresh_token: answer.refresh_token.unwrap_or(refresh_token),
        id_token,
        access_token: (ask.target.key(), access_token),
    })
}

/// The ID token of a refresh, verified; `None` where it may not take the stored one's place.
///
/// Source: OpenID Connect Core §12.2.
async fn verified(
    client: &LogtoClient,
    ask: &Ask,
    id_token: Secret,
    access_token: &str,
) -> Result<Option<Secret>, LogtoError> {
    let provider = &client.0.provider;
    let rules = provider.id_token_rules(&client.0.settings.app_id, access_token);
    let claims = match provider.verify_id_token(id_token.expose(), &rules).await {
        Ok(verified) => IdTokenClaims::new(verified.into_claims()),
        // Its key is new and cannot be fetched: the tokens that came along are not lost by that.
        Err(error) if may_pass(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let before = ask.claims();
    if before.get("sub").is_some_and(|sub| sub.as_str() != Some(claims.sub())) {
        return Err(refused("`sub` is another person's"));
    }
    // By less than clocks differ an older one is no replay, and takes nobody's place.
    let issued = |claims: &Map<String, Value>| claims.get("iat").and_then(Value::as_f64).unwrap_or_default();
    let earlier = issued(&before) - issued(claims.as_map());
    if earlier > client.0.settings.connection.clock_tolerance.as_secs_f64() {
        return Err(refused("`iat` is before that of the one that is held"));
    }
    for name in ["nonce", "auth_time"] {
        if let (Some(old), Some(new)) = (before.get(name), claims.get(name))
            && old != new
        {
            return Err(refused(&format!("`{name}` is not that of the sign-in")));
        }
    }
    let about_the_token = ["nonce", "at_hash", "c_hash", "sid", "auth_time", "azp", "jti"];
    let narrower =
        before.keys().any(|name| claims.get(name).is_none() && !about_the_token.contains(&name.as_str()));
    Ok((earlier <= 0.0 && !narrower && ask.target.scope().is_none()).then_some(id_token))
}

fn refused(problem: &str) -> LogtoError {
    LogtoError::new(ErrorKind::InvalidToken, format!("the refreshed ID token is refused: {problem}"))
        .with_code("id_token.invalid_token")
}

/// Of all that a provider may answer to a refresh only `invalid_grant` ends the sign-in.
fn only_a_dead_grant_ends(error: LogtoError) -> LogtoError {
    match (error.kind(), error.code()) {
        (ErrorKind::CallbackRejected, Some("invalid_grant")) => {
            let message = "the sign-in has ended at the provider: send the person to sign-in";
            LogtoError::new(ErrorKind::NotAuthenticated, message)
                .with_code("invalid_grant")
                .with_description(error.description().map(str::to_owned))
        }
        (ErrorKind::NotAuthenticated, _) => LogtoError::new(
            ErrorKind::ProviderMisbehaved,
            "the provider refuses the refresh without saying that the grant is invalid",
        )
        .with_code("http_error_401"),
        _ => error,
    }
}

/// The process ends, or the task that made the call.
fn interrupted() -> LogtoError {
    LogtoError::new(ErrorKind::Unavailable, "the refresh was interrupted: try again")
}
