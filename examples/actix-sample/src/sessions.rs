//! Where sessions are kept, as the environment says.

use crate::{
    memory::MemoryStore,
    stores::{scheme, unknown},
};
use actix_session::storage::{
    LoadError, RedisSessionStore, SaveError, SessionKey, SessionStore, UpdateError,
};
use actix_web::cookie::{Key, time::Duration};
use std::{collections::HashMap, env, error::Error};

/// The store of the sessions: a middleware has one type.
#[derive(Clone)]
pub(crate) enum Sessions {
    Memory(MemoryStore),
    Redis(RedisSessionStore),
}

/// `SESSION_STORE`: `memory` (the default: a restart signs everybody out) or `redis://…`.
pub(crate) async fn store() -> Result<Sessions, Box<dyn Error>> {
    let url = env::var("SESSION_STORE").unwrap_or_else(|_| "memory".to_owned());
    Ok(match scheme(&url) {
        "memory" => Sessions::Memory(MemoryStore::default()),
        "redis" | "rediss" => Sessions::Redis(RedisSessionStore::new(url).await?),
        _ => return Err(unknown("SESSION_STORE", "memory or redis://…")),
    })
}

/// `SESSION_KEY`, at least 64 bytes, signs and encrypts cookies: processes that share sessions share it.
pub(crate) fn key() -> Result<Key, Box<dyn Error>> {
    match env::var("SESSION_KEY") {
        Ok(text) => Ok(Key::try_from(text.as_bytes())?),
        Err(_) => Ok(Key::generate()),
    }
}

type State = HashMap<String, String>;

macro_rules! on {
    ($sessions:expr, $store:ident => $call:expr) => {
        match $sessions {
            Sessions::Memory($store) => $call,
            Sessions::Redis($store) => $call,
        }
    };
}

impl SessionStore for Sessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        on!(self, store => store.load(key).await)
    }

    async fn save(&self, state: State, ttl: &Duration) -> Result<SessionKey, SaveError> {
        on!(self, store => store.save(state, ttl).await)
    }

    async fn update(&self, key: SessionKey, state: State, ttl: &Duration) -> Result<SessionKey, UpdateError> {
        on!(self, store => store.update(key, state, ttl).await)
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
        on!(self, store => store.update_ttl(key, ttl).await)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        on!(self, store => store.delete(key).await)
    }
}
