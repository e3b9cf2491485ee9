//! SQLite: the suite, and what is its own.

use crate::common::{
    HOUR, alice, key, lives_in_real_time, record, refused, serves_250_at_once, survives_what_is_given_up,
};
use logto_conformance::{servers::Folder, token_store::Harness};
use logto_storage_core::{ManualClock, TokenStore, TokenStoreErrorKind, token_store::RecordKey};
use logto_storage_sqlx::{
    SqliteTokenStore,
    sqlx::{
        self, SqlitePool,
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    },
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A file of its own.
pub(crate) struct OnSqlite {
    folder: Folder,
    /// As a foreign process has it.
    foreign: SqlitePool,
    clock: ManualClock,
}

impl OnSqlite {
    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("tokens.db").display())
    }

    /// A store by the machine's own time.
    pub(crate) fn open(&self) -> SqliteTokenStore {
        SqliteTokenStore::connect_lazily(&self.url()).unwrap()
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.foreign).await.unwrap();
    }

    async fn rows(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM logto_token_records").fetch_one(&self.foreign).await.unwrap()
    }
}

impl Harness for OnSqlite {
    async fn start() -> Option<Self> {
        let folder = Folder::new("sqlite");
        let options = SqliteConnectOptions::new().filename(folder.path().join("tokens.db"));
        let foreign = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
        Some(Self { folder, foreign, clock: ManualClock::start_now() })
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
        let updated = update.bind(data).bind(key.as_str()).execute(&self.foreign).await.unwrap();
        assert_eq!(updated.rows_affected(), 1);
        true
    }

    async fn vanish(&self, key: &RecordKey) -> bool {
        let delete = sqlx::query("DELETE FROM logto_token_records WHERE key = $1");
        assert_eq!(delete.bind(key.as_str()).execute(&self.foreign).await.unwrap().rows_affected(), 1);
        true
    }
}

