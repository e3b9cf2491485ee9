//! The suite of APIs over this binding, and that it bites.

#![cfg(feature = "client")]

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    routing::{MethodRouter, any},
};
use logto_axum::{AccessTokenVerifier, LogtoApi, LogtoAuth, Requires};
use logto_conformance::{
    answers,
    api::{self, AnyOrders, Application, ByClosure, ByHeader, CASES, ReadMembers, ReadOrders, said},
    proxies,
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
        serve(listener, Self::router(verifier))
    }
}

impl Api {
    fn router(verifier: AccessTokenVerifier) -> Router {
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
        app.with_state(verifier)
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

/// Right but for its headers: this one is missing, or the host of its challenge is the request's.
struct Careless<const FAULT: u8>;

impl<const FAULT: u8> Application for Careless<FAULT> {
    async fn serve(listener: TcpListener, verifier: AccessTokenVerifier) -> Box<dyn Send> {
        let change = |request: Request, next: Next| async move {
            let host = request.headers().get("x-forwarded-host").cloned();
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            match (FAULT, host, headers.get("www-authenticate").cloned()) {
                (0, ..) => drop(headers.remove("cache-control")),
                (1, ..) => drop(headers.remove("x-content-type-options")),
                (2, ..) => drop(headers.remove("referrer-policy")),
                (_, Some(host), Some(challenge)) => {
                    let (host, challenge) = (host.to_str().unwrap(), challenge.to_str().unwrap());
                    let challenge = challenge.replace("api.example.test", host).parse().unwrap();
                    headers.insert("www-authenticate", challenge);
                }
                _ => {}
            }
            response
        };
        serve(listener, Api::router(verifier).layer(from_fn(change)))
    }
}

#[tokio::test]
#[should_panic(expected = "no-store")]
async fn an_api_whose_refusals_may_be_stored_is_found() {
    answers::what_an_api_answers_is_private_and_never_sniffed::<Careless<0>>().await;
}

#[tokio::test]
#[should_panic(expected = "nosniff")]
async fn an_api_whose_refusals_may_be_sniffed_is_found() {
    answers::what_an_api_answers_is_private_and_never_sniffed::<Careless<1>>().await;
}

#[tokio::test]
#[should_panic(expected = "no-referrer")]
async fn an_api_that_tells_where_it_was_asked_is_found() {
    answers::what_an_api_answers_is_private_and_never_sniffed::<Careless<2>>().await;
}

#[tokio::test]
#[should_panic(expected = "X-Forwarded-Host")]
async fn an_api_that_believes_x_forwarded_host_is_found() {
    proxies::a_challenge_and_the_metadata_are_as_configured_behind_any_proxy::<Careless<3>>().await;
}
