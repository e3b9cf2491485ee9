//! An axum API: a route for each of Logto's three models, and one that calls another API.

mod logto;

use axum::{
    Json, Router,
    extract::{FromRef, State},
    http::StatusCode,
    routing::get,
};
use logto::{Apis, answer};
use logto_axum::{Access, AccessTokenVerifier, LogtoApi, LogtoAuth, Organization, Requires};
use serde_json::Value;
use std::{env, error::Error};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let own = format!("http://localhost:{}", listener.local_addr()?.port());
    let (apis, local) = Apis::connect(&own).await?;
    logto::tell(&own, local.as_ref());
    let app = routes(&apis.verifier).with_state(AppState(apis));
    axum::serve(listener, app).with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}

#[derive(Clone)]
struct AppState(Apis);

impl FromRef<AppState> for AccessTokenVerifier {
    fn from_ref(state: &AppState) -> Self {
        state.0.verifier.clone()
    }
}

/// What a route needs stands at the route, or in the signature of its handler.
fn routes(verifier: &AccessTokenVerifier) -> Router<AppState> {
    let orders = LogtoApi::new(verifier, Access::api().scopes(["read:orders"]));
    let members = Access::organization(Organization::path("organization_id")).scopes(["read:member"]);
    Router::new()
        .route("/orders", get(orders_of_all).layer(orders))
        .route(
            "/organizations/{organization_id}/members",
            get(self::members).layer(LogtoApi::new(verifier, members)),
        )
        .route("/organizations/{organization_id}/orders", get(orders_of_one))
        .route("/report", get(report))
}

/// A global API resource.
async fn orders_of_all(auth: LogtoAuth) -> Json<Value> {
    Json(answer("all orders", &auth))
}

/// An organization.
async fn members(auth: LogtoAuth) -> Json<Value> {
    Json(answer("the members of an organization", &auth))
}

/// An API resource within an organization.
async fn orders_of_one(auth: LogtoAuth<OrdersOfOne>) -> Json<Value> {
    Json(answer("the orders of an organization", &auth))
}

struct OrdersOfOne;

impl Requires for OrdersOfOne {
    fn access() -> Access {
        Access::organization_api(Organization::path("organization_id")).scopes(["read:orders"])
    }
}

/// Asks the other API, machine to machine.
async fn report(
    State(AppState(apis)): State<AppState>,
    _auth: LogtoAuth<ReadOrders>,
) -> Result<Json<Value>, (StatusCode, String)> {
    match apis.orders_of_the_other().await {
        Ok(orders) => Ok(Json(orders)),
        Err(error) => Err((StatusCode::BAD_GATEWAY, format!("the other API: {error}"))),
    }
}

struct ReadOrders;

impl Requires for ReadOrders {
    fn access() -> Access {
        Access::api().scopes(["read:orders"])
    }
}
