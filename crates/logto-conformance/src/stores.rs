//! Token stores by their address, as operators write it.

use logto_storage_core::{MemoryTokenStore, TokenStore};
use std::{error::Error, sync::Arc};

/// The store at this address: `memory:`.
///
/// # Errors
///
/// Where the address is of no known store, or the store does not answer.
pub async fn open(address: &str) -> Result<Arc<dyn TokenStore>, Box<dyn Error + Send + Sync>> {
    match address.split(':').next().unwrap_or_default() {
        "memory" => Ok(Arc::new(MemoryTokenStore::new())),
        scheme => Err(format!("`{scheme}` is no token store").into()),
    }
}
