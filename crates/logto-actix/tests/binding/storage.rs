//! The storage suite over three stores, and a store that fails.

use crate::{memory::MemoryStore, server::Running, server::serve};
use actix_session::{
    Session,
    config::CookieContentSecurity::{self, Private, Signed},
    storage::{CookieSessionStore, RedisSessionStore, SessionStore},
};
use actix_web::web::{self, Data, Query, ServiceConfig};
use logto_actix::SessionStorage;
use logto_conformance::{
    flow::Browser,
    servers::{Server, find, note_skip},
    storage::{Harness, Outcome, Step, failing_cases, run_steps},
};
use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

/// The steps of the request under way, and how they ended.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<(Vec<Step>, Vec<Outcome>)>>);

/// How a store is opened.
trait Open {
    type Store: SessionStore + 'static;
    /// How cookies are protected.
    const SECURITY: CookieContentSecurity = Private;
    /// Whether sessions live in cookies: they are small then, and have no ids.
    const IN_COOKIES: bool = false;
    /// What must live as long as the store.
    type Keep;

    async fn open() -> (impl Fn() -> Self::Store + Clone + Send + 'static, Self::Keep);
}

struct Lab<S: Open> {
    base: String,
    browsers: Vec<Browser>,
    desk: Desk,
    running: (Running, S::Keep),
}

async fn steps(session: Session, desk: Data<Desk>) -> &'static str {
    let steps = std::mem::take(&mut desk.0.lock().unwrap().0);
    let outcomes = run_steps(&SessionStorage::new(session), &steps).await;
    desk.0.lock().unwrap().1 = outcomes;
    "done"
}

async fn renew(session: Session) -> &'static str {
    SessionStorage::new(session).cycle_id();
    "done"
}

async fn other(session: Session, query: Query<HashMap<String, String>>) -> String {
    if let Some(text) = query.get("text") {
        session.insert("other", text).unwrap();
    }
    session.get("other").unwrap().unwrap_or_default()
}

impl<S: Open> Lab<S> {
    async fn get(&mut self, visitor: usize, path: &str) -> String {
        self.browsers.resize_with(self.browsers.len().max(visitor + 1), Browser::new);
        self.browsers[visitor].get(format!("{}{path}", self.base)).await.body
    }

    fn cookie(&self, visitor: usize) -> String {
        self.browsers[visitor].cookie_header("127.0.0.1")
    }
}

impl<S: Open> Harness for Lab<S> {
    async fn start() -> Self {
        let (store, keep) = S::open().await;
        let desk = Desk::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let data = Data::new(desk.clone());
        let configure = move |config: &mut ServiceConfig| {
            config
                .app_data(data.clone())
                .route("/steps", web::get().to(steps))
                .route("/renew", web::get().to(renew))
                .route("/other", web::get().to(other));
        };
        let running = serve(listener, 1, store, "id", S::SECURITY, configure);
        Self { base, browsers: Vec::new(), desk, running: (running, keep) }
    }

    async fn request(&mut self, visitor: usize, steps: Vec<Step>) -> Vec<Outcome> {
        *self.desk.0.lock().unwrap() = (steps, Vec::new());
        self.get(visitor, "/steps").await;
        std::mem::take(&mut self.desk.0.lock().unwrap().1)
    }

    async fn renew_id(&mut self, visitor: usize) -> bool {
        if S::IN_COOKIES {
            return false;
        }
        let before = self.cookie(visitor);
        self.get(visitor, "/renew").await;
        assert_ne!(self.cookie(visitor), before);
        true
    }

    async fn set_other(&mut self, visitor: usize, text: &str) -> bool {
        self.get(visitor, &format!("/other?text={text}")).await == text
    }

    async fn other(&mut self, visitor: usize) -> Option<String> {
        Some(self.get(visitor, "/other").await)
    }

    fn holds_large_values(&self) -> bool {
        !S::IN_COOKIES
    }
}

mod in_memory {
    use super::*;

    struct InMemory;

    impl Open for InMemory {
        type Store = MemoryStore;
        type Keep = ();

        async fn open() -> (impl Fn() -> MemoryStore + Clone + Send + 'static, ()) {
            let store = MemoryStore::default();
            (move || store.clone(), ())
        }
    }

    logto_conformance::storage_suite!(Lab<InMemory>);
}

mod in_private_cookies {
    use super::*;

    struct InPrivateCookies;

