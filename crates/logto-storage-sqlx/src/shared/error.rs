//! What an error of the database means, told without what it may hold.

use super::driver::Driver;
use logto_storage_core::{TokenStoreError, TokenStoreErrorKind};

/// What an error code of a database means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Later it may go.
    Unavailable,
    /// Nothing was written because of what others wrote: at once it may go.
    Again,
    /// The schema is not there.
    NoTable,
    /// It will not go until somebody does something.
    Misconfigured,
}

/// What the error means, where it comes from the database itself.
pub(crate) fn fault<D: Driver>(error: &sqlx::Error) -> Option<Fault> {
    let sqlx::Error::Database(error) = error else { return None };
    Some(D::fault(&error.code().unwrap_or_default(), error.message()))
}

/// The error of a store. Its source is a text of our own: the driver's errors may hold values.
pub(crate) fn problem<D: Driver>(error: sqlx::Error) -> TokenStoreError {
    let fault = fault::<D>(&error);
    match error {
        sqlx::Error::Database(error) => match fault {
            Some(Fault::Unavailable | Fault::Again) => unavailable(error.to_string()),
            Some(Fault::NoTable) => {
                misconfigured(format!("{error}: the schema is missing, `migrate` lays it out"))
            }
            _ => misconfigured(error.to_string()),
        },
        sqlx::Error::Io(error) => unavailable(error.to_string()),
        sqlx::Error::Protocol(_) => unavailable(format!("no answer that {} gives", D::NAME)),
        sqlx::Error::PoolTimedOut => {
            unavailable("no connection in time: the server is away, or all connections are busy".to_owned())
        }
        sqlx::Error::PoolClosed => unavailable("the pool is closed".to_owned()),
        sqlx::Error::WorkerCrashed => unavailable("the thread of the connection has ended".to_owned()),
        sqlx::Error::Tls(error) => misconfigured(format!("TLS: {error}")),
        sqlx::Error::Configuration(error) => misconfigured(error.to_string()),
        sqlx::Error::InvalidArgument(_) => misconfigured("the options of the connection".to_owned()),
        _ => misconfigured("the table is not as its migrations have made it".to_owned()),
    }
}

/// Why the store refuses a database.
pub(crate) fn refusal(why: String) -> sqlx::Error {
    sqlx::Error::Configuration(why.into())
}

/// What is wrong with an address.
pub(crate) fn address(error: &sqlx::Error) -> TokenStoreError {
    misconfigured(format!("the address: {error}"))
}

pub(crate) fn unavailable(why: String) -> TokenStoreError {
    TokenStoreError::new(TokenStoreErrorKind::Unavailable).with_source(why)
}

fn misconfigured(why: String) -> TokenStoreError {
    TokenStoreError::new(TokenStoreErrorKind::Misconfigured).with_source(why)
}
