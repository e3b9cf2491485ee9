//! The application over this project's client, as a binding does it.

use super::{BASE, Process, visitor::Visitor};
use axum::{
    Router,
    extract::{FromRef, FromRequestParts, Query},
    http::{StatusCode, Uri, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use logto_client::{
    LogtoClient, LogtoConfig, LogtoError, LogtoSession, Route, SignInOptions, TokenTarget, VisitorStorage,
    web::{self, Refusal, RequestFacts, Visit},
};
use logto_storage_core::{MemoryStorage, Storage, keys};
use serde_json::json;
use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

/// Everything of the application.
pub(super) fn router(process: &Process) -> Result<Router, LogtoError> {
    let config = LogtoConfig::new(&process.plan.endpoint, "local-app")
        .app_secret("local-secret")
        .base_url(BASE)
        .resources(crate::flow::RESOURCES)
        .clock(Arc::clone(&process.clock) as Arc<_>)
        .token_store(Arc::clone(&process.store));
    let client = LogtoClient::new(config)?;
    Ok(Router::new()
        .route("/", get(who))
        .route("/orders", get(orders))
        .route("/access-token", get(access_token))
        .route("/slow-write", get(slow_write))
        .route("/held", get(held))
        .route("/logto/sign-in", get(sign_in))
        .route("/logto/sign-in-callback", get(callback))
        .route("/logto/sign-out", post(sign_out))
        .with_state(client))
}

/// A visitor and all operations of theirs.
struct Caller {
    session: LogtoSession<VisitorStorage<MemoryStorage>>,
    visitor: Visitor,
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    LogtoClient: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let client = LogtoClient::from_ref(state);
        let visitor = Visitor::from_request_parts(parts, state).await?;
        let text = |name| parts.headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let facts = RequestFacts {
            method: parts.method.as_str(),
            accept: text("accept"),
            sec_fetch_mode: text("sec-fetch-mode"),
            sec_fetch_site: text("sec-fetch-site"),
            ..RequestFacts::default()
        };
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let visit = Visit::new(&facts, here, text("cookie"));
        let session = client.session(client.storage(visitor.items.clone())).for_visit(visit);
        Ok(Self { session, visitor })
    }
}

impl Caller {
    async fn answer(self, outcome: Result<Response, LogtoError>) -> Response {
        let response = outcome.unwrap_or_else(|error| told(&self.session.address(error)));
        self.visitor.keep(response).await
    }
}

/// As the bindings tell an error.
fn told(error: &LogtoError) -> Response {
    let cause = std::error::Error::source(error).map(|cause| format!("{cause:?}"));
    tracing::warn!(%error, kind = ?error.kind(), cause, "answering with an error");
    let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match error.refusal() {
        Some(Refusal::Redirect(to)) => Redirect::to(to).into_response(),
        Some(Refusal::Page(sign_in)) => (status, Html(web::error_page(error, Some(sign_in)))).into_response(),
        _ => (status, [(header::CONTENT_TYPE, "application/json")], web::error_json(error)).into_response(),
    }
}

async fn who(caller: Caller) -> Response {
    let outcome = async {
        Ok(match caller.session.is_authenticated().await? {
            true => caller.session.id_token_claims().await?.sub().to_owned().into_response(),
            false => "nobody".into_response(),
        })
    };
    let outcome = outcome.await;
    caller.answer(outcome).await
}

/// A page that needs a sign-in and a token.
async fn orders(caller: Caller) -> Response {
    let outcome = async {
        let sub = caller.session.id_token_claims().await?.sub().to_owned();
        caller.session.access_token(crate::flow::RESOURCES[0]).await?;
        Ok(sub.into_response())
    };
    let outcome = outcome.await;
    caller.answer(outcome).await
}

type Parameters = Query<HashMap<String, String>>;

async fn access_token(caller: Caller, Query(query): Parameters) -> Response {
    let outcome = async {
        let target = TokenTarget::resource(query.get("resource").cloned().unwrap_or_default());
        let target = if query.contains_key("force") { target.forced() } else { target };
        let claims = caller.session.access_token_claims(target).await?;
        let jti = claims.get("jti").cloned();
        let token = json!({ "sub": claims.sub(), "aud": claims.aud(), "jti": jti });
        Ok(token.to_string().into_response())
    };
    let outcome = outcome.await;
    caller.answer(outcome).await
}

/// Reads what the visitor holds, takes its time, and writes it back.
async fn slow_write(caller: Caller, Query(query): Parameters) -> Response {
    let wait = query.get("ms").and_then(|ms| ms.parse().ok()).unwrap_or_default();
    let outcome = async {
        let storage = caller.session.storage();
        let Some(before) = storage.get(keys::ID_TOKEN).await? else {
            return Ok("nothing".into_response());
        };
        tokio::time::sleep(Duration::from_millis(wait)).await;
        // Something changes, so that nobody may leave the write out.
        let note = format!("{{\"@slow\":{{\"token\":\"{wait}\",\"expiresAt\":4000000000}}}}");
        storage.set(keys::ACCESS_TOKEN_MAP, &note).await?;
        storage.set(keys::ID_TOKEN, &before).await?;
        Ok("written".into_response())
    };
    let outcome = outcome.await;
    caller.answer(outcome).await
}

/// The refresh token that the visitor's record holds: for the orchestrator alone.
async fn held(caller: Caller) -> Response {
    let outcome = caller.session.storage().get(keys::REFRESH_TOKEN).await;
    let outcome = outcome.map(|token| token.unwrap_or_default().into_response()).map_err(LogtoError::from);
    caller.answer(outcome).await
}

async fn sign_in(caller: Caller, uri: Uri) -> Response {
    let outcome = async {
        let options = web::sign_in_options(caller.session.client(), uri.query(), SignInOptions::new())?;
        Ok(Redirect::to(caller.session.sign_in(options).await?.as_str()).into_response())
    };
    let outcome = outcome.await;
    caller.answer(outcome).await
}

async fn callback(caller: Caller, uri: Uri) -> Response {
    let outcome = async {
        let mut url = caller.session.client().route_url(Route::SignInCallback)?;
        url.set_query(uri.query());
        let signed_in = caller.session.handle_sign_in_callback(url.as_str()).await?;
        Ok(Redirect::to(signed_in.post_redirect_uri().unwrap_or("/")).into_response())
    };
    let outcome = outcome.await;
    caller.answer(outcome).await
}

async fn sign_out(caller: Caller) -> Response {
    let outcome = caller.session.sign_out(None).await.map(|url| Redirect::to(url.as_str()).into_response());
    caller.answer(outcome).await
}