    impl Open for InPrivateCookies {
        type Store = CookieSessionStore;
        const IN_COOKIES: bool = true;
        type Keep = ();

        async fn open() -> (impl Fn() -> CookieSessionStore + Clone + Send + 'static, ()) {
            (CookieSessionStore::default, ())
        }
    }

    logto_conformance::storage_suite!(Lab<InPrivateCookies>);
}

mod in_signed_cookies {
    use super::*;

    struct InSignedCookies;

    impl Open for InSignedCookies {
        type Store = CookieSessionStore;
        const SECURITY: CookieContentSecurity = Signed;
        const IN_COOKIES: bool = true;
        type Keep = ();

        async fn open() -> (impl Fn() -> CookieSessionStore + Clone + Send + 'static, ()) {
            (CookieSessionStore::default, ())
        }
    }

    logto_conformance::storage_suite!(Lab<InSignedCookies>);
}

mod on_redis {
    use super::*;

    struct OnRedis;

    impl Open for OnRedis {
        type Store = RedisSessionStore;
        type Keep = Server;

        async fn open() -> (impl Fn() -> RedisSessionStore + Clone + Send + 'static, Server) {
            let server = Server::redis().unwrap();
            let store = RedisSessionStore::new(format!("redis://127.0.0.1:{}", server.port())).await.unwrap();
            (move || store.clone(), server)
        }
    }

    #[tokio::test]
    async fn the_storage_suite_holds_on_a_real_redis() {
        if find("LOGTO_TEST_REDIS_SERVER", &["redis-server"]).is_none() {
            return note_skip("the_storage_suite_holds_on_a_real_redis", "redis-server");
        }
        assert_eq!(failing_cases::<Lab<OnRedis>>().await, []);
    }
}

mod in_a_store_that_fails {
    use super::*;
    use actix_session::storage::{LoadError, SaveError, SessionKey, UpdateError};
    use actix_web::cookie::time::Duration;
    use std::sync::atomic::{AtomicBool, Ordering};

    type State = HashMap<String, String>;

    /// A store in memory that fails while the switch is on.
    #[derive(Clone, Default)]
    struct Failing(MemoryStore, Arc<AtomicBool>);

    impl Failing {
        fn store(&self) -> Result<&MemoryStore, anyhow::Error> {
            if self.1.load(Ordering::SeqCst) {
                Err(anyhow::anyhow!("the store is down"))
            } else {
                Ok(&self.0)
            }
        }
    }

    impl SessionStore for Failing {
        async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
            self.store().map_err(LoadError::Other)?.load(key).await
        }

        async fn save(&self, state: State, ttl: &Duration) -> Result<SessionKey, SaveError> {
            self.store().map_err(SaveError::Other)?.save(state, ttl).await
        }

        async fn update(
            &self,
            key: SessionKey,
            state: State,
            ttl: &Duration,
        ) -> Result<SessionKey, UpdateError> {
            self.store().map_err(UpdateError::Other)?.update(key, state, ttl).await
        }

        async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
            self.store()?.update_ttl(key, ttl).await
        }

        async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
            self.store()?.delete(key).await
        }
    }

    struct InFailing;

    impl Open for InFailing {
        type Store = Failing;
        const SECURITY: CookieContentSecurity = Signed;
        type Keep = Arc<AtomicBool>;

        async fn open() -> (impl Fn() -> Failing + Clone + Send + 'static, Arc<AtomicBool>) {
            let store = Failing::default();
            let switch = Arc::clone(&store.1);
            (move || store.clone(), switch)
        }
    }

    #[tokio::test]
    async fn a_store_that_fails_is_answered_by_500_and_loses_nothing() {
        let mut lab = Lab::<InFailing>::start().await;
        let key = "logto_id_token".to_owned();
        lab.request(0, vec![Step::Set(key.clone(), "kept".to_owned())]).await;
        let cookie = lab.cookie(0);
        lab.running.1.store(true, Ordering::SeqCst);
        let refused = lab.browsers[0].get(format!("{}/steps", lab.base)).await;
        assert_eq!(refused.status, 500, "actix-session loads before any handler, and answers by itself");
        assert_eq!(lab.cookie(0), cookie);
        lab.running.1.store(false, Ordering::SeqCst);
        let found = lab.request(0, vec![Step::Get(key)]).await;
        assert!(matches!(found.as_slice(), [Ok(Some(value))] if value == "kept"), "{found:?}");
    }
}
