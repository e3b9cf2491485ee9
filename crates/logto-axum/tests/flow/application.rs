//! The application of the flow suite, over both lines of tower-sessions.

use axum::{
    Json, Router,
    extract::{FromRef, Query},
    http::StatusCode,
    middleware::from_fn,
    routing::get,
};
use logto_axum::{
    AccessTokenClaims, Logto, LogtoClient, LogtoError, LogtoRoutes, LogtoUser, OptionalLogtoUser,
    SignInRefused, UserInfo, logto_client::StorageMode,
};
use logto_conformance::flow::{Browser, Plan};
use std::net::TcpListener;
use tokio::sync::oneshot;

/// Over one line of tower-sessions, the routes mounted in this way.
macro_rules! application {
    ($sessions:ident, |$app:ident, $routes:ident| $mounted:expr) => {
        use super::*;
        use axum::routing::any;
        use std::collections::HashMap;
        use $sessions::{MemoryStore, Session, SessionManagerLayer, cookie::SameSite};

        pub(crate) fn router(client: LogtoClient, plan: Plan) -> Router {
            router_with(client, plan, tokens())
        }

        /// With these routes for tokens.
        pub(crate) fn router_with(client: LogtoClient, plan: Plan, tokens: Router<AppState>) -> Router {
            let sessions = SessionManagerLayer::new(MemoryStore::default()).with_same_site(SameSite::Lax);
            let sessions = match plan.host_cookie {
                true => sessions.with_name("__Host-id"),
                false => sessions.with_secure(false),
            };
            pages(&client, plan, tokens)
                .layer(sessions)
                .layer(from_fn(logto_axum::no_store_with_cookie))
                .with_state(AppState { client })
        }

        /// Without sessions.
        pub(crate) fn pages(client: &LogtoClient, plan: Plan, tokens: Router<AppState>) -> Router<AppState> {
            let ($app, $routes) = (tokens, routes(client, plan));
            $mounted
                .route("/", get(home))
                .route("/protected", any(protected))
                .route("/user-info", get(user_info))
                .route("/note", get(note))
                .route("/slow-note", get(slow_note))
        }

        async fn note(session: Session, Query(query): Query<HashMap<String, String>>) -> String {
            if let Some(text) = query.get("text") {
                session.insert("note", text).await.unwrap();
            }
            session.get("note").await.unwrap().unwrap_or_else(|| "none".to_owned())
        }

        async fn slow_note(logto: Logto, session: Session, query: Query<HashMap<String, String>>) -> String {
            let before: Option<String> = session.get("note").await.unwrap();
            Browser::new().get(format!("{}/jwks", logto.client().issuer())).await;
            session.insert("note", &query["text"]).await.unwrap();
            before.unwrap_or_default()
        }
    };
}

pub(crate) mod over_0_15_merged {
    application!(tower_sessions, |app, routes| app.merge(routes.into_router()));
}

#[cfg(feature = "tower-sessions-0_14")]
pub(crate) mod over_0_14_nested {
    application!(tower_sessions_0_14, |app, routes| app.nest("/logto", routes.prefix("").into_router()));
}

/// The state of an application that has more than the client.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) client: LogtoClient,
}

impl FromRef<AppState> for LogtoClient {
    fn from_ref(state: &AppState) -> Self {
        state.client.clone()
    }
}

/// The routes for tokens.
pub(crate) fn tokens() -> Router<AppState> {
    Router::new().route("/access-token", get(access_token)).route("/refresh-then-500", get(refresh_then_500))
}

fn routes(client: &LogtoClient, plan: Plan) -> LogtoRoutes {
    let mut routes = LogtoRoutes::new();
    if client.storage_mode() == StorageMode::Tickets {
        routes = routes.back_channel_logout(client).unwrap();
    }
    if let Some(text) = plan.refuse {
        routes = routes.on_sign_in(move |_| std::future::ready(Err(SignInRefused::new(text.clone()))));
    }
    if plan.keep_session {
        routes = routes.keep_session_at_sign_out();
    }
    routes
}

/// Serves until what this returns is dropped.
pub(crate) fn serve(listener: TcpListener, app: Router) -> Box<dyn Send> {
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async {
        axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) }).await.unwrap();
    });
    Box::new(stop)
}

async fn home(user: OptionalLogtoUser) -> String {
    user.as_ref().map_or("nobody".to_owned(), |user| user.sub().to_owned())
}

async fn protected(user: LogtoUser) -> String {
    user.sub().to_owned()
}

async fn user_info(logto: Logto) -> Result<Json<UserInfo>, LogtoError> {
    Ok(Json(logto.fetch_user_info().await?))
}

#[derive(serde::Deserialize)]
pub(crate) struct Wanted {
    pub(crate) resource: String,
}

async fn access_token(
    logto: Logto,
    Query(wanted): Query<Wanted>,
) -> Result<Json<AccessTokenClaims>, LogtoError> {
    Ok(Json(logto.access_token_claims(wanted.resource).await?))
}

async fn refresh_then_500(logto: Logto, Query(wanted): Query<Wanted>) -> Result<StatusCode, LogtoError> {
    logto.access_token(wanted.resource).await?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}
