//! The storage suite over both lines of tower-sessions and four of their stores, on a real server.

use async_trait::async_trait;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use logto_axum::SessionStorage;
use logto_conformance::{
    flow::Browser,
    servers::note_skip,
    storage::{Harness, Outcome, Step, failing_cases, run_steps},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::oneshot;

/// The steps of the request under way, and how they ended.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<(Vec<Step>, Vec<Outcome>)>>);

/// For one line of tower-sessions: a server, browsers, and a store that can be broken.
macro_rules! line {
    ($line:ident, $sessions:ident) => {
        mod $line {
            use super::*;
            use $sessions::{
                Session, SessionManagerLayer, SessionStore,
                cookie::SameSite,
                session::{Id, Record},
                session_store::{Error, Result},
            };

            /// How a store is opened.
            pub(super) trait Open: SessionStore + Clone {
                /// What must live as long as the store.
                type Keep;

                async fn open() -> (Self, Self::Keep);
            }

            #[derive(Clone, Debug)]
            struct Breakable<S> {
                store: S,
                broken: Arc<AtomicBool>,
            }

            impl<S> Breakable<S> {
                fn store(&self) -> Result<&S> {
                    if self.broken.load(Ordering::SeqCst) {
                        return Err(Error::Backend("the store is down".to_owned()));
                    }
                    Ok(&self.store)
                }
            }

            #[async_trait]
            impl<S: SessionStore> SessionStore for Breakable<S> {
                async fn create(&self, record: &mut Record) -> Result<()> {
                    self.store()?.create(record).await
                }

                async fn save(&self, record: &Record) -> Result<()> {
                    self.store()?.save(record).await
                }

                async fn load(&self, id: &Id) -> Result<Option<Record>> {
                    self.store()?.load(id).await
                }

                async fn delete(&self, id: &Id) -> Result<()> {
                    self.store()?.delete(id).await
                }
            }

            pub(super) struct Lab<S: Open> {
                base: String,
                browsers: Vec<Browser>,
                desk: Desk,
                broken: Arc<AtomicBool>,
                _running: (oneshot::Sender<()>, S::Keep),
            }

            async fn steps(session: Session, State(desk): State<Desk>) {
                let steps = std::mem::take(&mut desk.0.lock().unwrap().0);
                let outcomes = run_steps(&SessionStorage::new(session), &steps).await;
                desk.0.lock().unwrap().1 = outcomes;
            }

            async fn renew(session: Session) {
                SessionStorage::new(session).cycle_id().await.unwrap();
            }

            async fn other(session: Session, Query(query): Query<HashMap<String, String>>) -> String {
                if let Some(text) = query.get("text") {
                    session.insert("other", text).await.unwrap();
                }
                session.get("other").await.unwrap().unwrap_or_default()
            }

            impl<S: Open> Lab<S> {
                async fn get(&mut self, visitor: usize, path: &str) -> String {
                    self.browsers.resize_with(self.browsers.len().max(visitor + 1), Browser::new);
                    self.browsers[visitor].get(format!("{}{path}", self.base)).await.body
                }

                pub(super) fn cookie(&self, visitor: usize) -> String {
                    self.browsers[visitor].cookie_header("127.0.0.1")
                }
            }

            impl<S: Open> Harness for Lab<S> {
                async fn start() -> Self {
                    let (store, keep) = S::open().await;
                    let (desk, broken) = (Desk::default(), Arc::new(AtomicBool::new(false)));
                    let store = Breakable { store, broken: Arc::clone(&broken) };
                    let app = Router::new()
                        .route("/steps", get(steps))
                        .route("/renew", get(renew))
                        .route("/other", get(other))
                        .layer(
                            SessionManagerLayer::new(store).with_same_site(SameSite::Lax).with_secure(false),
                        )
                        .with_state(desk.clone());
                    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let base = format!("http://{}", listener.local_addr().unwrap());
                    let (stop, stopped) = oneshot::channel::<()>();
                    tokio::spawn(async {
                        axum::serve(listener, app)
                            .with_graceful_shutdown(async { drop(stopped.await) })
                            .await
                            .unwrap();
                    });
                    Self { base, browsers: Vec::new(), desk, broken, _running: (stop, keep) }
                }

                async fn request(&mut self, visitor: usize, steps: Vec<Step>) -> Vec<Outcome> {
                    *self.desk.0.lock().unwrap() = (steps, Vec::new());
                    self.get(visitor, "/steps").await;
                    std::mem::take(&mut self.desk.0.lock().unwrap().1)
                }

                async fn renew_id(&mut self, visitor: usize) -> bool {
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

                async fn break_store(&mut self) -> bool {
                    self.broken.store(true, Ordering::SeqCst);
                    true
                }
            }
        }
    };
}

#[cfg(feature = "tower-sessions-0_15")]
line!(v15, tower_sessions);
#[cfg(feature = "tower-sessions-0_14")]
line!(v14, tower_sessions_0_14);

#[cfg(feature = "tower-sessions-0_15")]
mod over_0_15_in_memory {
    use super::*;
    use tower_sessions::MemoryStore;

    impl v15::Open for MemoryStore {
        type Keep = ();

        async fn open() -> (Self, ()) {
            (Self::default(), ())
        }
    }

    logto_conformance::storage_suite!(v15::Lab<MemoryStore>);
}

#[cfg(feature = "tower-sessions-0_15")]
mod over_0_15_in_files {
    use super::*;
    use logto_conformance::servers::Folder;
    use tower_sessions_file_store::FileSessionStorage;

    impl v15::Open for FileSessionStorage {
        type Keep = Folder;

        async fn open() -> (Self, Folder) {
            let folder = Folder::new("sessions");
            (Self::new_in_folder(folder.path().to_owned()), folder)
        }
    }

    logto_conformance::storage_suite!(v15::Lab<FileSessionStorage>);
}

#[cfg(feature = "tower-sessions-0_14")]
mod over_0_14_in_memory {
    use super::*;
    use tower_sessions_0_14::MemoryStore;

    impl v14::Open for MemoryStore {
        type Keep = ();

        async fn open() -> (Self, ()) {
            (Self::default(), ())
        }
    }

    logto_conformance::storage_suite!(v14::Lab<MemoryStore>);
}

#[cfg(feature = "tower-sessions-0_14")]
mod over_0_14_on_sqlite {
    use super::*;
    use tower_sessions_rusqlite_store::RusqliteStore;

    impl v14::Open for RusqliteStore {
        type Keep = ();

        async fn open() -> (Self, ()) {
            let store = Self::new(tokio_rusqlite::Connection::open_in_memory().await.unwrap());
            store.migrate().await.unwrap();
            (store, ())
        }
    }

    logto_conformance::storage_suite!(v14::Lab<RusqliteStore>);
}

#[cfg(feature = "tower-sessions-0_14")]
mod over_0_14_on_redis {
    use super::*;
    use logto_conformance::servers::Server;
    use tower_sessions_redis_store::{RedisStore, fred::prelude::*};

    impl v14::Open for RedisStore<Pool> {
        type Keep = Server;

        async fn open() -> (Self, Server) {
            let server = Server::redis().unwrap();
            let config = Config::from_url(&format!("redis://127.0.0.1:{}", server.port())).unwrap();
            let pool = Pool::new(config, None, None, None, 1).unwrap();
            pool.init().await.unwrap();
            (Self::new(pool), server)
        }
    }

    #[tokio::test]
    async fn the_storage_suite_holds_on_a_real_redis() {
        if logto_conformance::servers::find("LOGTO_TEST_REDIS_SERVER", &["redis-server"]).is_none() {
            return note_skip("the_storage_suite_holds_on_a_real_redis", "redis-server");
        }
        assert_eq!(failing_cases::<v14::Lab<RedisStore<Pool>>>().await, []);
    }
}

/// What the adapter leaves alone, and what it measures.
#[cfg(feature = "tower-sessions-0_15")]
mod frugality {
    use super::*;
    use logto_storage_core::{Changes, Storage, StorageErrorKind, keys};
    use tower_sessions::{MemoryStore, Session};

    fn session() -> Session {
        Session::new(None, Arc::new(MemoryStore::default()), None)
    }

    #[tokio::test]
    async fn reading_equal_writing_and_removing_what_is_absent_leave_the_session_unmodified() {
        let store = Arc::new(MemoryStore::default());
        let saved = Session::new(None, store.clone(), None);
        SessionStorage::new(saved.clone()).set(keys::ID_TOKEN, "value").await.unwrap();
        saved.save().await.unwrap();
        let loaded = Session::new(saved.id(), store, None);
        let storage = SessionStorage::new(loaded.clone());
        assert_eq!(storage.get(keys::ID_TOKEN).await.unwrap().as_deref(), Some("value"));
        storage.set(keys::ID_TOKEN, "value").await.unwrap();
        storage.remove(keys::SIGN_IN_SESSION).await.unwrap();
        storage
            .apply(&Changes::new().set(keys::ID_TOKEN, "value").remove(keys::REFRESH_TOKEN))
            .await
            .unwrap();
        assert!(!loaded.is_modified());
        storage.set(keys::ID_TOKEN, "other").await.unwrap();
        assert!(loaded.is_modified());
    }

    #[tokio::test]
    async fn a_visitor_without_items_gets_no_cookie() {
        let mut lab = v15::Lab::<MemoryStore>::start().await;
        lab.request(0, vec![Step::Get(keys::ID_TOKEN.to_owned()), Step::Remove(keys::ID_TOKEN.to_owned())])
            .await;
        assert_eq!(lab.cookie(0), "");
        lab.request(0, vec![Step::Set(keys::ID_TOKEN.to_owned(), "value".to_owned())]).await;
        assert_ne!(lab.cookie(0), "");
    }

    #[tokio::test]
    async fn in_a_cookie_session_what_does_not_fit_is_an_error_and_is_not_written() {
        let storage = SessionStorage::for_cookie_session(session());
        let key_bytes: usize = keys::ID_TOKEN.len() + keys::REFRESH_TOKEN.len();
        let others: usize = keys::ALL.iter().map(|key| key.len()).sum::<usize>() - key_bytes;
        storage.set(keys::ID_TOKEN, &"i".repeat(2000)).await.unwrap();
        // Two quotes around each value.
        let room = 2900 - 2000 - 4 - key_bytes - others;
        for fits in [false, true] {
            let value = "r".repeat(if fits { room } else { room + 1 });
            let changes = Changes::new().set(keys::REFRESH_TOKEN, &value);
            for outcome in [storage.set(keys::REFRESH_TOKEN, &value).await, storage.apply(&changes).await] {
                match outcome {
                    Ok(()) => assert!(fits),
                    Err(error) => {
                        assert_eq!(
                            (error.kind(), error.key()),
                            (StorageErrorKind::TooLarge, keys::REFRESH_TOKEN)
                        );
                        assert!(!fits && storage.get(keys::REFRESH_TOKEN).await.unwrap().is_none());
                    }
                }
            }
        }
        assert_eq!(storage.get(keys::REFRESH_TOKEN).await.unwrap().map(|value| value.len()), Some(room));
        let smaller = Changes::new().remove(keys::ID_TOKEN).set(keys::REFRESH_TOKEN, "r".repeat(2000));
        storage.apply(&smaller).await.unwrap();
    }

    #[tokio::test]
    async fn something_else_under_a_key_of_ours_is_corrupt_and_stays() {
        let session = session();
        session.insert(keys::ID_TOKEN, 7).await.unwrap();
        let error = SessionStorage::new(session.clone()).get(keys::ID_TOKEN).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Corrupt);
        assert_eq!(session.get::<u8>(keys::ID_TOKEN).await.unwrap(), Some(7));
    }

    #[tokio::test]
    async fn dropping_other_items_keeps_logtos() {
        let session = session();
        session.insert("cart", "full").await.unwrap();
        let storage = SessionStorage::new(session.clone());
        storage.set(keys::ID_TOKEN, "value").await.unwrap();
        storage.drop_other_items().await.unwrap();
        assert_eq!(session.get::<String>("cart").await.unwrap(), None);
        assert_eq!(storage.get(keys::ID_TOKEN).await.unwrap().as_deref(), Some("value"));
    }
}
