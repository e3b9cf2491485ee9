//! The flow suite over this binding, on a real server with real sessions.

#![cfg(feature = "client")]

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{any, get},
};
use logto_axum::{
    Logto, LogtoClient, LogtoError, LogtoRoutes, LogtoUser, OptionalLogtoUser, SignInRefused, UserInfo,
};
use logto_conformance::flow::{Application, Plan};
use std::{collections::HashMap, net::TcpListener};
use tokio::sync::oneshot;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, cookie::SameSite};

struct OverTowerSessions;

impl Application for OverTowerSessions {
    async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
        let mut routes = LogtoRoutes::new();
        if let Some(text) = plan.refuse {
            routes = routes.on_sign_in(move |_| std::future::ready(Err(SignInRefused::new(text.clone()))));
        }
        if plan.keep_session {
            routes = routes.keep_session_at_sign_out();
        }
        let sessions =
            SessionManagerLayer::new(MemoryStore::default()).with_same_site(SameSite::Lax).with_secure(false);
        let app = Router::new()
            .route("/", get(home))
            .route("/protected", any(protected))
            .route("/user-info", get(user_info))
            .route("/note", get(note))
            .merge(routes.into_router())
            .layer(sessions)
            .with_state(client);
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        tokio::spawn(async {
            axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) }).await.unwrap();
        });
        Box::new(stop)
    }
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

async fn note(
    session: Session,
    State(_): State<LogtoClient>,
    Query(query): Query<HashMap<String, String>>,
) -> String {
    if let Some(text) = query.get("text") {
        session.insert("note", text).await.unwrap();
    }
    session.get("note").await.unwrap().unwrap_or_else(|| "none".to_owned())
}

logto_conformance::flow_suite!(OverTowerSessions);
