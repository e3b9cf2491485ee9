//! The suite of ASVS over this binding, with sessions that end when nobody uses them.

use crate::{
    flow::configuration,
    server::{serve_plain, serve_with},
};
use actix_session::{
    config::{
        CookieContentSecurity::Signed, PersistentSession, SessionMiddlewareBuilder, TtlExtensionPolicy,
    },
    storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key},
};
use actix_web::{
    cookie::time::Duration as Ttl,
    web::{self, Data},
};
use logto_actix::{
    AccessTokenVerifier, LogtoApi, LogtoAuth, LogtoClient, LogtoRoutes, Requires, logto_client::ApiConfig,
};
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

/// A signed cookie begins with 32 bytes in Base64.
const SIGNATURE: usize = 44;

struct Actix;

impl Binding for Actix {
    async fn serve(site: Site) -> Served {
        let client = LogtoClient::new(site.config).unwrap();
        let idle = Ttl::try_from(site.idle).unwrap();
        let store = Sessions { clock: site.clock, states: Arc::default() };
        let sessions = move |sessions: SessionMiddlewareBuilder<Sessions>| {
            let lifecycle = PersistentSession::default().session_ttl(idle);
            // A request that changes nothing is a use too.
            let lifecycle = lifecycle.session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
            sessions.cookie_content_security(Signed).session_lifecycle(lifecycle)
        };
        let pages = configuration(client.clone(), Plan::default(), LogtoRoutes::configure);
        let running = serve_with(site.listener, 2, move || store.clone(), sessions, pages);
        Served { client, running: Box::new(running) }
    }

    async fn serve_api(listener: TcpListener, config: ApiConfig) -> Box<dyn Send> {
        let verifier = AccessTokenVerifier::new(config).unwrap();
        let orders = LogtoApi::new(&verifier, ReadOrders::access());
        Box::new(serve_plain(listener, move |app| {
            app.app_data(Data::new(verifier.clone()))
                .service(web::resource("/orders").wrap(orders.clone()).to(by_route))
                .route("/signed/orders", web::get().to(by_signature::<ReadOrders>))
                .route(
                    "/organizations/{organization_id}/members",
                    web::get().to(by_signature::<ReadMembers>),
                );
        }))
    }

    fn session_id(value: &str) -> &str {
        // Three of the characters of Base64 are percent-encoded.
        let mut characters = value.char_indices();
        for _ in 0..SIGNATURE {
            if characters.next().is_some_and(|(_, character)| character == '%') {
                characters.nth(1);
            }
        }
        characters.next().map_or("", |(at, _)| &value[at..])
    }
}

logto_conformance::asvs_suite!(Actix);

async fn by_route(auth: LogtoAuth) -> String {
    said(&auth, "")
}

async fn by_signature<R: Requires>(auth: LogtoAuth<R>) -> String {
    said(&auth, "")
}

type State = HashMap<String, String>;

/// Sessions in memory whose time is told; until when each lives stands beside it.
#[derive(Clone, Debug)]
struct Sessions {
    clock: ManualClock,
    states: Arc<Mutex<HashMap<String, (State, Duration)>>>,
}

impl Sessions {
    fn keep(&self, key: &str, state: State, ttl: &Ttl) {
        let until = self.clock.now() + ttl.unsigned_abs();
        self.states.lock().unwrap().insert(key.to_owned(), (state, until));
    }
}

impl SessionStore for Sessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let known = self.states.lock().unwrap().get(key.as_ref()).cloned();
        Ok(known.filter(|(_, until)| self.clock.now() < *until).map(|(state, _)| state))
    }

    async fn save(&self, state: State, ttl: &Ttl) -> Result<SessionKey, SaveError> {
        // As the stores of actix-session make them.
        let key = generate_session_key();
        self.keep(key.as_ref(), state, ttl);
        Ok(key)
    }

    async fn update(&self, key: SessionKey, state: State, ttl: &Ttl) -> Result<SessionKey, UpdateError> {
        self.keep(key.as_ref(), state, ttl);
        Ok(key)
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Ttl) -> Result<(), anyhow::Error> {
        if let Some(state) = self.load(key).await? {
            self.keep(key.as_ref(), state, ttl);
        }
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        self.states.lock().unwrap().remove(key.as_ref());
        Ok(())
    }
}
