//! SQLite.

use crate::shared::{
    driver::{Cells, Driver, Value, cells},
    error::{Fault, address, refusal},
    statements::{Statements, statements},
    store::{ACQUIRE_TIMEOUT, Store},
    token_store,
};
use logto_storage_core::TokenStoreError;
use sqlx::{
    Executor, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

/// One writes, the others read.
const CONNECTIONS: u32 = 4;
/// How long another process's write is waited for at a time. Short: who has waited for long asks seldom, and
/// loses to who comes new.
const BUSY_TIMEOUT: Duration = Duration::from_millis(50);

/// Token records in a file of SQLite, 3.35 and later: for the processes of one machine.
///
/// ```no_run
/// use logto_storage_sqlx::SqliteTokenStore;
/// use std::sync::Arc;
///
/// # async fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
/// let store = SqliteTokenStore::connect("sqlite:/var/lib/app/tokens.db").await?;
/// let store = Arc::new(store);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteTokenStore(Store<Sqlite>);

impl SqliteTokenStore {
    /// A store in this file, which is made where it is missing, for its owner alone; and its schema.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
    /// use logto_storage_sqlx::SqliteTokenStore;
    ///
    /// let store = SqliteTokenStore::connect("sqlite:/var/lib/app/tokens.db").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the file cannot be made or is no database, where it is in memory, or where its
    /// schema is newer; `Unavailable` where somebody else writes in it all the time.
    pub async fn connect(url: &str) -> Result<Self, TokenStoreError> {
        let store = Self::connect_lazily(url)?;
        store.migrate().await?;
        Ok(store)
    }

    /// The same without waiting: the file is opened at the first use.
    ///
    /// ```no_run
    /// # fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
    /// use logto_storage_sqlx::SqliteTokenStore;
    ///
    /// let store = SqliteTokenStore::connect_lazily("sqlite:/var/lib/app/tokens.db")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the address is none.
    pub fn connect_lazily(url: &str) -> Result<Self, TokenStoreError> {
        let options: SqliteConnectOptions = url.parse().map_err(|error| address(&error))?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A token that was handed out is there also after the power has failed.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        make_private(options.get_filename());
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
        Ok(Self::new(pool.connect_lazy_with(options)))
    }
}

token_store!(SqliteTokenStore, Sqlite, "sqlite:/var/lib/app/tokens.db");

#[async_trait::async_trait]
impl Driver for Sqlite {
    const WRITERS: usize = 1;
    const MIGRATIONS: &'static [&'static str] = &[include_str!("../migrations/sqlite/1_records.sql")];
    const BEGIN_ALONE: &'static [&'static str] = &["BEGIN IMMEDIATE"];
    const STATEMENTS: Statements = statements!(
        now: "COALESCE($1, CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER))",
        lock: "",
        remove_expired: [
            "DELETE FROM logto_token_records WHERE key IN \
             (SELECT key FROM logto_token_records WHERE until <= ",
            " ORDER BY until LIMIT $2) RETURNING until"
        ]
    );

    async fn inspect(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let file = "SELECT file FROM pragma_database_list WHERE name = 'main'";
        let rows = Self::fetch(connection, file, &[]).await?;
        let file = rows.first().map(|row| row.text(0)).transpose()?.flatten();
        if file.is_none_or(|file| file.is_empty()) {
            return Err(refusal("in memory a `MemoryTokenStore` does the same without SQLite".to_owned()));
        }
        Ok(())
    }

    /// <https://www.sqlite.org/rescode.html>
    fn fault(code: &str, message: &str) -> Fault {
        // The upper bytes say more than the kind.
        match code.parse::<u32>().unwrap_or_default() & 0xff {
            // BUSY, LOCKED
            5 | 6 => Fault::Again,
            1 if message.starts_with("no such table") => Fault::NoTable,
            // ERROR, PERM, READONLY, CORRUPT, CANTOPEN, AUTH, NOTADB
            1 | 3 | 8 | 11 | 14 | 23 | 26 => Fault::Misconfigured,
            _ => Fault::Unavailable,
        }
    }

    async fn fetch(
        connection: &mut SqliteConnection,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Self::Row>, sqlx::Error> {
        bind(sql, values).fetch_all(connection).await
    }

    async fn batch(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        connection.execute(sql).await?;
        Ok(())
    }
}

cells!(Sqlite, SqliteRow);

/// Makes the file, where it is missing, so that only its owner reads it; the files that SQLite lays beside
/// it are like it. Where this fails, opening it fails too, and says why.
fn make_private(file: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(file));
}
