//! The relying-party suite over this binding.

use crate::application;
use logto_axum::LogtoClient;
use logto_conformance::flow::{Application, Plan};
use std::net::TcpListener;

struct RelyingParty;

impl Application for RelyingParty {
    async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
        application::serve(listener, application::over_0_15_merged::router(client, plan))
    }
}

logto_conformance::relying_party_suite!(RelyingParty);
