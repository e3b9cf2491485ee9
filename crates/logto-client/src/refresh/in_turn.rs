//! Refreshing a record that other processes refresh too: in turn, each with the newest refresh token.

use super::{Ask, Refreshed, Shared, call as ask_provider, machine::signed_out};
use crate::{
    LogtoClient, LogtoError, Secret,
    sign_out::revoke,
    tokens::{AccessTokenMap, StoredToken},
    turn::{Record, Turn},
};
use logto_storage_core::{Changes, Items, StorageError, StorageErrorKind, keys};
use std::time::Duration;

/// For so long a refresh token that the store did not take is brought to it again.
const KEPT: Duration = Duration::from_secs(60);

/// The tokens of this record, by a call of one's own or another process's.
pub(super) async fn call(client: &LogtoClient, shared: &Shared, ask: &Ask) -> Result<Refreshed, LogtoError> {
    loop {
        let written = |items: &Items| good_enough(client, shared, ask, items);
        let mut turn = match shared.record.turn(shared.patience, written).await? {
            Ok(turn) => turn,
            Err(refreshed) => return Ok(refreshed),
        };
        let outcome = in_turn(client, shared, ask, &mut turn).await;
        turn.end().await;
        // Otherwise somebody else was faster: what they have written is looked at in another turn.
        if let Some(outcome) = outcome.transpose() {
            return outcome;
        }
    }
}

/// `None` where somebody else has written what this turn was about.
async fn in_turn(
    client: &LogtoClient,
    shared: &Shared,
    ask: &Ask,
    turn: &mut Turn<'_>,
) -> Result<Option<Refreshed>, LogtoError> {
    let items = shared.record.read().await?;
    if let Some(refreshed) = good_enough(client, shared, ask, &items) {
        return Ok(Some(refreshed));
    }
    let items = turn.after_the_one_before(items).await?;
    if let Some(refreshed) = good_enough(client, shared, ask, &items) {
        return Ok(Some(refreshed));
    }
    let stored = items.get(keys::REFRESH_TOKEN).map(Secret::new).ok_or_else(signed_out)?;
    // This process may know a newer one, which the store did not take.
    let newest = client.0.refreshes.newest(client, &stored);
    let Some(answer) = turn.during(ask_provider(client, newest, ask)).await else { return Ok(None) };
    let refreshed = match answer {
        Ok(refreshed) => refreshed,
        Err(error) if error.code() == Some("invalid_grant") => {
            let now = shared.record.read().await?;
            if now.get(keys::REFRESH_TOKEN) != Some(stored.expose()) {
                return Ok(None);
            }
            if turn.abandoned {
                tracing::warn!("a process that ended during a refresh has taken a refresh token with it");
            }
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    let now = client.0.settings.connection.now();
    match turn.write(|items| changes(items, &refreshed, now)).await {
        Ok(()) => Ok(Some(refreshed)),
        Err(error) => not_written(client, shared, &stored, refreshed, error).await,
    }
}

/// What becomes of an answer that the store does not take.
async fn not_written(
    client: &LogtoClient,
    shared: &Shared,
    stored: &Secret,
    refreshed: Refreshed,
    error: StorageError,
) -> Result<Option<Refreshed>, LogtoError> {
    match error.kind() {
        StorageErrorKind::LeaseLost => {
            tracing::warn!("a refresh came back after its lease was another's: its answer is dropped");
            Ok(None)
        }
        StorageErrorKind::Gone => {
            revoke(client, refreshed.refresh_token).await;
            Err(signed_out())
        }
        StorageErrorKind::TooLarge => Err(error.into()),
        // The requests that wait are served; this process remembers the new refresh token.
        kind => {
            tracing::error!(%error, ?kind, "a refreshed token is not written yet, and is in this process only");
            let (client, record, stored) = (client.clone(), shared.record.clone(), stored.clone());
            let late = refreshed.clone();
            let tasks = client.0.tasks.clone();
            tasks.spawn(async move { write_late(&client, &record, &stored, &late).await });
            Ok(Some(refreshed))
        }
    }
}

/// Brings an answer to a store that was away. Its turn may be over by then: it is written only in the place
/// of a refresh token that it has taken the place of.
async fn write_late(client: &LogtoClient, record: &Record, stored: &Secret, refreshed: &Refreshed) {
    let ours = &refreshed.refresh_token;
    let newest = |token: &Secret| client.0.refreshes.newest(client, token);
    let written = record.write_late(KEPT, |items| {
        let held = items.get(keys::REFRESH_TOKEN).map(Secret::new)?;
        let is_older = held.expose() == stored.expose() || newest(&held).expose() == ours.expose();
        let is_newest = newest(ours).expose() == ours.expose();
        let replaces = held.expose() != ours.expose() && is_older && is_newest;
        let now = client.0.settings.connection.now();
        replaces.then(|| changes(items, refreshed, now).expecting(keys::REFRESH_TOKEN, Some(held.expose())))
    });
    match written.await {
        Ok(()) => {}
        Err(error) if error.kind() == StorageErrorKind::Gone => revoke(client, ours.clone()).await,
        Err(error) => {
            let kind = error.kind();
            tracing::error!(%error, ?kind, "a refreshed token is not written, and is in this process only");
        }
    }
}

/// A token that somebody else has brought, where it is what is asked for.
fn good_enough(client: &LogtoClient, shared: &Shared, ask: &Ask, items: &Items) -> Option<Refreshed> {
    let now = client.0.settings.connection.now();
    let key = ask.target.key();
    let token: StoredToken = AccessTokenMap::parse(items.get(keys::ACCESS_TOKEN_MAP)).get(&key, now)?.clone();
    let is_new = shared.held.as_ref().is_none_or(|held| held.expose() != token.token.expose());
    if !token.is_fresh(now) || ask.target.is_forced() && !is_new {
        return None;
    }
    let refresh_token = Secret::new(items.get(keys::REFRESH_TOKEN)?);
    Some(Refreshed { refresh_token, id_token: None, access_token: (key, token) })
}

fn changes(items: &Items, refreshed: &Refreshed, now: Duration) -> Changes {
    let before = items.get(keys::ACCESS_TOKEN_MAP);
    let mut map = AccessTokenMap::parse(before);
    let (key, token) = &refreshed.access_token;
    map.insert(key.clone(), token.clone());
    let mut changes = Changes::new()
        .expecting(keys::ACCESS_TOKEN_MAP, before)
        .set(keys::REFRESH_TOKEN, refreshed.refresh_token.expose());
    if let Some(id_token) = &refreshed.id_token {
        changes = changes.set(keys::ID_TOKEN, id_token.expose());
    }
    match map.to_json(now) {
        Some(json) => changes.set(keys::ACCESS_TOKEN_MAP, json),
        None => changes,
    }
}
