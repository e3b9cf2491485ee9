//! The application of the flow suite, over both lines of tower-sessions.

use axum::{Json, Router, extract::FromRef};
use logto_axum::{
    Logto, LogtoClient, LogtoError, LogtoRoutes, LogtoUser, OptionalLogtoUser, SignInRefused, UserInfo,
};
use logto_conformance::flow::Plan;
use std::net::TcpListener;
use tokio::sync::oneshot;

/// Over one line of tower-sessions, the routes mounted in this way.
macro_rules! application {
    ($sessions:ident, |$app:ident, $routes:ident| $mounted:expr) => {
        use super::*;
        use axum::{
            extract::Query,
            routing::{any, get},
        };
        use std::collections::HashMap;
        use $sessions::{MemoryStore, Session, SessionManagerLayer, cookie::SameSite};

        pub(crate) fn router(client: LogtoClient, plan: Plan) -> Router {
            let sessions = SessionManagerLayer::new(MemoryStore::default());
            let ($app, $routes) = (Router::new(), routes(plan));
            $mounted
                .route("/", get(home))
                .route("/protected", any(protected))
                .route("/user-info", get(user_info))
                .route("/note", get(note))
                .layer(sessions.with_same_site(SameSite::Lax).with_secure(false))
                .with_state(AppState { client })
        }

        async fn note(session: Session, Query(query): Query<HashMap<String, String>>) -> String {
            if let Some(text) = query.get("text") {
                session.insert("note", text).await.unwrap();
            }
            session.get("note").await.unwrap().unwrap_or_else(|| "none".to_owned())
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
struct AppState {
    client: LogtoClient,
}

impl FromRef<AppState> for LogtoClient {
    fn from_ref(state: &AppState) -> Self {
        state.client.clone()
    }
}

fn routes(plan: Plan) -> LogtoRoutes {
    let mut routes = LogtoRoutes::new();
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
