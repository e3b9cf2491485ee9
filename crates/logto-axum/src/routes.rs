//! The routes: sign-in, sign-up, callback, sign-out, signed out, back-channel logout.

use crate::{
    Logto, LogtoError,
    error::{found_elsewhere, page, page_that_asks, told_to_provider},
    guard::{facts, original_uri},
};
use axum::{
    Router,
    extract::{FromRef, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use logto_client::{
    ErrorKind, FirstScreen, LogtoClient, Route, SignInOptions, SignInRefused, VerifiedSignIn,
    web::{self, SignOutVerdict},
};
use std::{fmt, future::Future, pin::Pin, sync::Arc};

type HookFuture = Pin<Box<dyn Future<Output = Result<(), SignInRefused>> + Send>>;
type Hook = dyn Fn(VerifiedSignIn) -> HookFuture + Send + Sync;

/// The routes of sign-in and sign-out, to be merged into an application's router.
///
/// | route | method | what it does |
/// |---|---|---|
/// | `/logto/sign-in` | GET | sends the person to Logto; `?return_to=` is where they come back to |
/// | `/logto/sign-up` | GET | the same, at the registration screen |
/// | `/logto/sign-in-callback` | GET | completes the sign-in; register it in Logto as a redirect URI |
/// | `/logto/sign-out` | POST, GET | signs out here and at Logto; another site cannot |
/// | `/logto/signed-out` | GET | where Logto comes back to; register it as a post sign-out redirect URI |
/// | `/logto/back-channel-logout` | POST | where Logto itself tells that a session has ended; see [`back_channel_logout`](Self::back_channel_logout) |
///
/// ```
/// use axum::Router;
/// use logto_axum::LogtoRoutes;
/// use logto_client::{LogtoClient, LogtoConfig};
///
/// let config = LogtoConfig::new("https://tenant.logto.app", "app-id").base_url("https://app.example.com");
/// let app: Router = Router::new().merge(LogtoRoutes::new().into_router()).with_state(LogtoClient::new(config)?);
/// # Ok::<(), logto_client::LogtoError>(())
/// ```
#[derive(Clone)]
#[must_use = "routes do nothing before they are mounted"]
pub struct LogtoRoutes {
    prefix: String,
    after_sign_in: String,
    after_sign_out: String,
    keep_session: bool,
    back_channel_logout: bool,
    sign_in_options: SignInOptions,
    hook: Option<Arc<Hook>>,
}

impl Default for LogtoRoutes {
    fn default() -> Self {
        Self {
            prefix: "/logto".to_owned(),
            after_sign_in: "/".to_owned(),
            after_sign_out: "/".to_owned(),
            keep_session: false,
            back_channel_logout: false,
            sign_in_options: SignInOptions::new(),
            hook: None,
        }
    }
}

impl LogtoRoutes {
    /// The routes under `/logto`; they lead to `/` afterwards.
    pub fn new() -> Self {
        Self::default()
    }

    /// The prefix within the router that the routes are mounted in; default `/logto`. What people see
    /// outside, a `nest` included, is told to [`LogtoConfig::route_prefix`](logto_client::LogtoConfig::route_prefix).
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Where a person goes after a sign-in that nobody asked to come back from; default `/`.
    pub fn after_sign_in(mut self, path: impl Into<String>) -> Self {
        self.after_sign_in = path.into();
        self
    }

    /// Where a person goes after a sign-out; default `/`.
    pub fn after_sign_out(mut self, path: impl Into<String>) -> Self {
        self.after_sign_out = path.into();
        self
    }

    /// Keeps what the application itself has in the session at sign-out; by default all of it goes.
    pub fn keep_session_at_sign_out(mut self) -> Self {
        self.keep_session = true;
        self
    }

    /// The options of every sign-in that starts at these routes.
    pub fn sign_in_options(mut self, options: SignInOptions) -> Self {
        self.sign_in_options = options;
        self
    }

    /// Adds `POST /logto/back-channel-logout`, by which Logto ends sessions here that have ended there.
    /// Register it in Logto as the application's back-channel logout URI.
    ///
    /// ```
    /// use logto_axum::{LogtoClient, LogtoConfig, LogtoRoutes, MemoryTokenStore};
    /// use std::sync::Arc;
    ///
    /// let config = LogtoConfig::new("https://tenant.logto.app", "app-id")
    ///     .token_store(Arc::new(MemoryTokenStore::new()));
    /// let client = LogtoClient::new(config)?;
    /// let routes = LogtoRoutes::new().back_channel_logout(&client)?;
    /// # Ok::<(), logto_axum::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the client has no token store: sessions that lie in the framework's session
    /// alone cannot be found by anybody but their visitor.
    ///
    /// Source: OpenID Connect Back-Channel Logout 1.0.
    pub fn back_channel_logout(mut self, client: &LogtoClient) -> Result<Self, LogtoError> {
        client.check_back_channel_logout()?;
        self.back_channel_logout = true;
        Ok(self)
    }

    /// Runs after a sign-in is verified and before anything of it is kept: the place to create the
    /// application's own account. Its refusal is shown to the person, and the tokens are revoked.
    pub fn on_sign_in<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(VerifiedSignIn) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), SignInRefused>> + Send + 'static,
    {
        self.hook = Some(Arc::new(move |verified| Box::pin(hook(verified))));
        self
    }

    /// The router, for `merge` or `nest`.
    pub fn into_router<S>(self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        LogtoClient: FromRef<S>,
    {
        let routes = Arc::new(self);
        let path = |route: Route| format!("{}/{}", routes.prefix.trim_end_matches('/'), route.segment());
        let answer = |route: Route| {
            let routes = Arc::clone(&routes);
            move |axum::extract::State(state): axum::extract::State<S>, request: Request| async move {
                let (mut parts, _) = request.into_parts();
                routes.answer(route, &mut parts, &state).await
            }
        };
        let router = match routes.back_channel_logout {
            true => Router::new().route(&path(Route::BackChannelLogout), post(back_channel_logout::<S>)),
            false => Router::new(),
        };
        router
            .route(&path(Route::SignIn), get(answer(Route::SignIn)))
            .route(&path(Route::SignUp), get(answer(Route::SignUp)))
            .route(&path(Route::SignInCallback), get(answer(Route::SignInCallback)))
            .route(&path(Route::SignOut), get(answer(Route::SignOut)).merge(post(answer(Route::SignOut))))
            .route(&path(Route::SignedOut), get(answer(Route::SignedOut)))
    }

    async fn answer<S>(&self, route: Route, parts: &mut Parts, state: &S) -> Response
    where
        S: Send + Sync,
        LogtoClient: FromRef<S>,
    {
        let logto = match Logto::from_request_parts(parts, state).await {
            Ok(logto) => logto,
            Err(error) => return error.into_response(),
        };
        let outcome = match route {
            _ if original_uri(parts).path() != logto.client().route_path(route) => {
                Err(misplaced(parts, &logto, route))
            }
            Route::SignIn => self.sign_in(&logto, parts, self.sign_in_options.clone()).await,
            Route::SignUp => {
                self.sign_in(&logto, parts, self.sign_in_options.clone().first_screen(FirstScreen::Register))
                    .await
            }
            Route::SignInCallback => self.callback(&logto, parts).await,
            Route::SignOut => self.sign_out(&logto, parts).await,
            _ => self.signed_out(&logto, parts).await,
        };
        outcome.unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotAuthenticated => LogtoError::from(error).into_response(),
            _ => LogtoError::from(logto.address(error)).into_response(),
        })
    }

    async fn sign_in(
        &self,
        logto: &Logto,
        parts: &Parts,
        defaults: SignInOptions,
    ) -> Result<Response, logto_client::LogtoError> {
        let options = web::sign_in_options(logto.client(), parts.uri.query(), defaults)?;
        Ok(found_elsewhere(logto.sign_in(options).await?.as_str()))
    }

    async fn callback(&self, logto: &Logto, parts: &Parts) -> Result<Response, logto_client::LogtoError> {
        let mut url = logto.client().route_url(Route::SignInCallback)?;
        url.set_query(parts.uri.query());
        let verified = logto.verify_sign_in_callback(url.as_str()).await?;
        if let Some(hook) = &self.hook
            && let Err(refused) = hook(verified.clone()).await
        {
            let error = logto_client::LogtoError::from(refused);
            logto.discard_sign_in(verified, error.clone()).await;
            return Err(error);
        }
        let signed_in = logto.save_sign_in(verified).await?;
        if signed_in.replaced_person() {
            logto.storage().session().drop_other_items().await?;
        }
        // Last, after every step that can fail: an id renewed before an error would open nothing.
        logto.storage().session().cycle_id().await?;
        Ok(found_elsewhere(signed_in.post_redirect_uri().unwrap_or(&self.after_sign_in)))
    }

    async fn sign_out(&self, logto: &Logto, parts: &Parts) -> Result<Response, logto_client::LogtoError> {
        let client = logto.client();
        let back = client.route_url(Route::SignedOut)?;
        let ask = |status| Ok(page_that_asks(status, web::sign_out_page(&client.route_path(Route::SignOut))));
        match web::judge_sign_out(&facts(parts), &back) {
            SignOutVerdict::Allow => {}
            SignOutVerdict::Ask => return ask(StatusCode::OK),
            SignOutVerdict::Refuse => return ask(StatusCode::FORBIDDEN),
        }
        let outcome = logto.sign_out(Some(back.as_str())).await;
        let gone_here = outcome.as_ref().err().is_none_or(web::signed_out_here);
        if gone_here && !self.keep_session {
            logto.storage().session().drop_other_items().await?;
        }
        match outcome {
            Ok(url) => Ok(found_elsewhere(url.as_str())),
            // An answer of 5xx would make the session layer forget that the person signed out.
            Err(error) if gone_here => {
                tracing::warn!(%error, kind = ?error.kind(), "signed out here, but not at the provider");
                Ok(page(StatusCode::OK, web::signed_out_locally_page()))
            }
            Err(error) => Err(error),
        }
    }

    async fn signed_out(&self, logto: &Logto, parts: &Parts) -> Result<Response, logto_client::LogtoError> {
        let state = web::sign_out_state(parts.uri.query())?;
        logto.handle_sign_out_callback(state.as_deref()).await?;
        Ok(found_elsewhere(&self.after_sign_out))
    }
}

/// The provider asks, not a visitor: there is no session.
async fn back_channel_logout<S>(
    axum::extract::State(state): axum::extract::State<S>,
    request: Request,
) -> Response
where
    LogtoClient: FromRef<S>,
{
    let ended = async {
        let body = axum::body::to_bytes(request.into_body(), web::MOST_LOGOUT_BYTES).await;
        let token = web::logout_token(&body.unwrap_or_default())?;
        LogtoClient::from_ref(&state).handle_back_channel_logout(&token).await
    };
    told_to_provider(ended.await)
}

fn misplaced(parts: &Parts, logto: &Logto, route: Route) -> logto_client::LogtoError {
    logto_client::LogtoError::misconfigured(format!(
        "the routes are mounted at {}, but `route_prefix` says {}: tell the configuration the path seen from outside",
        original_uri(parts).path(),
        logto.client().route_path(route),
    ))
}

impl fmt::Debug for LogtoRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogtoRoutes").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
