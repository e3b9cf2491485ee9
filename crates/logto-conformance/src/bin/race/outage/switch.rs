//! What takes a store away, and gives it back.

use logto_conformance::{
    harness::{Gateway, Passage, Report, Store},
    servers::free_port,
};
use sqlx::{Connection, Executor, SqliteConnection};
use std::{net::SocketAddr, time::Duration};

/// A gateway before a server; of a file, a lock that somebody else holds.
pub(super) enum Switch {
    Server(Gateway),
    File(SqliteConnection),
}

impl Switch {
    /// The switch of this store, and the address by which processes reach it. What lives in a process's
    /// memory has none.
    pub(super) async fn of(store: &Store) -> (Option<Self>, String) {
        if let Some(server) = &store.server {
            let to = SocketAddr::from(([127, 0, 0, 1], server.port()));
            let gateway = Gateway::start(free_port(), to).await;
            let address = store.address_by(gateway.port());
            return (Some(Self::Server(gateway)), address);
        }
        let address = store.address.clone();
        if !address.starts_with("sqlite:") {
            return (None, address);
        }
        // The file is there before it is locked.
        logto_conformance::stores::open(&address).await.expect("the file opens");
        let connection = SqliteConnection::connect(&address).await.expect("the file opens again");
        (Some(Self::File(connection)), address)
    }

    /// Takes the store away for so long.
    pub(super) async fn off(&mut self, away: Duration, report: &Report) {
        match self {
            Self::Server(gateway) => {
                report.say("the store refuses connections");
                gateway.set(Passage::Refused).await;
                tokio::time::sleep(away / 2).await;
                report.say("the store says nothing");
                gateway.set(Passage::Silent).await;
                tokio::time::sleep(away / 2).await;
                gateway.set(Passage::Open).await;
            }
            Self::File(connection) => {
                report.say("somebody else writes in the file and does not end");
                connection.execute("PRAGMA busy_timeout = 10000").await.expect("a setting");
                connection.execute("BEGIN IMMEDIATE").await.expect("the lock");
                tokio::time::sleep(away).await;
                connection.execute("ROLLBACK").await.expect("the lock is given back");
            }
        }
    }
}
