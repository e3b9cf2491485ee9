//! A naive client, as one writes it by hand: the cases about races fail it.

use crate::application::{self, AppState, Wanted, over_0_15_merged::router_with};
use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use logto_axum::LogtoClient;
use logto_conformance::flow::{self, Application, Browser, Plan};
use serde_json::{Value, json};
use std::net::TcpListener;
use tower_sessions::Session;

struct Naive;

impl Application for Naive {
    async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
        let tokens = Router::new()
            .route("/access-token", get(access_token))
            .route("/refresh-then-500", get(refresh_then_500));
        application::serve(listener, router_with(client, plan, tokens))
    }
}

/// What the session holds, or a refresh by whoever comes; the answer goes back into the session.
async fn access_token(
    session: Session,
    State(AppState { client }): State<AppState>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, StatusCode> {
    let told = |token: &str| Ok(Json(json!({"aud": wanted.resource, "jti": token})));
    if let Some(token) = session.get::<String>(&wanted.resource).await.unwrap() {
        return told(&token);
    }
    let refresh_token = session.get::<String>("logto_refresh_token").await.unwrap();
    let form = [
        ("client_id", "local-app"),
        ("client_secret", "local-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh_token.ok_or(StatusCode::UNAUTHORIZED)?),
        ("resource", &wanted.resource),
    ];
    let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = Browser::new().post_form(format!("{}/token", client.issuer()), &form).await;
    let answer: Value = serde_json::from_str(&answer.body).map_err(|_| StatusCode::BAD_GATEWAY)?;
    let token = answer["access_token"].as_str().ok_or(StatusCode::BAD_GATEWAY)?;
    session.insert("logto_refresh_token", &answer["refresh_token"]).await.unwrap();
    session.insert(&wanted.resource, token).await.unwrap();
    told(token)
}

async fn refresh_then_500(
    session: Session,
    state: State<AppState>,
    wanted: Query<Wanted>,
) -> Result<StatusCode, StatusCode> {
    drop(access_token(session, state, wanted).await?);
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

macro_rules! fails {
    ($($case:ident)*) => {
        $(
            #[tokio::test]
            #[should_panic]
            async fn $case() {
                flow::$case::<Naive>().await;
            }
        )*
    };
}

fails! {
    fifty_requests_at_once_make_one_refresh
    eight_resources_at_once_get_each_their_own_token
    a_browser_that_leaves_during_a_refresh_loses_nothing
    a_stale_session_after_a_refresh_stays_signed_in
    a_slow_request_after_a_sign_out_stays_signed_out
    a_refresh_before_an_error_of_the_application_loses_nothing
    a_revoked_grant_sends_a_page_to_sign_in_once
}

#[tokio::test]
async fn it_is_right_where_nothing_meets() {
    flow::a_person_signs_in_and_sees_who_they_are::<Naive>().await;
    flow::the_floor_of_requests_to_the_provider_is_kept::<Naive>().await;
}
