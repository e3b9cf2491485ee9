//! What the provider tells of the person who is signed in.

use crate::{
    AccessToken, ErrorKind, LogtoError, LogtoSession, Secret, TokenTarget, UserInfo, oidc::answer,
    transport::Request,
};
use logto_storage_core::Storage;
use serde_json::{Map, Value};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

impl<S: Storage> LogtoSession<S> {
    /// Asks the provider for the person's data; one request, or a refresh before it where the access
    /// token has expired.
    ///
    /// # Errors
    ///
    /// Those of [`access_token`](Self::access_token); `ProviderMisbehaved` where the answer is about
    /// another person.
    ///
    /// Source: OpenID Connect Core §5.3.
    pub async fn fetch_user_info(&self) -> Result<UserInfo, LogtoError> {
        self.user_info().await.map_err(|error| self.address(error))
    }

    async fn user_info(&self) -> Result<UserInfo, LogtoError> {
        let claims = self.id_token_claims().await?;
        let token = self.access_token(TokenTarget::user_info()).await?;
        let answer = match self.user_info_of(&token).await {
            // Ended at the provider, or a token that is not what was stored: a refresh tells which.
            Err(error) if error.kind() == ErrorKind::NotAuthenticated => {
                let token = self.access_token(TokenTarget::user_info().forced()).await?;
                self.user_info_of(&token).await?
            }
            outcome => outcome?,
        };
        if answer.get("sub").and_then(Value::as_str) != Some(claims.sub()) {
            return Err(LogtoError::new(
                ErrorKind::ProviderMisbehaved,
                "the provider's user info is refused: its `sub` is not the ID token's",
            )
            .with_code("fetch_user_info_failed"));
        }
        Ok(UserInfo::new(answer))
    }

    async fn user_info_of(&self, token: &AccessToken) -> Result<Map<String, Value>, LogtoError> {
        let provider = &self.inner().provider;
        let endpoint = provider.metadata().await?.userinfo_endpoint.clone().ok_or_else(|| {
            LogtoError::new(
                ErrorKind::ProviderMisbehaved,
                "the provider's metadata name no `userinfo_endpoint`",
            )
        })?;
        let authorization = Secret::new(format!("Bearer {}", token.expose()));
        let request = Request::get(endpoint, TIMEOUT).with_authorization(Some(authorization));
        answer::json(&provider.send(request).await?)
    }
}
