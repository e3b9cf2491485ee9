//! What the two databases have in common, and what each says for itself.

use super::{error::Fault, statements::Statements};
use logto_storage_core::token_store::Record;

/// A value that a statement is given.
pub(crate) enum Value {
    Number(i64),
    NumberOrNull(Option<i64>),
    Text(String),
    TextOrNull(Option<String>),
    Data(Record),
}

/// The cells of a row.
pub(crate) trait Cells: Send {
    fn number(&self, column: usize) -> Result<i64, sqlx::Error>;
    fn text(&self, column: usize) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, column: usize) -> Result<Vec<u8>, sqlx::Error>;
}

/// A database, as the store asks it.
#[async_trait::async_trait]
pub(crate) trait Driver: sqlx::Database<Row: Cells> {
    const STATEMENTS: Statements;
    /// One after another; how many were made is the schema's version.
    const MIGRATIONS: &'static [&'static str];
    /// Begins a transaction that only one process is in at a time.
    const BEGIN_ALONE: &'static [&'static str];
    /// So many of one process may write at once.
    const WRITERS: usize;

    /// Whether records may be kept here at all.
    async fn inspect(connection: &mut Self::Connection) -> Result<(), sqlx::Error>;

    fn fault(code: &str, message: &str) -> Fault;

    /// Runs a statement to its end; the rows that it gives. Never the first row alone: what is written
    /// counts once the statement has ended.
    async fn fetch(
        connection: &mut Self::Connection,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Self::Row>, sqlx::Error>;

    /// Runs statements without values, several where need be.
    async fn batch(connection: &mut Self::Connection, sql: &'static str) -> Result<(), sqlx::Error>;
}

/// A statement with its values, and the cells of a row, for a driver.
macro_rules! cells {
    ($database:ty, $row:ty) => {
        fn bind<'q>(
            sql: &'static str,
            values: &'q [Value],
        ) -> sqlx::query::Query<'q, $database, <$database as sqlx::Database>::Arguments<'q>> {
            values.iter().fold(sqlx::query(sql), |query, value| match value {
                Value::Number(number) => query.bind(number),
                Value::NumberOrNull(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::TextOrNull(text) => query.bind(text),
                Value::Data(record) => query.bind(record.data()),
            })
        }

        impl Cells for $row {
            fn number(&self, column: usize) -> Result<i64, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn text(&self, column: usize) -> Result<Option<String>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn bytes(&self, column: usize) -> Result<Vec<u8>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }
        }
    };
}

pub(crate) use cells;
