//! The store under test: its server, started for the run.

use crate::servers::Server;

/// A store with its server, which stops when this is dropped.
#[derive(Debug)]
pub struct Store {
    /// The name it is asked for by.
    pub name: &'static str,
    /// Where processes reach it.
    pub address: String,
    /// Its server, where it has one.
    pub server: Option<Server>,
}

/// Why there is no store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoStore {
    /// Nobody knows this name.
    Unknown,
    /// The machine lacks this program.
    Missing(&'static str),
}

impl Store {
    /// The store of this name.
    ///
    /// # Errors
    ///
    /// Where there is none, and why.
    pub fn start(name: &str) -> Result<Self, NoStore> {
        match name {
            "memory" => Ok(Self { name: "memory", address: "memory:".to_owned(), server: None }),
            "redis" => {
                let server = Server::redis().ok_or(NoStore::Missing("redis-server"))?;
                let address = format!("redis://127.0.0.1:{}", server.port());
                Ok(Self { name: "redis", address, server: Some(server) })
            }
            _ => Err(NoStore::Unknown),
        }
    }
    /// Its address by another port, behind which it stands too.
    #[must_use]
    pub fn address_by(&self, port: u16) -> String {
        match &self.server {
            Some(server) => self.address.replace(&format!(":{}", server.port()), &format!(":{port}")),
            None => self.address.clone(),
        }
    }
}
