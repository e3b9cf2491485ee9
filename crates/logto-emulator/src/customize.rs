//! Claims that a tenant adds to access tokens.

use crate::Emulator;
use serde_json::{Map, Value};
use std::sync::Arc;

/// An access token that is about to be signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenContext {
    /// Whose it is; nobody's where a machine asks for itself.
    pub username: Option<String>,
    /// For which application.
    pub client_id: String,
    /// For which resource or organization.
    pub audience: String,
}

pub(crate) type Customize = Arc<dyn Fn(&TokenContext) -> Result<Map<String, Value>, String> + Send + Sync>;

impl Emulator {
    /// Adds claims to access tokens that are JWTs, as a tenant's script of custom claims does. Claims that the
    /// server sets win. An error is the script's `api.denyAccess`: the request is refused, in these words.
    pub fn customize_access_tokens(
        &self,
        customize: impl Fn(&TokenContext) -> Result<Map<String, Value>, String> + Send + Sync + 'static,
    ) {
        self.shared.state().customize = Some(Arc::new(customize));
    }
}
