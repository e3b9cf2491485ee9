//! Token stores by their address, as operators write it.

use logto_storage_core::{MemoryTokenStore, TokenStore, TokenStoreError, TokenStoreErrorKind};
use logto_storage_redis::RedisTokenStore;
use logto_storage_sqlx::{PostgresTokenStore, SqliteTokenStore};
use std::sync::Arc;

/// The store at this address: `memory:`, `redis://…`, `postgres://…` or `sqlite:…`.
///
/// # Errors
///
/// `Misconfigured` where the address is of none of them; else those of the store.
pub async fn open(address: &str) -> Result<Arc<dyn TokenStore>, TokenStoreError> {
    Ok(match address.split(':').next().unwrap_or_default() {
        "memory" => Arc::new(MemoryTokenStore::new()),
        "redis" => Arc::new(RedisTokenStore::connect(address).await?),
        "postgres" => Arc::new(PostgresTokenStore::connect(address).await?),
        "sqlite" => Arc::new(SqliteTokenStore::connect(address).await?),
        _ => {
            let problem = "no token store has such an address";
            return Err(TokenStoreError::new(TokenStoreErrorKind::Misconfigured).with_source(problem));
        }
    })
}