mod suite {
    logto_conformance::token_store_suite!(super::OnSqlite);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_start_at_once_lay_out_one_schema() {
    for _ in 0..5 {
        let harness = OnSqlite::start().await.unwrap();
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let url = harness.url();
                tokio::spawn(async move { SqliteTokenStore::connect(&url).await })
            })
            .collect();
        for started in starting {
            let store = started.await.unwrap().unwrap();
            store.find(&alice()).await.unwrap();
        }
        let versions: i64 = sqlx::query_scalar("SELECT count(*) FROM logto_token_schema")
            .fetch_one(&harness.foreign)
            .await
            .unwrap();
        assert_eq!(versions, 1);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_unless_it_says_that_it_is_compatible() {
    let harness = OnSqlite::start().await.unwrap();
    harness.open().migrate().await.unwrap();
    harness.execute("INSERT INTO logto_token_schema VALUES (2, 1)").await;
    harness.open().migrate().await.unwrap();
    harness.execute("INSERT INTO logto_token_schema VALUES (3, 3)").await;
    let (kind, text) = refused(SqliteTokenStore::connect(&harness.url()).await);
    assert_eq!(kind, TokenStoreErrorKind::Misconfigured);
    assert!(text.contains("version 3") && text.contains("newer"), "{text}");
    assert_eq!(refused(harness.open().read(&key("name")).await).0, TokenStoreErrorKind::Misconfigured);
}

#[tokio::test]
async fn what_cannot_be_a_store_is_misconfigured() {
    let harness = OnSqlite::start().await.unwrap();
    let folder = harness.folder.path();
    std::fs::write(folder.join("text"), "no database, ".repeat(100)).unwrap();
    for url in [
        "sqlite::memory:".to_owned(),
        format!("sqlite:{}?mode=memory", folder.join("memory").display()),
        format!("sqlite:{}", folder.join("absent").join("tokens.db").display()),
        format!("sqlite:{}", folder.join("text").display()),
        format!("sqlite:{}", folder.display()),
        "sqlite:tokens.db?mode=canary".to_owned(),
    ] {
        let (kind, text) = refused(SqliteTokenStore::connect(&url).await);
        assert_eq!(kind, TokenStoreErrorKind::Misconfigured, "{url} {text}");
    }
    let store = harness.open();
    store.migrate().await.unwrap();
    assert_eq!(format!("{store:?}"), "SqliteTokenStore(1 of 4 connections)");
    harness.execute("DROP TABLE logto_token_records").await;
    let (kind, text) = refused(store.read(&key("name")).await);
    assert_eq!(kind, TokenStoreErrorKind::Misconfigured);
    assert!(text.contains("migrate"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let harness = OnSqlite::start().await.unwrap();
    let store = harness.open();
    store.create(&key("name"), &record("payload"), HOUR).await.unwrap();
    let files = || std::fs::read_dir(harness.folder.path()).unwrap().map(|file| file.unwrap().path());
    assert_eq!(files().count(), 3);
    for file in files() {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn time_is_the_machines() {
    let harness = OnSqlite::start().await.unwrap();
    lives_in_real_time(&harness.open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_250_requests_at_once_none_is_refused() {
    let harness = OnSqlite::start().await.unwrap();
    serves_250_at_once([harness.store(), harness.store()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_disturbs_nothing() {
    let harness = OnSqlite::start().await.unwrap();
    survives_what_is_given_up(harness.store()).await;
}

#[tokio::test]
async fn a_file_keeps_its_records_when_it_is_closed() {
    let harness = OnSqlite::start().await.unwrap();
    let store = harness.open();
    let version = store.create(&key("name"), &record("payload"), HOUR).await.unwrap();
    let lease = store.acquire(&key("name"), HOUR).await.unwrap();
    store.pool().close().await;
    assert_eq!(refused(store.read(&key("name")).await).0, TokenStoreErrorKind::Unavailable);

    let store = SqliteTokenStore::connect(&harness.url()).await.unwrap();
    assert_eq!(store.read(&key("name")).await.unwrap().record, record("payload"));
    let swapped = store.swap(&key("name"), version, &record("two"), HOUR, Some(lease.fence)).await;
    swapped.unwrap();
}

#[tokio::test]
async fn expired_records_go_in_small_steps() {
    let harness = OnSqlite::start().await.unwrap();
    let store = harness.open().with_clock(Arc::new(harness.clock.clone()));
    store.migrate().await.unwrap();
    harness
        .execute(
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 200) \
             INSERT INTO logto_token_records SELECT 'old ' || n, 0, 1, 0, 0, 0, NULL, NULL, x'' FROM s",
        )
        .await;
    for created in 1..=9 {
        store.create(&key(&created.to_string()), &record("new"), HOUR).await.unwrap();
        let left = if created < 9 { 136 } else { 72 };
        assert_eq!(harness.rows().await, left + created);
    }
    assert_eq!(store.remove_expired(10).await.unwrap(), 10);
    assert_eq!(store.remove_expired(1000).await.unwrap(), 62);
    assert_eq!(store.remove_expired(1000).await.unwrap(), 0);
    assert_eq!(harness.rows().await, 9);
    harness.clock.advance(HOUR);
    assert_eq!(store.remove_expired(1000).await.unwrap(), 9);
}

#[tokio::test]
async fn while_a_foreign_process_writes_all_the_time_records_are_read_and_writes_are_unavailable() {
    let harness = OnSqlite::start().await.unwrap();
    let store = harness.open();
    store.create(&key("name"), &record("payload"), HOUR).await.unwrap();
    let foreign = harness.foreign.begin_with("BEGIN IMMEDIATE").await.unwrap();
    store.read(&key("name")).await.unwrap();
    let since = Instant::now();
    let (kind, text) = refused(store.take(&key("name")).await);
    assert_eq!(kind, TokenStoreErrorKind::Unavailable, "{text}");
    assert!(since.elapsed() < Duration::from_secs(3));
    foreign.rollback().await.unwrap();
    store.take(&key("name")).await.unwrap();
}
