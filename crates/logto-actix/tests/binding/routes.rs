//! What the flow suite cannot stage: a provider never reached, routes in the wrong place, cookies too large.

use crate::memory::MemoryStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::{
    App, HttpResponse,
    cookie::Key,
    middleware::from_fn,
    test::{TestRequest, call_service, init_service, read_body},
    web::{self, Data},
};
use logto_actix::{LogtoClient, LogtoConfig, LogtoRoutes};
use logto_conformance::{log::Log, servers::free_port};
use logto_storage_core::keys;

/// A client whose provider is not there.
fn client() -> Data<LogtoClient> {
    let config = LogtoConfig::new(format!("http://127.0.0.1:{}", free_port()), "local-app")
        .base_url("http://localhost:3000");
    Data::new(LogtoClient::new(config).unwrap())
}

fn sessions() -> SessionMiddleware<MemoryStore> {
    SessionMiddleware::builder(MemoryStore::default(), Key::generate()).cookie_secure(false).build()
}

async fn seed(session: Session) -> &'static str {
    for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN, "cart"] {
        session.insert(key, "{}").unwrap();
    }
    "done"
}

async fn items(session: Session) -> String {
    let mut found = Vec::new();
    for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN, "cart"] {
        found.extend(session.get::<String>(key).unwrap().map(|_| key));
    }
    found.join(" ")
}

struct Answer {
    status: u16,
    cookie: String,
    body: String,
}

/// Asks an application; a macro, because the type of its service has no public name.
macro_rules! ask {
    ($app:expr, $request:expr, $cookie:expr) => {{
        let request = $request.insert_header(("accept", "text/html")).insert_header(("cookie", $cookie));
        let request = request.insert_header(("sec-fetch-site", "same-origin")).to_request();
        let answer = call_service(&$app, request).await;
        let status = answer.status().as_u16();
        let cookie = answer.headers().get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap());
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let body = read_body(answer).await;
        Answer { status, cookie, body: String::from_utf8(body.to_vec()).unwrap() }
    }};
}

#[tokio::test]
async fn with_a_provider_that_was_never_reached_the_person_is_signed_out_here_and_told_so() {
    for (routes, kept) in [(LogtoRoutes::new(), ""), (LogtoRoutes::new().keep_session_at_sign_out(), "cart")]
    {
        let app = App::new()
            .app_data(client())
            .route("/seed", web::get().to(seed))
            .route("/items", web::get().to(items))
            .configure(|config| routes.configure(config))
            .wrap(sessions());
        let app = init_service(app).await;
        let cookie = ask!(app, TestRequest::get().uri("/seed"), "").cookie;
        let answer = ask!(app, TestRequest::post().uri("/logto/sign-out"), cookie.as_str());
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains("signed out"), "{}", answer.body);
        assert_eq!(ask!(app, TestRequest::get().uri("/items"), cookie.as_str()).body, kept);
    }
}

#[tokio::test]
async fn routes_in_another_place_than_configured_say_so_instead_of_sending_people_astray() {
    let routes = LogtoRoutes::new();
    let scope = web::scope("/auth").configure(|config| routes.configure(config));
    let app = init_service(App::new().app_data(client()).service(scope).wrap(sessions())).await;
    let log = Log::default();
    let _guard = log.listen();
    assert_eq!(ask!(app, TestRequest::get().uri("/auth/logto/sign-in"), "").status, 500);
    assert!(log.text().contains("route_prefix"), "{}", log.text());
}

#[tokio::test]
async fn without_a_client_the_answer_is_500_and_the_log_says_why() {
    let routes = LogtoRoutes::new();
    let app = App::new().configure(|config| routes.configure(config)).wrap(sessions());
    let app = init_service(app).await;
    let log = Log::default();
    let _guard = log.listen();
    assert_eq!(ask!(app, TestRequest::get().uri("/logto/sign-in"), "").status, 500);
    assert!(log.text().contains("no LogtoClient among the application's data"), "{}", log.text());
}

#[tokio::test]
async fn a_cookie_that_browsers_drop_is_told_to_the_log() {
    let large = || async {
        HttpResponse::Ok()
            .insert_header(("set-cookie", format!("session={}; Path=/", "x".repeat(4096))))
            .finish()
    };
    let small = || async { HttpResponse::Ok().insert_header(("set-cookie", "session=x; Path=/")).finish() };
    let app = App::new()
        .route("/large", web::get().to(large))
        .route("/small", web::get().to(small))
        .wrap(from_fn(logto_actix::watch_cookie_size));
    let app = init_service(app).await;
    let log = Log::default();
    let _guard = log.listen();
    ask!(app, TestRequest::get().uri("/small"), "");
    assert_eq!(log.text(), "");
    ask!(app, TestRequest::get().uri("/large"), "");
    assert!(log.text().contains("cookie=session bytes=4112"), "{}", log.text());
    assert!(!log.text().contains("xxx"));
}
