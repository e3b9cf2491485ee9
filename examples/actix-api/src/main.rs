//! An actix-web API: a route for each of Logto's three models, and one that calls another API.

#[path = "../../axum-api/src/logto.rs"]
mod logto;

use actix_web::{
    App, HttpResponse, HttpServer,
    web::{self, Data, Json},
};
use logto::{Apis, answer};
use logto_actix::{Access, AccessTokenVerifier, LogtoApi, LogtoAuth, Organization, Requires};
use serde_json::Value;
use std::{env, error::Error, net::TcpListener};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let port: u16 = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let own = format!("http://localhost:{}", listener.local_addr()?.port());
    let (apis, local) = Apis::connect(&own).await?;
    logto::tell(&own, local.as_ref());
    let app = move || {
        let state = (Data::new(apis.verifier.clone()), Data::new(apis.clone()));
        App::new().app_data(state.0).app_data(state.1).configure(|app| routes(app, &apis.verifier))
    };
    HttpServer::new(app).listen(listener)?.run().await?;
    Ok(())
}

/// What a route needs stands at the route, or in the signature of its handler.
fn routes(app: &mut web::ServiceConfig, verifier: &AccessTokenVerifier) {
    let orders = LogtoApi::new(verifier, Access::api().scopes(["read:orders"]));
    let members = Access::organization(Organization::path("organization_id")).scopes(["read:member"]);
    app.service(web::resource("/orders").wrap(orders).get(orders_of_all))
        .service(
            web::resource("/organizations/{organization_id}/members")
                .wrap(LogtoApi::new(verifier, members))
                .get(self::members),
        )
        .route("/organizations/{organization_id}/orders", web::get().to(orders_of_one))
        .route("/report", web::get().to(report));
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
async fn report(apis: Data<Apis>, _auth: LogtoAuth<ReadOrders>) -> HttpResponse {
    match apis.orders_of_the_other().await {
        Ok(orders) => HttpResponse::Ok().json(orders),
        Err(error) => HttpResponse::BadGateway().body(format!("the other API: {error}")),
    }
}

struct ReadOrders;

impl Requires for ReadOrders {
    fn access() -> Access {
        Access::api().scopes(["read:orders"])
    }
}
