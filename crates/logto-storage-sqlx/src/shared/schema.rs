//! Laying out the schema, however many processes begin at once.

use super::{
    driver::{Cells, Driver, Value},
    error::{Fault, fault, refusal},
};

/// Which migrations have been made. A later version of this crate may say that the processes of an earlier
/// one can go on with what it has made, so that they may run side by side while the newer is rolled out.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS logto_token_schema \
     (version BIGINT NOT NULL PRIMARY KEY, compatible_with BIGINT NOT NULL)";
const VERSION: &str =
    "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(compatible_with), 0) FROM logto_token_schema";
const INSERT: &str =
    "INSERT INTO logto_token_schema (version, compatible_with) VALUES ($1, $1) RETURNING version";

/// Makes the migrations that are missing. On an error the connection may be inside a transaction.
pub(crate) async fn migrate<D: Driver>(connection: &mut D::Connection) -> Result<(), sqlx::Error> {
    D::inspect(connection).await?;
    // Who may only read and write records passes here, without asking for more.
    if made::<D>(connection).await? == D::MIGRATIONS.len() {
        return Ok(());
    }
    for sql in D::BEGIN_ALONE.iter().chain(&[TABLE]) {
        D::batch(connection, sql).await?;
    }
    let made = made::<D>(connection).await?;
    for (version, sql) in (1..).zip(D::MIGRATIONS).skip(made) {
        D::batch(connection, sql).await?;
        D::fetch(connection, INSERT, &[Value::Number(version)]).await?;
    }
    D::batch(connection, "COMMIT").await
}

/// How many of our migrations have been made.
async fn made<D: Driver>(connection: &mut D::Connection) -> Result<usize, sqlx::Error> {
    let ours = D::MIGRATIONS.len();
    let rows = match D::fetch(connection, VERSION, &[]).await {
        Err(error) if fault::<D>(&error) == Some(Fault::NoTable) => return Ok(0),
        outcome => outcome?,
    };
    let Some(row) = rows.first() else { return Ok(0) };
    let number = |column| row.number(column).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let (version, compatible_with) = (number(0)?, number(1)?);
    if compatible_with > ours {
        return Err(refusal(format!(
            "the schema has version {version}, made by a newer version of this crate; this one knows {ours}"
        )));
    }
    Ok(version.min(ours))
}
