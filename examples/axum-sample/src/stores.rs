//! Where tokens are kept, as the environment says. Both samples share it.

use logto_client::{MemoryTokenStore, TokenStore};
use logto_storage_redis::RedisTokenStore;
use logto_storage_sqlx::{PostgresTokenStore, SqliteTokenStore};
use std::{env, error::Error, sync::Arc};

/// `LOGTO_STORE`: `session` (the default), `memory`, `redis://…`, `postgres://…` or `sqlite:…`.
pub(crate) async fn token_store() -> Result<Option<Arc<dyn TokenStore>>, Box<dyn Error>> {
    let url = env::var("LOGTO_STORE").unwrap_or_else(|_| "session".to_owned());
    Ok(match scheme(&url) {
        "session" => None,
        "memory" => Some(Arc::new(MemoryTokenStore::new())),
        "redis" | "rediss" => Some(Arc::new(RedisTokenStore::connect(&url).await?)),
        "postgres" | "postgresql" => Some(Arc::new(PostgresTokenStore::connect(&url).await?)),
        "sqlite" => Some(Arc::new(SqliteTokenStore::connect(&url).await?)),
        _ => return Err(unknown("LOGTO_STORE", "session, memory, redis://…, postgres://… or sqlite:…")),
    })
}

/// What the address of a store begins with.
pub(crate) fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

pub(crate) fn unknown(variable: &str, allowed: &str) -> Box<dyn Error> {
    format!("{variable} is none of {allowed}").into()
}
