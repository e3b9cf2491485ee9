//! What the routes can be told, and what values say of themselves.

use axum::{Router, body::Body, http::Request, routing::get};
use logto_axum::{
    Logto, LogtoClient, LogtoConfig, LogtoError, LogtoRoutes, LogtoUser, OptionalLogtoUser, SessionStorage,
    SignInOptions, logto_client::ErrorKind,
};
use logto_emulator::Emulator;
use logto_storage_core::{Operation, StorageError, StorageErrorKind, keys};
use std::{error::Error, sync::Arc};
use tower::ServiceExt;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use url::Url;

fn client(endpoint: &str) -> LogtoClient {
    let config = LogtoConfig::new(endpoint, "local-app").base_url("http://localhost:3000");
    LogtoClient::new(config).unwrap()
}

/// Status, `Location` and body of an answer.
async fn ask(app: &Router, path: &str, accept: &str) -> (u16, String, String) {
    let request = Request::builder().uri(path).header("accept", accept).body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let location = answer.headers().get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, location, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_routes_lead_where_they_are_told_to_and_ask_for_what_they_are_told() {
    let emulator = Emulator::start().await.unwrap();
    let routes = LogtoRoutes::new()
        .after_sign_in("/in")
        .after_sign_out("/out")
        .sign_in_options(SignInOptions::new().login_hint("alice@example.test"));
    assert_eq!(format!("{routes:?}"), r#"LogtoRoutes { prefix: "/logto", .. }"#);
    let app = Router::new()
        .merge(routes.into_router())
        .layer(SessionManagerLayer::new(MemoryStore::default()))
        .with_state(client(&emulator.endpoint()));
    let (status, location, _) = ask(&app, "/logto/signed-out", "text/html").await;
    assert_eq!((status, location.as_str()), (303, "/out"));
    let (status, location, _) = ask(&app, "/logto/sign-in", "text/html").await;
    let hint = Url::parse(&location).unwrap().query_pairs().any(|(_, value)| value == "alice@example.test");
    assert!(status == 303 && hint, "{location}");
}

async fn maybe(user: Option<LogtoUser>, same: OptionalLogtoUser) -> String {
    assert_eq!(user.is_some(), same.into_inner().is_some());
    user.map_or("nobody".to_owned(), |user| user.sub().to_owned())
}

async fn debugged(logto: Logto) -> String {
    format!("{logto:?}")
}

/// An ID token that cannot be read: an error, and no visitor who is signed out.
async fn damage(session: Session) {
    session.insert(keys::ID_TOKEN, "canary").await.unwrap();
}

#[tokio::test]
async fn a_visitor_may_be_taken_as_an_option_and_what_cannot_be_read_is_an_error() {
    let app = Router::new()
        .route("/maybe", get(maybe))
        .route("/debugged", get(debugged))
        .route(
            "/damaged",
            get(async |session: Session| {
                damage(session.clone()).await;
                "done"
            }),
        )
        .layer(SessionManagerLayer::new(MemoryStore::default()).with_secure(false))
        .with_state(client("https://op.example"));
    assert_eq!(ask(&app, "/maybe", "text/html").await.2, "nobody");
    let debug = ask(&app, "/debugged", "text/html").await.2;
    assert!(debug.starts_with("Logto(LogtoSession"), "{debug}");
    let request = Request::builder().uri("/damaged").body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let request = Request::builder().uri("/maybe").header("cookie", cookie).body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert!(answer.status().is_server_error(), "{}", answer.status());
}

#[tokio::test]
async fn an_error_of_a_storage_keeps_its_kind_and_its_cause() {
    let storage =
        StorageError::new(StorageErrorKind::Unavailable, Operation::Get, "key").with_source("the cause");
    let error = LogtoError::from(storage);
    let inner = &*error;
    assert_eq!((error.to_string(), format!("{error:?}")), (inner.to_string(), format!("{inner:?}")));
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.source().is_some());
    let session = Session::new(None, Arc::new(MemoryStore::default()), None);
    assert!(format!("{:?}", SessionStorage::new(session)).starts_with("SessionStorage"));
}
