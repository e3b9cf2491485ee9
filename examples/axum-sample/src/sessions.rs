//! Where sessions are kept, as the environment says.

use crate::stores::{scheme, unknown};
use axum::Router;
use std::{env, error::Error};
use tower_sessions_0_14::{MemoryStore, SessionManagerLayer, SessionStore, cookie::SameSite};
use tower_sessions_redis_store::{RedisStore, fred::prelude::*};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore, sqlx};

/// `SESSION_STORE`: `memory` (the default: a restart signs everybody out), `redis://…`, `postgres://…` or
/// `sqlite:…`.
pub(crate) async fn around<S: Clone + Send + Sync + 'static>(
    app: Router<S>,
    secure: bool,
) -> Result<Router<S>, Box<dyn Error>> {
    let url = env::var("SESSION_STORE").unwrap_or_else(|_| "memory".to_owned());
    Ok(match scheme(&url) {
        "memory" => app.layer(layer(MemoryStore::default(), secure)),
        "redis" | "rediss" => {
            let pool = Pool::new(Config::from_url(&url)?, None, None, None, 4)?;
            pool.init().await?;
            app.layer(layer(RedisStore::new(pool), secure))
        }
        "postgres" | "postgresql" => {
            let store = PostgresStore::new(sqlx::PgPool::connect(&url).await?);
            store.migrate().await?;
            app.layer(layer(store, secure))
        }
        "sqlite" => {
            let store = SqliteStore::new(sqlx::SqlitePool::connect(&url).await?);
            store.migrate().await?;
            app.layer(layer(store, secure))
        }
        _ => return Err(unknown("SESSION_STORE", "memory, redis://…, postgres://… or sqlite:…")),
    })
}

/// Lax: the browser sends its cookie when it comes back from Logto.
fn layer<T: SessionStore>(store: T, secure: bool) -> SessionManagerLayer<T> {
    SessionManagerLayer::new(store).with_same_site(SameSite::Lax).with_secure(secure)
}
