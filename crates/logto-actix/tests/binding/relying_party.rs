//! The relying-party suite over this binding.

use crate::flow::application;
use logto_actix::{LogtoClient, LogtoRoutes};
use logto_conformance::flow::{Application, Plan};
use std::net::TcpListener;

struct RelyingParty;

impl Application for RelyingParty {
    async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
        application(listener, 1, client, plan, LogtoRoutes::configure)
    }
}

logto_conformance::relying_party_suite!(RelyingParty);
