//! Starting a sign-in.

use crate::{
    ErrorKind, LogtoError, LogtoSession, Prompt, Route, Secret, SignInOptions,
    oidc::{
        pkce,
        sign_in_url::{OWN_PARAMETERS, SignInUrl},
    },
    pending::{Pending, PendingSignIns},
    return_to,
    session_meta::SessionMeta,
};
use logto_storage_core::{Storage, keys};
use std::sync::PoisonError;
use url::Url;

impl<S: Storage> LogtoSession<S> {
    /// The address to send the person to; what their callback is checked by is stored before.
    ///
    /// Tokens held so far stay until the callback succeeds.
    ///
    /// # Errors
    ///
    /// `InvalidInput` names the option that is wrong; `Misconfigured` where neither a redirect URI nor a
    /// base URL is given; `Unavailable` while the provider's metadata were never fetched; the storage's.
    ///
    /// Source: OpenID Connect Core §3.1.2.1, RFC 7636, Logto's sign-in parameters.
    pub async fn sign_in(&self, options: impl Into<SignInOptions>) -> Result<Url, LogtoError> {
        let options = options.into();
        let settings = &self.inner().settings;
        let redirect_uri = match &options.redirect_uri {
            Some(uri) => checked_redirect_uri(uri)?,
            None => settings.route_url(Route::SignInCallback)?,
        };
        let prompt = options.prompt.as_deref().unwrap_or(&settings.prompt);
        check(&options, prompt)?;
        let post_redirect_uri = match &options.post_redirect_uri {
            Some(uri) => {
                Some(checked_post_redirect_uri(uri, settings.base_url.as_ref().unwrap_or(&redirect_uri))?)
            }
            None => None,
        };
        let metadata = self.inner().provider.metadata().await?;
        let openid = settings.scopes.iter().any(|scope| scope == "openid");
        let pending = Pending {
            state: Secret::new(pkce::random()?),
            verifier: Secret::new(pkce::random()?),
            nonce: if openid { Some(pkce::random()?) } else { None },
            // To the letter as the application gave it: the provider compares it so.
            redirect_uri: options.redirect_uri.clone().unwrap_or_else(|| redirect_uri.into()),
            post_redirect_uri,
            max_age: options.max_age(),
            clear_tokens: options.clear_tokens,
            created_at: self.now().as_secs(),
            exchanged: None,
        };
        let url = SignInUrl {
            authorization_endpoint: &metadata.authorization_endpoint,
            app_id: &settings.app_id,
            redirect_uri: &pending.redirect_uri,
            code_challenge: &pkce::challenge(pending.verifier.expose()),
            state: pending.state.expose(),
            nonce: pending.nonce.as_deref(),
            prompt,
            scopes: &settings.scopes,
            resources: &settings.resources,
            options: &options,
        }
        .build();
        self.keep(pending).await?;
        Ok(url)
    }

    /// Keeps a pending sign-in with the visitor, and in this process by the visitor's name: where two
    /// requests of one session write at once, the storage holds only the later one's.
    async fn keep(&self, pending: Pending) -> Result<(), LogtoError> {
        let (storage, now) = (self.storage(), self.now());
        let mode = self.inner().settings.storage_mode();
        if self.record().await?.is_some() {
            return PendingSignIns::edit(storage, now, |list| list.add(pending.clone(), mode)).await;
        }
        let mut list = PendingSignIns::load(storage, now).await?;
        list.add(pending.clone(), mode)?;
        let mut meta = SessionMeta::load(storage).await?;
        let visitor = match meta.visitor() {
            Some(visitor) => visitor.clone(),
            None => {
                let visitor = Secret::new(pkce::random()?);
                meta.name_visitor(visitor.clone());
                if let Some(json) = meta.to_json() {
                    storage.set(keys::SESSION_META, &json).await?;
                }
                visitor
            }
        };
        list.store(storage).await?;
        let key = started_key(pending.state.expose(), &visitor);
        self.inner().started.lock().unwrap_or_else(PoisonError::into_inner).insert(now, &key, pending);
        Ok(())
    }
}

/// Under what a started sign-in is remembered: nobody finds it without both.
pub(crate) fn started_key(state: &str, visitor: &Secret) -> String {
    pkce::sha256(&format!("{state} {}", visitor.expose()))
}

fn check(options: &SignInOptions, prompt: &[Prompt]) -> Result<(), LogtoError> {
    if prompt.is_empty() || prompt.contains(&Prompt::None) && prompt.len() > 1 {
        return Err(wrong("prompt", "is empty, or holds `none` beside another value"));
    }
    for name in options.extra_names() {
        if OWN_PARAMETERS.contains(&name) {
            return Err(wrong("extra_param", "names a parameter that the client sets itself"));
        }
    }
    Ok(())
}

fn checked_redirect_uri(uri: &str) -> Result<Url, LogtoError> {
    let url = Url::parse(uri).map_err(|error| {
        wrong("redirect_uri", "is no absolute URL such as https://app.example.com/callback")
            .with_source(error)
    })?;
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("redirect_uri", "holds a fragment, user name or password"));
    }
    Ok(url)
}

fn checked_post_redirect_uri(uri: &str, origin: &Url) -> Result<String, LogtoError> {
    let mut origin = origin.clone();
    origin.set_path("/");
    origin.set_query(None);
    return_to::on_origin(uri, &origin)
        .ok_or_else(|| wrong("post_redirect_uri", "leads off the application's own origin"))
}

fn wrong(option: &'static str, problem: &str) -> LogtoError {
    LogtoError::new(ErrorKind::InvalidInput, format!("sign-in: `{option}` {problem}"))
}
