//! The webhook suite over this binding.

#![cfg(feature = "client")]

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request},
    middleware::{Next, from_fn},
    routing::post,
};
use logto_axum::{LogtoClient, LogtoConfig, LogtoWebhook, WebhookVerifier};
use logto_conformance::webhook::{Application, PATH};
use std::net::TcpListener;
use tokio::sync::oneshot;

async fn on_event(event: LogtoWebhook) -> String {
    format!("{} {} {}", event.event(), event.hook_id(), event.user_id().unwrap_or("none"))
}

fn serve<S: Clone + Send + Sync + 'static>(listener: TcpListener, app: Router<S>, state: S) -> Box<dyn Send> {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (running, stopped) = oneshot::channel::<()>();
    let server =
        axum::serve(listener, app.with_state(state)).with_graceful_shutdown(async { drop(stopped.await) });
    tokio::spawn(async { server.await.unwrap() });
    Box::new(running)
}

mod as_the_state {
    use super::*;

    struct Alone;

    impl Application for Alone {
        async fn serve(listener: TcpListener, verifier: WebhookVerifier) -> Box<dyn Send> {
            super::serve(listener, Router::new().route(PATH, post(on_event)), verifier)
        }
    }

    logto_conformance::webhook_suite!(Alone);
    logto_conformance::answers_suite!(webhook Alone);
}

mod beside_the_client_under_another_body_limit {
    use super::*;

    #[derive(Clone)]
    struct AppState {
        _logto: LogtoClient,
        webhooks: WebhookVerifier,
    }

    impl FromRef<AppState> for WebhookVerifier {
        fn from_ref(state: &AppState) -> Self {
            state.webhooks.clone()
        }
    }

    struct Beside;

    impl Application for Beside {
        async fn serve(listener: TcpListener, webhooks: WebhookVerifier) -> Box<dyn Send> {
            let config = LogtoConfig::new("https://tenant.logto.app", "app");
            let state = AppState { _logto: LogtoClient::new(config).unwrap(), webhooks };
            let app = Router::new().route(PATH, post(on_event)).layer(DefaultBodyLimit::max(10));
            super::serve(listener, app, state)
        }
    }

    logto_conformance::webhook_suite!(Beside);
}

/// Answers without a word to caches.
struct Careless;

impl Application for Careless {
    async fn serve(listener: TcpListener, verifier: WebhookVerifier) -> Box<dyn Send> {
        let change = |request: Request, next: Next| async move {
            let mut response = next.run(request).await;
            response.headers_mut().remove("cache-control");
            response
        };
        serve(listener, Router::new().route(PATH, post(on_event)).layer(from_fn(change)), verifier)
    }
}

#[tokio::test]
#[should_panic(expected = "no-store")]
async fn a_refusal_that_may_be_stored_is_found() {
    logto_conformance::answers::what_a_webhook_is_answered_is_private_and_never_sniffed::<Careless>().await;
}
