//! PostgreSQL: the suite, and what is its own.

use crate::{
    common::{
        HOUR, alice, key, lives_in_real_time, record, refused, serves_250_at_once, survives_what_is_given_up,
    },
    proxy::Proxy,
};
use logto_conformance::{
    servers::{Server, note_skip},
    token_store::Harness,
};
use logto_storage_core::{ManualClock, TokenStore, TokenStoreErrorKind, token_store::RecordKey};
use logto_storage_sqlx::{
    PostgresTokenStore,
    sqlx::{self, PgPool, postgres::PgPoolOptions},
};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// One for all tests of this process, and it ends with that.
fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(Server::postgres).as_ref();
    if server.is_none() {
        let thread = std::thread::current();
        note_skip(thread.name().unwrap_or("a test"), "postgres");
    }
    server
}

/// A database of its own, and a road to it.
pub(crate) struct OnPostgres {
    direct: String,
    admin: PgPool,
    proxy: Proxy,
    clock: ManualClock,
}

impl OnPostgres {
    fn url(&self) -> String {
        let port = server().expect("it runs").port();
        self.direct.replace(&format!(":{port}/"), &format!(":{}/", self.proxy.port()))
    }

    /// A store without the road between.
    pub(crate) fn direct(&self) -> PostgresTokenStore {
        PostgresTokenStore::connect_lazily(&self.direct).unwrap()
    }

    /// A store by the database's own time.
    fn open(&self) -> PostgresTokenStore {
        PostgresTokenStore::connect_lazily(&self.url()).unwrap()
    }

    async fn execute(&self, sql: &'static str) -> u64 {
        sqlx::raw_sql(sql).execute(&self.admin).await.unwrap().rows_affected()
    }

    async fn rows(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM logto_token_records").fetch_one(&self.admin).await.unwrap()
    }
}

fn pool(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(2).connect_lazy(url).unwrap()
}

impl Harness for OnPostgres {
    async fn start() -> Option<Self> {
        static DATABASES: AtomicU64 = AtomicU64::new(0);
        let server = server()?;
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name}");
        sqlx::query(&create).execute(&pool(&server.postgres_url("postgres"))).await.unwrap();
        let direct = server.postgres_url(&name);
        let (admin, proxy) = (pool(&direct), Proxy::start(server.port()).await);
        Some(Self { direct, admin, proxy, clock: ManualClock::start_now() })
    }

    fn store(&self) -> Arc<dyn TokenStore> {
        // The suite asks what is true, and a machine may be slow.
        Arc::new(self.open().with_clock(Arc::new(self.clock.clone())).with_timeout(Duration::from_secs(60)))
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn overwrite(&self, key: &RecordKey, data: &[u8]) -> bool {
        let update = sqlx::query("UPDATE logto_token_records SET data = $1 WHERE key = $2");
        let updated = update.bind(data).bind(key.as_str()).execute(&self.admin).await.unwrap();
        assert_eq!(updated.rows_affected(), 1);
        true
    }

    async fn vanish(&self, key: &RecordKey) -> bool {
        let delete = sqlx::query("DELETE FROM logto_token_records WHERE key = $1");
        assert_eq!(delete.bind(key.as_str()).execute(&self.admin).await.unwrap().rows_affected(), 1);
        true
    }

    async fn break_store(&self) -> bool {
        self.proxy.close().await;
        true
    }

    async fn mend_store(&self) {
        self.proxy.open().await;
    }
}

