//! What the token endpoint decides, for tests that watch it.

use std::{fmt, sync::Arc};

/// One request to the token endpoint and what became of it. `Debug` shows no token.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct TokenCall {
    /// `grant_type`, as sent.
    pub grant_type: String,
    /// The code or refresh token that was presented.
    pub presented: String,
    /// Whose it is, where it is known.
    pub username: Option<String>,
    /// Whether it was used before: a code, or a refresh token whose place another one has taken.
    pub used_before: bool,
    /// `resource`, as sent.
    pub resource: Option<String>,
    /// The refresh token of the answer.
    pub issued: Option<String>,
    /// `error` of the answer.
    pub error: Option<&'static str>,
}

pub(crate) type Watch = Arc<dyn Fn(&TokenCall) + Send + Sync>;

impl fmt::Debug for TokenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCall")
            .field("grant_type", &self.grant_type)
            .field("username", &self.username)
            .field("used_before", &self.used_before)
            .field("resource", &self.resource)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
