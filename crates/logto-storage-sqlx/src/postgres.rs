//! PostgreSQL.

use crate::shared::{
    driver::{Cells, Driver, Value, cells},
    error::{Fault, address},
    statements::{Statements, statements},
    store::{ACQUIRE_TIMEOUT, Store},
    token_store,
};
use logto_storage_core::TokenStoreError;
use sqlx::{
    Executor, PgConnection, Postgres,
    postgres::{PgPoolOptions, PgRow},
};

/// Token records in PostgreSQL, 13 and later: for any number of processes on any number of machines.
///
/// ```no_run
/// use logto_storage_sqlx::PostgresTokenStore;
/// use std::sync::Arc;
///
/// # async fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
/// let store = PostgresTokenStore::connect("postgres://app:secret@localhost/app").await?;
/// let store = Arc::new(store);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PostgresTokenStore(Store<Postgres>);

impl PostgresTokenStore {
    /// A store over a pool of at most ten connections to this database, whose schema is laid out.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
    /// use logto_storage_sqlx::PostgresTokenStore;
    ///
    /// let store = PostgresTokenStore::connect("postgres://app:secret@localhost/app").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the address, the password or the database is wrong, or the schema may not be
    /// made or is newer; `Unavailable` where the server does not answer.
    pub async fn connect(url: &str) -> Result<Self, TokenStoreError> {
        let store = Self::connect_lazily(url)?;
        store.migrate().await?;
        Ok(store)
    }

    /// The same without waiting: the application starts also while the database is away, and its schema is
    /// laid out at the first use.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), logto_storage_sqlx::TokenStoreError> {
    /// use logto_storage_sqlx::PostgresTokenStore;
    ///
    /// let store = PostgresTokenStore::connect_lazily("postgres://app:secret@localhost/app")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the address is none.
    pub fn connect_lazily(url: &str) -> Result<Self, TokenStoreError> {
        let pool = PgPoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).connect_lazy(url);
        Ok(Self::new(pool.map_err(|error| address(&error))?))
    }
}

token_store!(PostgresTokenStore, Postgres, "postgres://app:secret@localhost/app");

#[async_trait::async_trait]
impl Driver for Postgres {
    const WRITERS: usize = tokio::sync::Semaphore::MAX_PERMITS;
    const MIGRATIONS: &'static [&'static str] = &[include_str!("../migrations/postgres/1_records.sql")];
    // Each statement sees what was committed before it, whatever the database's default is.
    const BEGIN_ALONE: &'static [&'static str] = &[
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        "SELECT pg_advisory_xact_lock(x'6c6f67746f746f6b'::bigint)",
    ];
    const STATEMENTS: Statements = statements!(
        now: "COALESCE($1, CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT))",
        lock: " FOR UPDATE",
        // What somebody else writes or removes just now is left to them. An array is made once, whatever the
        // plan is.
        remove_expired: [
            "DELETE FROM logto_token_records WHERE key = ANY (ARRAY( \
             SELECT key FROM logto_token_records WHERE until <= (SELECT ",
            ") ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING until"
        ]
    );

    async fn inspect(_: &mut PgConnection) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn fault(code: &str, _: &str) -> Fault {
        match code {
            // serialization_failure, deadlock_detected
            "40001" | "40P01" => Fault::Again,
            // undefined_table
            "42P01" => Fault::NoTable,
            // database_dropped
            "57P04" => Fault::Misconfigured,
            // invalid_authorization_specification, invalid_catalog_name, invalid_schema_name,
            // syntax_error_or_access_rule_violation, feature_not_supported
            _ if ["28", "3D", "3F", "42", "0A"].iter().any(|class| code.starts_with(class)) => {
                Fault::Misconfigured
            }
            _ => Fault::Unavailable,
        }
    }

    async fn fetch(
        connection: &mut PgConnection,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Self::Row>, sqlx::Error> {
        bind(sql, values).fetch_all(connection).await
    }

    async fn batch(connection: &mut PgConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        connection.execute(sql).await?;
        Ok(())
    }
}

cells!(Postgres, PgRow);
