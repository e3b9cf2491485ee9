//! The suite of ASVS over this binding, with sessions that end when nobody uses them.

mod naive;

use crate::application::{self, AppState, over_0_15_merged, tokens};
use async_trait::async_trait;
use axum::{Router, routing::get};
use logto_axum::{AccessTokenVerifier, LogtoApi, LogtoAuth, LogtoClient, Requires, logto_client::ApiConfig};
use logto_conformance::{
    api::{ReadMembers, ReadOrders, said},
    asvs::{Binding, Served, Site},
    flow::Plan,
};
use logto_storage_core::{Clock, ManualClock};
use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::{SameSite, time::OffsetDateTime},
    session::{Id, Record},
    session_store,
};

struct Axum;

impl Binding for Axum {
    async fn serve(site: Site) -> Served {
        let client = LogtoClient::new(site.config).unwrap();
        let app = pages(&client, site.idle, site.clock);
        Served { client, running: application::serve(site.listener, app) }
    }

    async fn serve_api(listener: TcpListener, config: ApiConfig) -> Box<dyn Send> {
        application::serve(listener, api(AccessTokenVerifier::new(config).unwrap()))
    }
}

logto_conformance::asvs_suite!(Axum);

fn pages(client: &LogtoClient, idle: Duration, clock: ManualClock) -> Router {
    let sessions = SessionManagerLayer::new(Sessions { clock, records: Arc::default() })
        .with_same_site(SameSite::Lax)
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(idle.try_into().unwrap()))
        // A request that changes nothing is a use too.
        .with_always_save(true);
    let pages = over_0_15_merged::pages(client, Plan::default(), tokens());
    pages.layer(sessions).with_state(AppState { client: client.clone() })
}

fn api(verifier: AccessTokenVerifier) -> Router {
    Router::new()
        .route("/orders", get(by_route).layer(LogtoApi::new(&verifier, ReadOrders::access())))
        .route("/signed/orders", get(by_signature::<ReadOrders>))
        .route("/organizations/{organization_id}/members", get(by_signature::<ReadMembers>))
        .with_state(verifier)
}

async fn by_route(auth: LogtoAuth) -> String {
    said(&auth, "")
}

async fn by_signature<R: Requires>(auth: LogtoAuth<R>) -> String {
    said(&auth, "")
}

/// Sessions in memory whose time is told; until when each lives stands beside it.
#[derive(Clone, Debug)]
struct Sessions {
    clock: ManualClock,
    records: Arc<Mutex<HashMap<Id, (Record, Duration)>>>,
}

impl Sessions {
    fn keep(&self, record: &Record) {
        let lifetime = record.expiry_date - OffsetDateTime::now_utc();
        let until = self.clock.now() + Duration::try_from(lifetime).unwrap_or_default();
        self.records.lock().unwrap().insert(record.id, (record.clone(), until));
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.keep(record);
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.keep(record);
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let known = self.records.lock().unwrap().get(id).cloned();
        Ok(known.filter(|(_, until)| self.clock.now() < *until).map(|(record, _)| record))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.records.lock().unwrap().remove(id);
        Ok(())
    }
}
