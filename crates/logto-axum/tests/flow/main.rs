//! The flow suite over this binding, on a real server with real sessions.

#![cfg(feature = "client")]

mod answers_bite;
mod application;
mod asvs;
mod bites;
mod credulous;
mod naive;
mod relying_party;
mod relying_party_bites;
mod routes;
mod values;

use logto_axum::{LogtoClient, MemoryTokenStore, TokenStore};
use logto_conformance::flow::{Application, Plan};
use std::{net::TcpListener, sync::Arc};

mod over_0_15_merged {
    use super::*;

    struct Merged;

    impl Application for Merged {
        async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
            application::serve(listener, application::over_0_15_merged::router(client, plan))
        }
    }

    logto_conformance::flow_suite!(Merged);
    logto_conformance::answers_suite!(Merged);
    logto_conformance::proxies_suite!(Merged);
}

mod with_tickets {
    use super::*;

    struct WithTickets;

    impl Application for WithTickets {
        async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
            application::serve(listener, application::over_0_15_merged::router(client, plan))
        }

        fn token_store() -> Option<Arc<dyn TokenStore>> {
            Some(Arc::new(MemoryTokenStore::new()))
        }
    }

    logto_conformance::flow_suite!(with tickets, WithTickets);
    logto_conformance::answers_suite!(with tickets, WithTickets);
    logto_conformance::proxies_suite!(with tickets, WithTickets);
}

#[cfg(feature = "tower-sessions-0_14")]
mod over_0_14_nested {
    use super::*;

    struct Nested;

    impl Application for Nested {
        async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
            application::serve(listener, application::over_0_14_nested::router(client, plan))
        }
    }

    logto_conformance::flow_suite!(Nested);
    logto_conformance::answers_suite!(Nested);
    logto_conformance::proxies_suite!(Nested);
}
