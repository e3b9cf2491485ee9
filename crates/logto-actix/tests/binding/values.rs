//! What the routes can be told, and what values say of themselves.

use crate::memory::MemoryStore;
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::{
    App,
    cookie::Key,
    http::header::HeaderMap,
    test::{TestRequest, call_service, init_service, read_body},
    web::{self, Data},
};
use logto_actix::{
    Logto, LogtoClient, LogtoConfig, LogtoError, LogtoRoutes, OptionalLogtoUser, SessionStorage,
    SignInOptions, logto_client::ErrorKind,
};
use logto_emulator::Emulator;
use logto_storage_core::{Operation, StorageError, StorageErrorKind, keys};
use std::error::Error;
use url::Url;

fn client(endpoint: &str) -> Data<LogtoClient> {
    let config = LogtoConfig::new(endpoint, "local-app").base_url("http://localhost:3000");
    Data::new(LogtoClient::new(config).unwrap())
}

fn sessions() -> SessionMiddleware<MemoryStore> {
    SessionMiddleware::builder(MemoryStore::default(), Key::generate()).cookie_secure(false).build()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).unwrap().to_str().unwrap()
}

/// Asks an application; a macro, because the type of its service has no public name.
macro_rules! ask {
    ($app:expr, $path:expr) => {
        call_service(&$app, TestRequest::get().uri($path).insert_header(("accept", "text/html")).to_request())
            .await
    };
}

#[tokio::test]
async fn the_routes_lead_where_they_are_told_to_and_ask_for_what_they_are_told() {
    let emulator = Emulator::start().await.unwrap();
    let routes = LogtoRoutes::new()
        .after_sign_in("/in")
        .after_sign_out("/out")
        .sign_in_options(SignInOptions::new().login_hint("alice@example.test"));
    assert_eq!(format!("{routes:?}"), r#"LogtoRoutes { prefix: "/logto", .. }"#);
    let app = App::new()
        .app_data(client(&emulator.endpoint()))
        .configure(|config| routes.configure(config))
        .wrap(sessions());
    let app = init_service(app).await;
    let answer = ask!(app, "/logto/signed-out");
    assert_eq!((answer.status().as_u16(), header(answer.headers(), "location")), (303, "/out"));
    let answer = ask!(app, "/logto/sign-in");
    let location = Url::parse(header(answer.headers(), "location")).unwrap();
    let hint = location.query_pairs().any(|(_, value)| value == "alice@example.test");
    assert!(answer.status().as_u16() == 303 && hint, "{location}");
}

async fn maybe(user: OptionalLogtoUser) -> String {
    user.into_inner().map_or("nobody".to_owned(), |user| user.sub().to_owned())
}

async fn debugged(logto: Logto) -> String {
    format!("{logto:?}")
}

/// An ID token that cannot be read: an error, and no visitor who is signed out.
async fn damaged(session: Session) -> &'static str {
    session.insert(keys::ID_TOKEN, "canary").unwrap();
    "done"
}

#[tokio::test]
async fn a_visitor_may_be_nobody_and_what_cannot_be_read_is_an_error() {
    let app = App::new()
        .app_data(client("https://op.example"))
        .route("/maybe", web::get().to(maybe))
        .route("/debugged", web::get().to(debugged))
        .route("/damaged", web::get().to(damaged))
        .wrap(sessions());
    let app = init_service(app).await;
    assert_eq!(read_body(ask!(app, "/maybe")).await, "nobody");
    let debug = read_body(ask!(app, "/debugged")).await;
    assert!(debug.starts_with(b"Logto(LogtoSession"), "{debug:?}");
    let answer = ask!(app, "/damaged");
    let cookie = header(answer.headers(), "set-cookie").split(';').next().unwrap().to_owned();
    let request = TestRequest::get().uri("/maybe").insert_header(("cookie", cookie)).to_request();
    assert!(call_service(&app, request).await.status().is_server_error());
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
    let session = TestRequest::get().to_http_request().get_session();
    assert!(format!("{:?}", SessionStorage::new(session)).starts_with("SessionStorage"));
}
