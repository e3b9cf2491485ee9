//! The webhook suite over this binding, and what only this framework can get wrong.

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    test::{TestRequest, call_service, init_service, read_body},
    web::{self, Data, PayloadConfig, ServiceConfig},
};
use logto_actix::{LogtoWebhook, WebhookVerifier};
use logto_conformance::webhook::{Application, PATH};
use std::net::TcpListener;

async fn on_event(event: LogtoWebhook) -> String {
    format!("{} {} {}", event.event(), event.hook_id(), event.user_id().unwrap_or("none"))
}

struct Running(ServerHandle);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stop(false));
    }
}

/// A server in a thread of its own.
fn serve(
    listener: TcpListener,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Box<dyn Send> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().configure(configure.clone()).route(PATH, web::post().to(on_event));
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
            sender.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    Box::new(Running(receiver.recv().unwrap()))
}

mod as_data {
    use super::*;

    struct AsData;

    impl Application for AsData {
        async fn serve(listener: TcpListener, verifier: WebhookVerifier) -> Box<dyn Send> {
            super::serve(listener, move |config| {
                config.app_data(Data::new(verifier.clone()));
            })
        }
    }

    logto_conformance::webhook_suite!(AsData);
    logto_conformance::answers_suite!(webhook AsData);
}

mod by_itself_under_another_body_limit {
    use super::*;

    struct ByItself;

    impl Application for ByItself {
        async fn serve(listener: TcpListener, verifier: WebhookVerifier) -> Box<dyn Send> {
            super::serve(listener, move |config| {
                config.app_data(verifier.clone()).app_data(PayloadConfig::new(10));
            })
        }
    }

    logto_conformance::webhook_suite!(ByItself);
}

#[actix_web::test]
async fn without_a_verifier_it_answers_500_and_says_nothing() {
    let app = init_service(App::new().route(PATH, web::post().to(on_event))).await;
    let answer = call_service(&app, TestRequest::post().uri(PATH).to_request()).await;
    assert_eq!(answer.status().as_u16(), 500);
    let body = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
    assert!(!body.contains("WebhookVerifier"), "{body}");
}
