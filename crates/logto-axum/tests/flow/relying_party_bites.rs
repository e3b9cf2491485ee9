//! Planted faults: relying parties that check nothing, that sign nobody in, and that ask on after a refusal.

use crate::{application, credulous};
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use logto_axum::LogtoClient;
use logto_conformance::{
    flow::{Application, Browser, Plan},
    relying_party,
};
use std::net::TcpListener;

mod accepts_everything {
    use super::*;

    struct Credulous;

    impl Application for Credulous {
        async fn serve(listener: TcpListener, client: LogtoClient, _: Plan) -> Box<dyn Send> {
            application::serve(listener, credulous::router(&client))
        }
    }

    logto_conformance::relying_party_suite!(accepts_everything, Credulous);
}

mod refuses_everything {
    use super::*;

    struct Suspicious;

    async fn refuse(request: Request, next: Next) -> Response {
        match request.uri().path().ends_with("/sign-in-callback") {
            true => (StatusCode::BAD_REQUEST, "no").into_response(),
            false => next.run(request).await,
        }
    }

    impl Application for Suspicious {
        async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
            application::serve(listener, right(client, plan).layer(from_fn(refuse)))
        }
    }

    logto_conformance::relying_party_suite!(refuses_everything, Suspicious);
}

fn right(client: LogtoClient, plan: Plan) -> Router {
    application::over_0_15_merged::router(client, plan)
}

/// Asks the provider for user info after a callback that was refused.
struct AsksOn;

async fn ask_on(State(client): State<LogtoClient>, request: Request, next: Next) -> Response {
    let callback = request.uri().path().ends_with("/sign-in-callback");
    let answer = next.run(request).await;
    if callback && !answer.status().is_redirection() {
        Browser::new().get(format!("{}/me", client.issuer())).await;
    }
    answer
}

impl Application for AsksOn {
    async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
        let app = right(client.clone(), plan).layer(from_fn_with_state(client, ask_on));
        application::serve(listener, app)
    }
}

#[tokio::test]
#[should_panic(expected = "more is asked for")]
async fn a_request_after_a_refused_token_is_found() {
    relying_party::oidcc_client_test_invalid_iss::<AsksOn>().await;
}

#[tokio::test]
#[should_panic(expected = "more is asked for")]
async fn a_request_after_a_refused_callback_is_found() {
    relying_party::invalid_authorization_response_iss::<AsksOn>().await;
}
