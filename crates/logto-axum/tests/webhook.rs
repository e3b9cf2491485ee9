//! The webhook suite over this binding.

#![cfg(feature = "client")]

use axum::{Router, extract::DefaultBodyLimit, extract::FromRef, routing::post};
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
