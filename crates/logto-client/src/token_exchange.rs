//! Token exchange (RFC 8693): a token in the name of a person who is not here.

use crate::{
    AccessToken, ErrorKind, LogtoClient, LogtoError, MachineClient, Secret, TokenTarget,
    oidc::token::add_target, provider::Provider,
};
use std::time::Duration;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const PERSONAL_ACCESS_TOKEN: &str = "urn:logto:token-type:personal_access_token";

/// The token that is exchanged, and who acts. `Debug` shows nothing of either.
///
/// ```
/// use logto_client::{AccessToken, LogtoError, MachineClient, TokenExchange, TokenTarget};
///
/// /// `subject_token` comes from `POST /api/subject-tokens` of the Management API, `support` is the
/// /// opaque access token of the one who helps.
/// async fn act_as(
///     machine: &MachineClient,
///     subject_token: &str,
///     support: &AccessToken,
/// ) -> Result<AccessToken, LogtoError> {
///     let exchange = TokenExchange::subject_token(subject_token).actor(support.expose());
///     let target = TokenTarget::resource("https://api.example.com").scopes(["read:orders"]);
///     machine.exchange_token(exchange, target).await
/// }
/// ```
///
/// Source: RFC 8693 §2.1, <https://docs.logto.io/developers/user-impersonation>.
#[derive(Clone, Debug)]
#[must_use = "nothing is exchanged before it is given to a client"]
pub struct TokenExchange {
    token: Secret,
    kind: &'static str,
    actor: Option<Secret>,
}

impl TokenExchange {
    /// A subject token (`sub_…`), which the Management API gives for a person: good for one exchange, within
    /// 600 s.
    pub fn subject_token(token: impl Into<String>) -> Self {
        Self { token: Secret::new(token), kind: ACCESS_TOKEN, actor: None }
    }

    /// A personal access token (`pat_…`), which a person has made for programs of theirs.
    pub fn personal_access_token(token: impl Into<String>) -> Self {
        Self { token: Secret::new(token), kind: PERSONAL_ACCESS_TOKEN, actor: None }
    }

    /// A person's opaque access token, such as that for user info. Logto takes no JWT here.
    pub fn access_token(token: impl Into<String>) -> Self {
        Self { token: Secret::new(token), kind: ACCESS_TOKEN, actor: None }
    }

    /// Who acts in the person's name, by their opaque access token with the scope `openid`. APIs find them in
    /// the claim `act`.
    pub fn actor(mut self, access_token: impl Into<String>) -> Self {
        self.actor = Some(Secret::new(access_token));
        self
    }

    fn form<'a>(
        &'a self,
        app_id: &'a str,
        target: &'a TokenTarget,
        scope: Option<&'a str>,
    ) -> Vec<(&'static str, &'a str)> {
        let mut form = vec![
            ("grant_type", GRANT_TYPE),
            ("client_id", app_id),
            ("subject_token", self.token.expose()),
            ("subject_token_type", self.kind),
        ];
        if let Some(actor) = &self.actor {
            form.extend([("actor_token", actor.expose()), ("actor_token_type", ACCESS_TOKEN)]);
        }
        add_target(&mut form, target, scope);
        form
    }

    async fn run(
        self,
        provider: &Provider,
        app_id: &str,
        authorization: Option<Secret>,
        target: &TokenTarget,
        now: Duration,
    ) -> Result<AccessToken, LogtoError> {
        let scope = target.scope();
        let form = self.form(app_id, target, scope.as_deref());
        let answer = provider
            .token_without_keys(&form, authorization)
            .await
            .map_err(|error| tell(error, app_id, target))?;
        Ok(AccessToken(answer.stored(now)))
    }
}

impl MachineClient {
    /// Exchanges a token for an access token in a person's name: for a resource, an organization, both, or
    /// for user info. Only scopes that are asked for by [`TokenTarget::scopes`] and that the person has are in
    /// it; which, [`AccessToken::scopes`] tells. It is not kept: each call makes a request.
    ///
    /// The application must be allowed to exchange tokens, in its settings in Logto's console.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the token or the actor's is used, expired, unknown or of another kind (code
    /// `invalid_grant`; Logto does not tell which); `Forbidden` where the person may not have what is asked,
    /// for example in an organization they are not in; `InvalidTarget` where the resource is unknown;
    /// `Misconfigured` where id or secret is wrong or the application is not allowed to exchange tokens;
    /// `Unavailable` and `RateLimited` where the same call may succeed later: whether a subject token is spent
    /// by then is not known; `ProviderMisbehaved` where the answer is refused.
    pub async fn exchange_token(
        &self,
        exchange: TokenExchange,
        target: impl Into<TokenTarget>,
    ) -> Result<AccessToken, LogtoError> {
        let target = target.into();
        exchange.run(self.provider(), self.app_id(), self.authentication(), &target, self.now()).await
    }
}

impl LogtoClient {
    /// The same by the application that people sign in with, see [`MachineClient::exchange_token`].
    ///
    /// ```
    /// use logto_client::{AccessToken, LogtoClient, LogtoError, TokenExchange, TokenTarget};
    ///
    /// /// A script calls the application with a personal access token instead of a session.
    /// async fn for_a_script(client: &LogtoClient, pat: &str) -> Result<AccessToken, LogtoError> {
    ///     let target = TokenTarget::resource("https://api.example.com").scopes(["read:orders"]);
    ///     client.exchange_token(TokenExchange::personal_access_token(pat), target).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`MachineClient::exchange_token`].
    pub async fn exchange_token(
        &self,
        exchange: TokenExchange,
        target: impl Into<TokenTarget>,
    ) -> Result<AccessToken, LogtoError> {
        let (settings, target) = (&self.0.settings, target.into());
        let now = settings.connection.now();
        exchange.run(&self.0.provider, &settings.app_id, settings.authentication(), &target, now).await
    }
}

/// What failed, in the words of this call.
fn tell(error: LogtoError, app_id: &str, target: &TokenTarget) -> LogtoError {
    let description = error.description().unwrap_or_default().to_owned();
    match (error.kind(), error.code()) {
        (ErrorKind::CallbackRejected, Some("invalid_grant")) => error.retold(
            ErrorKind::InvalidInput,
            "the provider refuses the token that is exchanged or the actor's: it is used, expired, unknown or of \
             another kind",
        ),
        (ErrorKind::ProviderMisbehaved, Some("invalid_request")) if description.contains("grant type") => error
            .retold(
                ErrorKind::Misconfigured,
                format!(
                    "the application {app_id} may not exchange tokens: allow token exchange in its settings in \
                     Logto's console"
                ),
            ),
        (ErrorKind::InvalidTarget, _) => {
            let resource = target.resource_indicator().unwrap_or_default();
            error.retold(ErrorKind::InvalidTarget, format!("the provider knows no API resource {resource}"))
        }
        (ErrorKind::NotAuthenticated, _) => error.retold(
            ErrorKind::ProviderMisbehaved,
            "the provider refuses the token exchange and does not say why",
        ),
        _ => error,
    }
}
