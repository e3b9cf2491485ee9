//! An axum application that signs people in with Logto: pages for everybody, pages for who is signed in.

mod page;
mod sessions;
mod stores;

use axum::{Json, Router, extract::Query, middleware::from_fn, response::Html, routing::get};
use logto_axum::{
    IdTokenClaims, Logto, LogtoClient, LogtoConfig, LogtoError, LogtoRoutes, LogtoUser, OptionalLogtoUser,
    TokenTarget, UserInfo, logto_client::StorageMode,
};
use logto_emulator::Emulator;
use serde_json::{Value, json};
use std::{collections::HashMap, env, error::Error};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_max_level(tracing_subscriber::filter::LevelFilter::INFO).init();
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
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
    let client = LogtoClient::new(config.base_url(&base_url))?;
    let app = sessions::around(routes(&client)?, base_url.starts_with("https:")).await?;

    println!("open {base_url}");
    if let Some(emulator) = &emulator {
        println!("sign in as alice / alice at the local Logto on {}", emulator.endpoint());
    }
    let app =
        app.layer(from_fn(logto_axum::no_store_with_cookie)).layer(from_fn(logto_axum::watch_cookie_size));
    axum::serve(listener, app.with_state(client.clone())).with_graceful_shutdown(stopped()).await?;
    // Sign-ins whose browsers have gone away are completed first.
    client.shutdown().await;
    Ok(())
}

fn words(variable: &str) -> Vec<String> {
    env::var(variable).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Ctrl-C, or what a deployment sends.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = tokio::signal::ctrl_c() => return,
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

fn routes(client: &LogtoClient) -> Result<Router<LogtoClient>, LogtoError> {
    let mut logto = LogtoRoutes::new();
    if client.storage_mode() == StorageMode::Tickets {
        logto = logto.back_channel_logout(client)?;
    }
    let pages = Router::new()
        .route("/", get(home))
        .route("/protected", get(protected))
        .route("/user-id-token-claims", get(claims))
        .route("/user-info", get(user_info))
        .route("/access-token", get(access_token));
    Ok(pages.merge(logto.into_router()))
}

/// For everybody.
async fn home(user: OptionalLogtoUser) -> Html<String> {
    Html(page::home(user.as_deref()))
}

/// For who is signed in: others are sent to sign-in and come back.
async fn protected(user: LogtoUser) -> Html<String> {
    Html(page::protected(&user))
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
