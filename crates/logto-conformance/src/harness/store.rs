//! The store under test: its server, started for the run.

use crate::servers::{Folder, Server};

/// A store with its server, which stops when this is dropped.
#[derive(Debug)]
pub struct Store {
    /// The name it is asked for by.
    pub name: &'static str,
    /// Where processes reach it.
    pub address: String,
    /// Its server, where it has one.
    pub server: Option<Server>,
    /// Its file, where it lies in one.
    _folder: Option<Folder>,
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
        let (name, address, server, folder) = match name {
            "memory" => ("memory", "memory:".to_owned(), None, None),
            "redis" => {
                let server = Server::redis().ok_or(NoStore::Missing("redis-server"))?;
                ("redis", format!("redis://127.0.0.1:{}", server.port()), Some(server), None)
            }
            "postgres" => {
                let server = Server::postgres().ok_or(NoStore::Missing("postgres"))?;
                ("postgres", server.postgres_url("postgres"), Some(server), None)
            }
            "sqlite" => {
                let folder = Folder::new("sqlite");
                let file = folder.path().join("tokens.db");
                ("sqlite", format!("sqlite:{}", file.display()), None, Some(folder))
            }
            _ => return Err(NoStore::Unknown),
        };
        Ok(Self { name, address, server, _folder: folder })
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
