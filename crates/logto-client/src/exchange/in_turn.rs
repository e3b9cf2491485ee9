//! Exchanging a code whose callback other processes may have received too: one does it, all hear of it.

use super::{Exchanged, Outcome, exchange as ask_provider, is_completed, may_pass};
use crate::{
    ErrorKind, IdTokenClaims, LogtoClient, LogtoError,
    pending::{Pending, PendingSignIns, StoredExchange},
    secret::{StoredSecret, same},
    sign_out::revoke,
    turn::{Record, Turn},
    verify::decode_claims,
};
use logto_storage_core::{Changes, Items, StorageErrorKind, keys};
use std::{sync::Arc, time::Duration};

/// Longer than a token call takes at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// What this callback brings, by an exchange of one's own or another process's.
pub(super) async fn exchange(
    client: &LogtoClient,
    record: &Record,
    pending: &Pending,
    key: &str,
    code: &str,
) -> Outcome {
    let state = pending.state.expose();
    loop {
        let written = |items: &Items| match entry(client, items, state) {
            Some(pending) if pending.exchanged.is_none() => None,
            known => Some(completed(known, key)),
        };
        let mut turn = match record.turn(PATIENCE, written).await.map_err(ended)? {
            Ok(turn) => turn,
            Err(outcome) => return outcome,
        };
        let outcome = in_turn(client, record, &mut turn, state, key, code).await;
        turn.end().await;
        // Otherwise somebody else has taken over: what they have written is looked at in another turn.
        if let Some(outcome) = outcome.transpose() {
            return outcome;
        }
    }
}

async fn in_turn(
    client: &LogtoClient,
    record: &Record,
    turn: &mut Turn<'_>,
    state: &str,
    key: &str,
    code: &str,
) -> Result<Option<Arc<Exchanged>>, LogtoError> {
    let items = record.read().await?;
    let pending = match entry(client, &items, state) {
        Some(pending) if pending.exchanged.is_none() => pending,
        known => return completed(known, key).map(Some),
    };
    let Some(answer) = turn.during(ask_provider(client, pending, code)).await else { return Ok(None) };
    let exchanged = match answer {
        Ok(exchanged) => exchanged,
        Err(error) => {
            if !may_pass(&error) {
                // The code is spent: nothing can come of this sign-in.
                drop(turn.write(|items| edited(client, items, state, None)).await);
            }
            return Err(error);
        }
    };
    let stored = exchanged.stored(key);
    match turn.write(|items| edited(client, items, state, Some(&stored))).await {
        Ok(()) => Ok(Some(exchanged)),
        Err(error) => match error.kind() {
            StorageErrorKind::LeaseLost => Ok(None),
            StorageErrorKind::Gone => {
                let (_, access_token) = &exchanged.access_token;
                let token = exchanged.refresh_token.clone().unwrap_or_else(|| access_token.token.clone());
                revoke(client, token).await;
                Err(error.into())
            }
            // This process remembers it for those who bring the same callback here.
            kind => {
                tracing::error!(%error, ?kind, "a sign-in is not written yet, and is in this process only");
                Ok(Some(exchanged))
            }
        },
    }
}

fn entry(client: &LogtoClient, items: &Items, state: &str) -> Option<Pending> {
    list(client, items).take(state)
}

fn list(client: &LogtoClient, items: &Items) -> PendingSignIns {
    PendingSignIns::parse(items.get(keys::SIGN_IN_SESSION), client.0.settings.connection.now())
}

/// The list with what the exchange has brought, or without this sign-in.
fn edited(client: &LogtoClient, items: &Items, state: &str, exchanged: Option<&StoredExchange>) -> Changes {
    let mut list = list(client, items);
    match exchanged {
        Some(exchanged) => {
            if let Some(pending) = list.find(state) {
                pending.exchanged = Some(exchanged.clone());
            }
        }
        None => drop(list.take(state)),
    }
    list.kept_in(Changes::new().expecting(keys::SIGN_IN_SESSION, items.get(keys::SIGN_IN_SESSION)))
}

/// What another process has brought of this callback.
fn completed(known: Option<Pending>, key: &str) -> Outcome {
    let is_this = |stored: &StoredExchange| same(&stored.key, key);
    let Some((pending, stored)) = known.and_then(|mut pending| {
        let stored = pending.exchanged.take().filter(is_this)?;
        Some((pending, stored))
    }) else {
        return Err(is_completed());
    };
    let id_token = match stored.id_token {
        Some(StoredSecret(token)) => {
            let claims = decode_claims(token.expose()).map_err(LogtoError::from)?;
            Some((token, IdTokenClaims::new(claims)))
        }
        None => None,
    };
    let refresh_token = stored.refresh_token.map(|StoredSecret(token)| token);
    Ok(Arc::new(Exchanged { pending, id_token, refresh_token, access_token: stored.access_token }))
}

fn ended(error: LogtoError) -> LogtoError {
    if error.kind() == ErrorKind::NotAuthenticated { is_completed() } else { error }
}