mod suite {
    logto_conformance::token_store_suite!(super::OnPostgres);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_start_at_once_lay_out_one_schema() {
    for _ in 0..5 {
        let Some(harness) = OnPostgres::start().await else { return };
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let url = harness.url();
                tokio::spawn(async move { PostgresTokenStore::connect(&url).await })
            })
            .collect();
        for started in starting {
            let store = started.await.unwrap().unwrap();
            store.find(&alice()).await.unwrap();
        }
        let versions: i64 = sqlx::query_scalar("SELECT count(*) FROM logto_token_schema")
            .fetch_one(&harness.admin)
            .await
            .unwrap();
        assert_eq!(versions, 1);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_unless_it_says_that_it_is_compatible() {
    let Some(harness) = OnPostgres::start().await else { return };
    harness.open().migrate().await.unwrap();
    harness.execute("INSERT INTO logto_token_schema VALUES (2, 1)").await;
    harness.open().migrate().await.unwrap();
    harness.execute("INSERT INTO logto_token_schema VALUES (3, 3)").await;
    let (kind, text) = refused(PostgresTokenStore::connect(&harness.url()).await);
    assert_eq!(kind, TokenStoreErrorKind::Misconfigured);
    assert!(text.contains("version 3") && text.contains("newer"), "{text}");
    assert_eq!(refused(harness.open().read(&key("name")).await).0, TokenStoreErrorKind::Misconfigured);
}

#[tokio::test]
async fn what_is_wrong_in_the_address_is_told_without_the_password() {
    let Some(harness) = OnPostgres::start().await else { return };
    let url = harness.url();
    harness.execute("CREATE ROLE somebody LOGIN PASSWORD 'canary'").await;
    let url = url.replace("postgres@", "somebody:canary@");
    let database = url.rsplit('/').next().unwrap();
    for (wrong, kind) in [
        (url.replace("canary", "wrong-canary"), TokenStoreErrorKind::Misconfigured),
        (url.replace("somebody", "nobody"), TokenStoreErrorKind::Misconfigured),
        (url.replace(database, "absent"), TokenStoreErrorKind::Misconfigured),
        (format!("{url}?sslmode=none"), TokenStoreErrorKind::Misconfigured),
        (format!("{url}?sslmode=require"), TokenStoreErrorKind::Misconfigured),
        ("postgres://app:canary@nowhere.invalid/app".to_owned(), TokenStoreErrorKind::Unavailable),
    ] {
        let (found, text) = refused(PostgresTokenStore::connect(&wrong).await);
        assert_eq!(found, kind, "{wrong} {text}");
        assert!(!text.contains("canary"), "{text}");
    }
    let (kind, text) = refused(PostgresTokenStore::connect("postgres://app:canary@localhost:port/app").await);
    assert_eq!(kind, TokenStoreErrorKind::Misconfigured);
    assert!(!text.contains("canary"), "{text}");
    let store = harness.open();
    store.migrate().await.unwrap();
    assert_eq!(format!("{store:?}"), "PostgresTokenStore(1 of 10 connections)");
}

#[tokio::test]
async fn a_table_that_is_gone_is_told_to_be_missing() {
    let Some(harness) = OnPostgres::start().await else { return };
    let store = harness.open();
    store.migrate().await.unwrap();
    harness.execute("DROP TABLE logto_token_records").await;
    let (kind, text) = refused(store.read(&key("name")).await);
    assert_eq!(kind, TokenStoreErrorKind::Misconfigured);
    assert!(text.contains("migrate"), "{text}");
}

#[tokio::test]
async fn a_role_that_may_only_read_and_write_rows_is_enough_once_the_schema_is_there() {
    let Some(harness) = OnPostgres::start().await else { return };
    harness.execute("DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN PASSWORD 'app-password'").await;
    let url = harness.url();
    let url = format!("postgres://app:app-password@{}", url.split_once('@').unwrap().1);
    let (kind, text) = refused(PostgresTokenStore::connect(&url).await);
    assert_eq!(kind, TokenStoreErrorKind::Misconfigured);
    assert!(text.contains("permission denied"), "{text}");

    harness.open().migrate().await.unwrap();
    harness
        .execute(
            "GRANT SELECT ON logto_token_schema TO app; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON logto_token_records TO app",
        )
        .await;
    let store = PostgresTokenStore::connect(&url).await.unwrap();
    store.create(&key("name"), &record("payload"), HOUR).await.unwrap();
    store.remove_expired(10).await.unwrap();
    store.take(&key("name")).await.unwrap();
}

#[tokio::test]
async fn time_is_the_databases() {
    let Some(harness) = OnPostgres::start().await else { return };
    lives_in_real_time(&harness.open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_250_requests_at_once_none_is_refused() {
    let Some(harness) = OnPostgres::start().await else { return };
    serves_250_at_once([harness.store(), harness.store()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_disturbs_nothing() {
    let Some(harness) = OnPostgres::start().await else { return };
    survives_what_is_given_up(harness.store()).await;
}

/// Otherwise whoever is behind in a queue takes the connections away from those who come next, for ever.
#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_waiting_costs_the_store_no_connection() {
    let Some(harness) = OnPostgres::start().await else { return };
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy(&harness.direct).unwrap();
    let (store, key) = (PostgresTokenStore::new(pool.clone()), key("name"));
    store.create(&key, &record("one"), HOUR).await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..20 {
        let connection: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
        connections.push(connection);
        // Somebody else holds the row: the statement stands at the server when its caller leaves.
        let mut other = harness.admin.begin().await.unwrap();
        sqlx::query("SELECT 1 FROM logto_token_records FOR UPDATE").execute(&mut *other).await.unwrap();
        let waiting = store.acquire(&key, Duration::from_millis(1));
        tokio::time::timeout(Duration::from_millis(20), waiting).await.unwrap_err();
        other.rollback().await.unwrap();
    }
    connections.dedup();
    assert_eq!(connections.len(), 1);
}

#[tokio::test]
async fn expired_records_go_in_small_steps() {
    let Some(harness) = OnPostgres::start().await else { return };
    let store = harness.open().with_clock(Arc::new(harness.clock.clone()));
    store.migrate().await.unwrap();
    harness
        .execute(
            "INSERT INTO logto_token_records SELECT 'old ' || n, '', 0, 1, 0, 0, 0 FROM generate_series(1, 200) n",
        )
        .await;
    // Nobody waits for a row that somebody else has locked.
    let mut other = harness.admin.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM logto_token_records WHERE key = 'old 1' FOR UPDATE")
        .execute(&mut *other)
        .await
        .unwrap();
    for created in 1..=9 {
        store.create(&key(&created.to_string()), &record("new"), HOUR).await.unwrap();
        let left = if created < 9 { 136 } else { 72 };
        assert_eq!(harness.rows().await, left + created);
    }
    assert_eq!(store.remove_expired(10).await.unwrap(), 10);
    assert_eq!(store.remove_expired(1000).await.unwrap(), 61);
    other.rollback().await.unwrap();
    assert_eq!(store.remove_expired(1000).await.unwrap(), 1);
    assert_eq!(store.remove_expired(1000).await.unwrap(), 0);
    assert_eq!(harness.rows().await, 9);
    harness.clock.advance(HOUR);
    assert_eq!(store.remove_expired(1000).await.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_whose_transactions_are_serializable_refuse_nothing() {
    let Some(harness) = OnPostgres::start().await else { return };
    let name = harness.direct.rsplit('/').next().unwrap().to_owned();
    let alter = format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'");
    sqlx::query(&alter).execute(&harness.admin).await.unwrap();
    serves_250_at_once([harness.store(), harness.store()]).await;
}

#[tokio::test]
async fn an_application_starts_while_the_server_is_away() {
    let Some(harness) = OnPostgres::start().await else { return };
    harness.proxy.close().await;
    let since = Instant::now();
    assert_eq!(
        refused(PostgresTokenStore::connect(&harness.url()).await).0,
        TokenStoreErrorKind::Unavailable
    );
    let store = harness.open();
    let (kind, text) = refused(store.create(&key("name"), &record("payload"), HOUR).await);
    assert_eq!(kind, TokenStoreErrorKind::Unavailable, "{text}");
    assert!(since.elapsed() < Duration::from_secs(5));
    harness.proxy.open().await;
    store.create(&key("name"), &record("payload"), HOUR).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up_in_time_and_forgotten_at_once() {
    let Some(harness) = OnPostgres::start().await else { return };
    let store = Arc::new(harness.open().with_timeout(Duration::from_millis(300)));
    store.create(&key("name"), &record("payload"), HOUR).await.unwrap();
    harness.proxy.silence(true);
    for _ in 0..3 {
        let (since, asking) = (
            Instant::now(),
            tokio::task::JoinSet::from_iter((0..20).map(|_| {
                let store = Arc::clone(&store);
                async move { store.read(&key("name")).await }
            })),
        );
        for answer in asking.join_all().await {
            assert_eq!(refused(answer).0, TokenStoreErrorKind::Unavailable);
        }
        assert!(since.elapsed() < Duration::from_millis(700), "{:?}", since.elapsed());
    }
    harness.proxy.silence(false);
    let since = Instant::now();
    store.read(&key("name")).await.unwrap();
    assert!(since.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_operation_after_a_restart_of_the_server_is_fine() {
    if server().is_none() {
        return;
    }
    let mut own = Server::postgres().unwrap();
    let store = PostgresTokenStore::connect(&own.postgres_url("postgres")).await.unwrap();
    store.create(&key("name"), &record("payload"), HOUR).await.unwrap();
    let lease = store.acquire(&key("name"), HOUR).await.unwrap();
    tokio::task::block_in_place(|| own.stop());
    assert_eq!(refused(store.read(&key("name")).await).0, TokenStoreErrorKind::Unavailable);
    for wait in [true, false] {
        tokio::task::block_in_place(|| {
            if !wait {
                own.stop();
            }
            own.start_again();
        });
        let since = Instant::now();
        store.renew(&key("name"), lease.fence, HOUR).await.unwrap();
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        assert_eq!(store.find(&alice()).await.unwrap(), [key("name")]);
    }
}
