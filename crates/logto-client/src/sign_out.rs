//! Signing out: here first, then at the provider.

use crate::{
    ErrorKind, LogtoClient, LogtoError, LogtoSession, Secret,
    oidc::{answer, callback::rejected, pkce},
    secret::same,
    session_meta::SessionMeta,
    transport::Request,
};
use logto_storage_core::{Changes, Storage, keys};
use std::time::Duration;
use tokio::task::JoinHandle;
use url::Url;

/// A sign-out waits for the revocation no longer than this.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(3);

impl<S: Storage> LogtoSession<S> {
    /// Signs the visitor out and gives the address that ends their session at Logto.
    ///
    /// The items are gone from the storage whatever this returns. The refresh token is revoked, with
    /// client authentication; Logto revokes all tokens of its grant with it. `post_logout_redirect` is
    /// where Logto sends the person afterwards; registered in Logto's console.
    ///
    /// # Errors
    ///
    /// `InvalidInput` before anything is done where `post_logout_redirect` is no absolute URL; those of
    /// the storage; `Unavailable` where the provider's metadata were never fetched: the person is signed
    /// out here, but not at Logto.
    ///
    /// Source: OpenID Connect RP-Initiated Logout 1.0, RFC 7009.
    pub async fn sign_out(&self, post_logout_redirect: Option<&str>) -> Result<Url, LogtoError> {
        if let Some(uri) = post_logout_redirect
            && Url::parse(uri).is_err()
        {
            return Err(LogtoError::new(
                ErrorKind::InvalidInput,
                "sign-out: the post-logout redirect URI is no absolute URL",
            ));
        }
        let storage = self.storage();
        let before = SessionMeta::load(storage).await?;
        let state = post_logout_redirect.map(|_| pkce::random()).transpose()?;
        let meta = SessionMeta::signed_out(state.clone());
        let changes = Changes::new().remove(keys::SIGN_IN_SESSION);
        let refresh_token = self.forget(meta.kept_in(changes)).await?;
        let newest = self.inner().refreshes.sign_out(self.client(), refresh_token, before.visitor());
        if let Some(token) = newest {
            revoke(self.client(), token).await;
        }
        let metadata = self.inner().provider.metadata().await?;
        let mut url = metadata.end_session_endpoint.clone().ok_or_else(|| {
            LogtoError::new(
                ErrorKind::ProviderMisbehaved,
                "the provider's metadata name no `end_session_endpoint`",
            )
        })?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("client_id", &self.inner().settings.app_id);
            if let Some(uri) = post_logout_redirect {
                query.append_pair("post_logout_redirect_uri", uri);
            }
            if let Some(state) = &state {
                query.append_pair("state", state);
            }
        }
        Ok(url)
    }

    /// Compares the `state` that came back from the provider's sign-out with the one that was sent.
    ///
    /// # Errors
    ///
    /// `CallbackRejected` where both are there and differ; those of the storage.
    pub async fn handle_sign_out_callback(&self, state: Option<&str>) -> Result<(), LogtoError> {
        let mut meta = SessionMeta::load(self.storage()).await?;
        let (Some(state), Some(expected)) = (state, meta.take_sign_out_state()) else { return Ok(()) };
        if !same(state, &expected) {
            return Err(rejected("the address after the sign-out holds the `state` of another sign-out"));
        }
        match meta.to_json() {
            Some(json) => self.storage().set(keys::SESSION_META, &json).await?,
            None => self.storage().remove(keys::SESSION_META).await?,
        }
        Ok(())
    }
}

/// Revokes a token in a task of its own, and waits for it; a failure is logged and nothing else.
pub(crate) async fn revoke(client: &LogtoClient, token: Secret) {
    // An error is a panic of the task, which the runtime reports.
    drop(revoke_aside(client, token).await);
}

/// Revokes a token in a task of its own.
pub(crate) fn revoke_aside(client: &LogtoClient, token: Secret) -> JoinHandle<()> {
    let task = client.clone();
    client.0.tasks.spawn(async move {
        if let Err(error) = try_revoke(&task, &token).await {
            tracing::warn!(%error, kind = ?error.kind(), "the provider did not revoke a token");
        }
    })
}

async fn try_revoke(client: &LogtoClient, token: &Secret) -> Result<(), LogtoError> {
    let (settings, provider) = (&client.0.settings, &client.0.provider);
    let Some(endpoint) = provider.metadata().await?.revocation_endpoint.clone() else { return Ok(()) };
    let form = [("client_id", settings.app_id.as_str()), ("token", token.expose())];
    let request =
        Request::post(endpoint, &form, REVOCATION_TIMEOUT).with_authorization(settings.authentication());
    answer::success(&provider.send(request).await?)
}
