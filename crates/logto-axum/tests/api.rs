//! The suite of APIs over this binding, and that it bites.

#![cfg(feature = "client")]

use axum::{
    Router,
    http::{StatusCode, header},
    routing::{MethodRouter, any},
};
use logto_axum::{AccessTokenVerifier, LogtoApi, LogtoAuth, Requires};
use logto_conformance::api::{
    self, AnyOrders, Application, ByClosure, ByHeader, CASES, ReadMembers, ReadOrders, said,
};
use std::{net::TcpListener, thread};
use tokio::sync::oneshot;

fn serve(listener: TcpListener, app: Router) -> Box<dyn Send> {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (running, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    tokio::spawn(async { server.await.unwrap() });
    Box::new(running)
}

async fn by_route(auth: LogtoAuth, body: String) -> String {
    said(&auth, &body)
}

async fn by_signature<R: Requires>(auth: LogtoAuth<R>, body: String) -> String {
    said(&auth, &body)
}

fn at_route<R: Requires>(verifier: &AccessTokenVerifier) -> MethodRouter<AccessTokenVerifier> {
    any(by_route).layer(LogtoApi::new(verifier, R::access()))
}

struct Api;

impl Application for Api {
    async fn serve(listener: TcpListener, verifier: AccessTokenVerifier) -> Box<dyn Send> {
        let members = "/organizations/{organization_id}/members";
        let app = Router::new()
            .route("/route/orders", at_route::<ReadOrders>(&verifier))
            .route("/signature/orders", any(by_signature::<ReadOrders>))
            .route("/route/any", at_route::<AnyOrders>(&verifier))
            .route(&format!("/route{members}"), at_route::<ReadMembers>(&verifier))
            .nest("/signature", Router::new().route(members, any(by_signature::<ReadMembers>)))
            .route("/route/header", at_route::<ByHeader>(&verifier))
            .route("/signature/header", any(by_signature::<ByHeader>))
            .route("/route/closure", at_route::<ByClosure>(&verifier))
            .route("/signature/closure", any(by_signature::<ByClosure>))
            .route("/plain", any(by_route))
            .merge(LogtoApi::resource_metadata(&verifier).unwrap());
        serve(listener, app.with_state(verifier))
    }
}

logto_conformance::api_suite!(Api);
logto_conformance::answers_suite!(api Api);
logto_conformance::proxies_suite!(api Api);

/// Protects nothing, whatever comes.
struct Open;

impl Application for Open {
    async fn serve(listener: TcpListener, _: AccessTokenVerifier) -> Box<dyn Send> {
        serve(listener, Router::new().fallback(async || "person app none read:orders+write:x "))
    }
}

/// Refuses everybody, without a challenge of its own.
struct Shut;

impl Application for Shut {
    async fn serve(listener: TcpListener, _: AccessTokenVerifier) -> Box<dyn Send> {
        let answer = (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], "{}");
        serve(listener, Router::new().fallback(async move || answer))
    }
}

/// How many cases it passes, each in a thread of its own.
fn passed<A: Application + 'static>() -> usize {
    let play = |name: &'static str| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(api::play::<A>(name));
    };
    CASES.map(|case| thread::spawn(move || play(case.name)).join()).iter().filter(|it| it.is_ok()).count()
}

#[test]
fn an_api_that_protects_nothing_or_refuses_everybody_fails_the_suite() {
    assert_eq!(passed::<Open>(), 4, "the four tokens that are to be taken");
    assert_eq!(passed::<Shut>(), 0, "no refusal says what is wrong");
}
