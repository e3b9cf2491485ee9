//! The suite of APIs over this binding, and what only this framework can get wrong.

use actix_web::{
    App, HttpServer, Resource,
    dev::ServerHandle,
    test::{TestRequest, call_service, init_service, read_body},
    web::{self, Data, ServiceConfig},
};
use logto_actix::{AccessTokenVerifier, LogtoApi, LogtoAuth, Requires};
use logto_conformance::api::{AnyOrders, Application, ByClosure, ByHeader, ReadMembers, ReadOrders, said};
use std::net::TcpListener;

struct Running(ServerHandle);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stop(false));
    }
}

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
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let data = Data::new(verifier.clone());
                    App::new().app_data(data).configure(|app| routes(app, &verifier))
                };
                let server =
                    HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Box::new(Running(receiver.recv().unwrap()))
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
