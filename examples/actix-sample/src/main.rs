//! An actix-web application that signs people in with Logto: pages for everybody, pages for who is signed in.

mod memory;
#[path = "../../axum-sample/src/page.rs"]
mod page;
mod sessions;
#[path = "../../axum-sample/src/stores.rs"]
mod stores;

use actix_session::SessionMiddleware;
use actix_web::{
    App, HttpServer,
    middleware::from_fn,
    web::{self, Data, Html, Json, Query},
};
use logto_actix::{
    IdTokenClaims, Logto, LogtoClient, LogtoConfig, LogtoError, LogtoRoutes, LogtoUser, OptionalLogtoUser,
    TokenTarget, UserInfo, logto_client::StorageMode,
};
use logto_emulator::Emulator;
use serde_json::{Value, json};
use std::{collections::HashMap, env, error::Error, net::TcpListener};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_max_level(tracing_subscriber::filter::LevelFilter::INFO).init();
    let port: u16 = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let base_url = match env::var("LOGTO_BASE_URL") {
        Ok(url) => url,
        Err(_) => format!("http://localhost:{}", listener.local_addr()?.port()),
    };
    // Without a tenant in the environment a local Logto runs inside. It is on 127.0.0.1 and the
    // application on localhost: two sites, as in production.
    let emulator = match env::var_os("LOGTO_ENDPOINT") {
        Some(_) => None,
        None => Some(Emulator::start().await?),
    };
    let config = match &emulator {
        Some(emulator) => LogtoConfig::new(emulator.endpoint(), "local-app")
            .app_secret("local-secret")
            .scopes(words("LOGTO_SCOPES"))
            .resources(words("LOGTO_RESOURCES")),
        None => LogtoConfig::from_env()?,
    };
    let config = match stores::token_store().await? {
        Some(store) => config.token_store(store),
        None => config,
    };
    // One client for all workers, made outside their factory.
    let client = LogtoClient::new(config.base_url(&base_url))?;

    println!("open {base_url}");
    if let Some(emulator) = &emulator {
        println!("sign in as alice / alice at the local Logto on {}", emulator.endpoint());
    }
    let mut routes = LogtoRoutes::new();
    if client.storage_mode() == StorageMode::Tickets {
        routes = routes.back_channel_logout(&client)?;
    }
    serve(listener, client.clone(), routes, base_url.starts_with("https:")).await?;
    // Sign-ins whose browsers have gone away are completed first.
    client.shutdown().await;
    Ok(())
}

fn words(variable: &str) -> Vec<String> {
    env::var(variable).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Until Ctrl-C, or what a deployment sends.
async fn serve(
    listener: TcpListener,
    client: LogtoClient,
    routes: LogtoRoutes,
    secure: bool,
) -> Result<(), Box<dyn Error>> {
    let (store, key) = (sessions::store().await?, sessions::key()?);
    HttpServer::new(move || {
        let sessions = SessionMiddleware::builder(store.clone(), key.clone()).cookie_secure(secure).build();
        App::new()
            .app_data(Data::new(client.clone()))
            .route("/", web::get().to(home))
            .route("/protected", web::get().to(protected))
            .route("/user-id-token-claims", web::get().to(claims))
            .route("/user-info", web::get().to(user_info))
            .route("/access-token", web::get().to(access_token))
            .configure(|config| routes.configure(config))
            .wrap(sessions)
            .wrap(from_fn(logto_actix::no_store_with_cookie))
            .wrap(from_fn(logto_actix::watch_cookie_size))
    })
    .listen(listener)?
    .run()
    .await?;
    Ok(())
}

/// For everybody.
async fn home(user: OptionalLogtoUser) -> Html {
    Html::new(page::home(user.as_deref()))
}

/// For who is signed in: others are sent to sign-in and come back.
async fn protected(user: LogtoUser) -> Html {
    Html::new(page::protected(&user))
}

/// What the ID token says.
async fn claims(logto: Logto, _user: LogtoUser) -> Result<Json<IdTokenClaims>, LogtoError> {
    Ok(Json(logto.id_token_claims().await?))
}

/// What Logto says when it is asked.
async fn user_info(logto: Logto, _user: LogtoUser) -> Result<Json<UserInfo>, LogtoError> {
    Ok(Json(logto.fetch_user_info().await?))
}

/// What a token for an API (`resource`), an organization (`organization_id`), both or neither is good for.
/// The token itself goes to the API and to nobody else.
async fn access_token(
    logto: Logto,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, LogtoError> {
    let mut target = query.get("resource").map_or_else(TokenTarget::user_info, TokenTarget::resource);
    if let Some(id) = query.get("organization_id") {
        target = target.in_organization(id);
    }
    let token = logto.access_token(target).await?;
    let scopes: Vec<&str> = token.scopes().collect();
    Ok(Json(json!({"expires_at": token.expires_at(), "scopes": scopes, "claims": token.claims()})))
}
