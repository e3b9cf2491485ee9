//! The suite of APIs over this binding, and what only this framework can get wrong.

use crate::server::serve_plain;
use actix_web::{
    App, Resource,
    test::{TestRequest, call_service, init_service, read_body},
    web::{self, Data, ServiceConfig},
};
use logto_actix::{AccessTokenVerifier, LogtoApi, LogtoAuth, Requires};
use logto_conformance::api::{AnyOrders, Application, ByClosure, ByHeader, ReadMembers, ReadOrders, said};
use std::net::TcpListener;

async fn by_route(auth: LogtoAuth, body: String) -> String {
    said(&auth, &body)
}

async fn by_signature<R: Requires>(auth: LogtoAuth<R>, body: String) -> String {
    said(&auth, &body)
}

fn routes(app: &mut ServiceConfig, verifier: &AccessTokenVerifier) {
    let members = "/organizations/{organization_id}/members";
    let wrapped = |path: &str, access| web::resource(path).wrap(LogtoApi::new(verifier, access)).to(by_route);
    fn signed<R: Requires>(path: &str) -> Resource {
        web::resource(path).to(by_signature::<R>)
    }
    app.service(wrapped("/route/orders", ReadOrders::access()))
        .service(signed::<ReadOrders>("/signature/orders"))
        .service(wrapped("/route/any", AnyOrders::access()))
        .service(wrapped(&format!("/route{members}"), ReadMembers::access()))
        .service(
            web::scope("/signature/organizations")
                .service(signed::<ReadMembers>("/{organization_id}/members")),
        )
        .service(wrapped("/route/header", ByHeader::access()))
        .service(signed::<ByHeader>("/signature/header"))
        .service(wrapped("/route/closure", ByClosure::access()))
        .service(signed::<ByClosure>("/signature/closure"))
        .service(web::resource("/plain").to(by_route))
        .service(LogtoApi::resource_metadata(verifier).unwrap());
}

struct Api;

impl Application for Api {
    async fn serve(listener: TcpListener, verifier: AccessTokenVerifier) -> Box<dyn Send> {
        Box::new(serve_plain(listener, move |app| {
            app.app_data(Data::new(verifier.clone()));
            routes(app, &verifier);
        }))
    }
}

logto_conformance::api_suite!(Api);
logto_conformance::answers_suite!(api Api);
logto_conformance::proxies_suite!(api Api);

#[actix_web::test]
async fn without_a_verifier_an_api_answers_500_and_says_nothing() {
    let app = init_service(App::new().route("/", web::get().to(by_route))).await;
    let request = TestRequest::get().insert_header(("authorization", "Bearer a.b.c")).to_request();
    let response = call_service(&app, request).await;
    assert_eq!(response.status(), 500);
    let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
    assert!(body.contains("misconfigured") && !body.contains("app_data"), "{body}");
}
