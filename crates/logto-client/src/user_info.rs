//! What the provider tells of the person who is signed in.

use crate::{
    ErrorKind, LogtoError, LogtoSession, Secret, UserInfo,
    oidc::answer,
    session::not_authenticated,
    tokens::{self, AccessTokenMap},
    transport::Request,
};
use logto_storage_core::Storage;
use serde_json::Value;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

impl<S: Storage> LogtoSession<S> {
    /// Asks the provider for the person's data; one request.
    ///
    /// # Errors
    ///
    /// `NotAuthenticated` where nobody is signed in or the access token is no longer good;
    /// `Unavailable` and `RateLimited` where the same call may succeed later; `ProviderMisbehaved` where
    /// the answer is about another person.
    ///
    /// Source: OpenID Connect Core §5.3.
    pub async fn fetch_user_info(&self) -> Result<UserInfo, LogtoError> {
        let claims = self.id_token_claims().await?;
        let map = AccessTokenMap::load(self.storage()).await?;
        let token = map.get(tokens::USER_INFO, self.now()).ok_or_else(not_authenticated)?;
        let provider = &self.inner().provider;
        let endpoint = provider.metadata().await?.userinfo_endpoint.clone().ok_or_else(|| {
            LogtoError::new(
                ErrorKind::ProviderMisbehaved,
                "the provider's metadata name no `userinfo_endpoint`",
            )
        })?;
        let authorization = Secret::new(format!("Bearer {}", token.token.expose()));
        let request = Request::get(endpoint, TIMEOUT).with_authorization(Some(authorization));
        let answer = answer::json(&provider.send(request).await?)?;
        if answer.get("sub").and_then(Value::as_str) != Some(claims.sub()) {
            return Err(LogtoError::new(
                ErrorKind::ProviderMisbehaved,
                "the provider's user info is refused: its `sub` is not the ID token's",
            )
            .with_code("fetch_user_info_failed"));
        }
        Ok(UserInfo::new(answer))
    }
}
