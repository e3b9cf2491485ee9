//! Which server holds the records: one that is named, or the one that Sentinel names now.

use crate::{
    address::{Address, Place},
    dial::Connection,
    failure::{Aftermath, Failure},
    server,
    tls::Tls,
};
use redis::{Value, from_owned_redis_value};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::timeout};

#[derive(Clone)]
pub(crate) struct Target {
    wanted: Wanted,
    pub(crate) tls: Tls,
}

#[derive(Clone)]
enum Wanted {
    Server(Address),
    Primary { sentinels: Vec<Address>, name: String, primary: Address },
}

impl Target {
    pub(crate) fn server(url: &str) -> Result<Self, Failure> {
        Ok(Self::wanting(Wanted::Server(Address::parse(url)?)))
    }

    pub(crate) fn primary<'a>(
        sentinels: impl IntoIterator<Item = &'a str>,
        primary: &str,
    ) -> Result<Self, Failure> {
        let sentinels: Vec<Address> = sentinels.into_iter().map(Address::parse).collect::<Result<_, _>>()?;
        if sentinels.is_empty() {
            return Err(Failure::misconfigured("no Sentinel is named"));
        }
        let (primary, name) = Address::parse_primary(primary)?;
        // A Sentinel has no databases.
        let sentinels = sentinels.into_iter().map(|sentinel| Address { database: 0, ..sentinel }).collect();
        Ok(Self::wanting(Wanted::Primary { sentinels, name, primary }))
    }

    fn wanting(wanted: Wanted) -> Self {
        Self { wanted, tls: Tls::new() }
    }

    /// Opens a connection to a server that is good for records; each step within this time.
    pub(crate) async fn open(self: &Arc<Self>, within: Duration) -> Result<Connection, Failure> {
        match &self.wanted {
            Wanted::Server(address) => self.open_checked(address, within).await,
            Wanted::Primary { sentinels, name, primary } => {
                self.open_by_sentinel(sentinels, name, primary, within).await
            }
        }
    }

    async fn open_checked(&self, address: &Address, within: Duration) -> Result<Connection, Failure> {
        let connection = Connection::open(address, &self.tls, within).await?;
        let checked = timeout(within, server::check(&connection)).await;
        checked.unwrap_or_else(|_| Err(Failure::late())).map_err(|failure| failure.at(address))?;
        Ok(connection)
    }

    /// Asks all Sentinels at once. The first server that one of them names, and that says itself that it is
    /// the primary, is it: a Sentinel that is cut off names the primary of before.
    async fn open_by_sentinel(
        self: &Arc<Self>,
        sentinels: &[Address],
        name: &str,
        primary: &Address,
        within: Duration,
    ) -> Result<Connection, Failure> {
        let mut asked = JoinSet::new();
        for sentinel in sentinels {
            let (target, sentinel, name) = (Arc::clone(self), sentinel.clone(), name.to_owned());
            asked.spawn(async move { ask(&sentinel, &name, &target.tls, within).await });
        }
        let mut tried = Vec::new();
        let mut failure = Failure::unavailable("no Sentinel answers");
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(place)) if !tried.contains(&place) => {
                    match self.open_checked(&primary.at(place.clone()), within).await {
                        Ok(connection) => return Ok(connection),
                        Err(other) if other.aftermath == Aftermath::WrongServer => failure = other.for_now(),
                        Err(other) => failure = other,
                    }
                    tried.push(place);
                }
                Ok(Err(other)) if tried.is_empty() => failure = other,
                _ => {}
            }
        }
        Err(failure)
    }
}

/// Where a Sentinel says that the primary is.
async fn ask(sentinel: &Address, name: &str, tls: &Tls, within: Duration) -> Result<Place, Failure> {
    let connection = Connection::open(sentinel, tls, within).await?;
    let mut command = redis::pipe();
    command.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    let answers = timeout(within, connection.answers(&command));
    let answer = answers.await.unwrap_or_else(|_| Err(Failure::late()))?.pop();
    let place = match answer {
        Some(Value::ServerError(error)) => {
            Err(Failure::answered(error.code(), error.details().unwrap_or_default()))
        }
        Some(Value::Nil) | None => {
            Err(Failure::misconfigured(format!("this Sentinel knows no primary of the name {name}")))
        }
        Some(answer) => from_owned_redis_value(answer).map_err(Failure::from),
    };
    let (host, port) = place.map_err(|failure| failure.at(sentinel))?;
    Ok(Place::Tcp(host, port))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Wanted::Server(address) => write!(f, "{address:?}"),
            Wanted::Primary { name, primary, .. } => write!(f, "{name}/{} by Sentinel", primary.database),
        }
    }
}
