//! What the flow suite cannot stage: a provider never reached, routes in the wrong place, cookies too large.

use axum::{Router, body::Body, http::Request, middleware::from_fn, routing::get};
use logto_axum::{LogtoClient, LogtoConfig, LogtoRoutes};
use logto_conformance::{log::Log, servers::free_port};
use logto_storage_core::keys;
use tower::ServiceExt;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

/// A client whose provider is not there.
fn client() -> LogtoClient {
    let config = LogtoConfig::new(format!("http://127.0.0.1:{}", free_port()), "local-app")
        .base_url("http://localhost:3000");
    LogtoClient::new(config).unwrap()
}

async fn seed(session: Session) {
    for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN, "cart"] {
        session.insert(key, "{}").await.unwrap();
    }
}

async fn items(session: Session) -> String {
    let mut found = Vec::new();
    for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN, "cart"] {
        found.extend(session.get::<String>(key).await.unwrap().map(|_| key));
    }
    found.join(" ")
}

struct Answer {
    status: u16,
    cookie: String,
    body: String,
}

async fn ask(app: &Router, method: &str, path: &str, cookie: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("accept", "text/html");
    let request = request.header("cookie", cookie).header("sec-fetch-site", "same-origin");
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let cookie = answer.headers().get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap());
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    Answer { status, cookie, body: String::from_utf8(body.to_vec()).unwrap() }
}

#[tokio::test]
async fn with_a_provider_that_was_never_reached_the_person_is_signed_out_here_and_told_so() {
    for (routes, kept) in [(LogtoRoutes::new(), ""), (LogtoRoutes::new().keep_session_at_sign_out(), "cart")]
    {
        let app = Router::new()
            .route("/seed", get(seed))
            .route("/items", get(items))
            .merge(routes.into_router())
            .layer(SessionManagerLayer::new(MemoryStore::default()).with_secure(false))
            .with_state(client());
        let cookie = ask(&app, "GET", "/seed", "").await.cookie;
        let answer = ask(&app, "POST", "/logto/sign-out", &cookie).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains("signed out"), "{}", answer.body);
        assert_eq!(ask(&app, "GET", "/items", &cookie).await.body, kept);
    }
}

#[tokio::test]
async fn routes_in_another_place_than_configured_say_so_instead_of_sending_people_astray() {
    let routes = LogtoRoutes::new().into_router();
    let app: Router = Router::new()
        .nest("/auth", routes)
        .layer(SessionManagerLayer::new(MemoryStore::default()))
        .with_state(client());
    let log = Log::default();
    let _guard = log.listen();
    assert_eq!(ask(&app, "GET", "/auth/logto/sign-in", "").await.status, 500);
    assert!(log.text().contains("route_prefix"), "{}", log.text());
}

#[tokio::test]
async fn without_a_session_layer_the_answer_is_500_and_the_log_says_why() {
    let app: Router = LogtoRoutes::new().into_router().with_state(client());
    let log = Log::default();
    let _guard = log.listen();
    assert_eq!(ask(&app, "GET", "/logto/sign-in", "").await.status, 500);
    assert!(log.text().contains("put a SessionManagerLayer around the routes"), "{}", log.text());
}

#[tokio::test]
async fn a_cookie_that_browsers_drop_is_told_to_the_log() {
    let large = async || [("set-cookie", format!("session={}; Path=/", "x".repeat(4096)))];
    let small = async || [("set-cookie", "session=x; Path=/")];
    let app: Router = Router::new()
        .route("/large", get(large))
        .route("/small", get(small))
        .layer(from_fn(logto_axum::watch_cookie_size));
    let log = Log::default();
    let _guard = log.listen();
    ask(&app, "GET", "/small", "").await;
    assert_eq!(log.text(), "");
    ask(&app, "GET", "/large", "").await;
    assert!(log.text().contains("cookie=session bytes=4112"), "{}", log.text());
    assert!(!log.text().contains("xxx"));
}
