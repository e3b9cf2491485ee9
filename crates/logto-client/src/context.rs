//! Everything of a visitor at once, as Logto's `getContext` gives it.

use crate::{AccessToken, ErrorKind, IdTokenClaims, LogtoError, LogtoSession, TokenTarget, UserInfo};
use logto_storage_core::Storage;
use std::collections::BTreeMap;

/// What [`LogtoSession::context`] fetches beside the claims; by default nothing.
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing before they are given to context"]
pub struct ContextOptions {
    access_token: Option<TokenTarget>,
    user_info: bool,
    organization_tokens: bool,
}

impl ContextOptions {
    /// Nothing beside the claims.
    pub fn new() -> Self {
        Self::default()
    }

    /// An access token too.
    pub fn access_token(mut self, target: impl Into<TokenTarget>) -> Self {
        self.access_token = Some(target.into());
        self
    }

    /// The person's data too; a request.
    pub fn user_info(mut self) -> Self {
        self.user_info = true;
        self
    }

    /// A token for each of the person's organizations too.
    pub fn organization_tokens(mut self) -> Self {
        self.organization_tokens = true;
        self
    }
}

/// What is known of a visitor.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LogtoContext {
    /// Whether somebody is signed in.
    pub is_authenticated: bool,
    /// The ID token's claims.
    pub claims: Option<IdTokenClaims>,
    /// The person's data, where asked for.
    pub user_info: Option<UserInfo>,
    /// The access token, where asked for.
    pub access_token: Option<AccessToken>,
    /// Tokens by organization id, where asked for.
    pub organization_tokens: BTreeMap<String, AccessToken>,
}

impl<S: Storage> LogtoSession<S> {
    /// Whether somebody is signed in, who, and what `options` ask for beside.
    ///
    /// Where nobody is signed in, or the sign-in has ended, it says so. A provider that is away is an
    /// error, not a visitor who is signed out.
    ///
    /// # Errors
    ///
    /// Those of [`access_token`](Self::access_token) and [`fetch_user_info`](Self::fetch_user_info);
    /// `NotAuthenticated` only where somebody is signed in and has no refresh token.
    pub async fn context(&self, options: ContextOptions) -> Result<LogtoContext, LogtoError> {
        match self.filled_context(options).await {
            Err(error) if error.kind() == ErrorKind::NotAuthenticated && !self.is_authenticated().await? => {
                Ok(LogtoContext::default())
            }
            outcome => outcome,
        }
    }

    async fn filled_context(&self, options: ContextOptions) -> Result<LogtoContext, LogtoError> {
        let claims = self.id_token_claims().await?;
        let mut context = LogtoContext { is_authenticated: true, ..LogtoContext::default() };
        if let Some(target) = options.access_token {
            context.access_token = Some(self.access_token(target).await?);
        }
        if options.user_info {
            context.user_info = Some(self.fetch_user_info().await?);
        }
        if options.organization_tokens {
            for id in claims.organizations() {
                let token = self.organization_token(id).await?;
                context.organization_tokens.insert(id.to_owned(), token);
            }
        }
        context.claims = Some(claims);
        Ok(context)
    }
}
