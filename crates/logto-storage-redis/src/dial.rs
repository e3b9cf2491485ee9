//! One connection: opened, logged in, and ended with its last user.

use crate::{
    address::{Address, Place},
    failure::Failure,
    tls::Tls,
};
use redis::{RedisConnectionInfo, Value, aio::MultiplexedConnection, io::tcp::socket2};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinHandle,
    time::timeout,
};

/// A connection to Redis; clones share it, and many requests run over it at the same time.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) redis: MultiplexedConnection,
    driver: Arc<Driver>,
}

/// The task that reads and writes; it ends with its last owner.
struct Driver(JoinHandle<()>);

impl Connection {
    /// Whether the other side has not closed it, as far as is known here.
    pub(crate) fn is_open(&self) -> bool {
        !self.driver.0.is_finished()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.driver, &other.driver)
    }

    /// Opens a connection to this server and logs in, each within this time.
    pub(crate) async fn open(address: &Address, tls: &Tls, within: Duration) -> Result<Self, Failure> {
        let opened = async {
            let connection = match &address.place {
                Place::Tcp(host, port) => {
                    let stream = connect_tcp(host, *port, within).await?;
                    match address.tls {
                        true => {
                            within_time(within, async { adopt(tls.wrap(host, stream).await?).await }).await?
                        }
                        false => within_time(within, adopt(stream)).await?,
                    }
                }
                #[cfg(unix)]
                Place::Unix(path) => {
                    within_time(within, async { adopt(tokio::net::UnixStream::connect(path).await?).await })
                        .await?
                }
                #[cfg(not(unix))]
                Place::Unix(_) => return Err(Failure::misconfigured("there are no Unix sockets here")),
            };
            within_time(within, connection.log_in(address)).await?;
            Ok(connection)
        };
        opened.await.map_err(|failure: Failure| failure.at(address))
    }

    async fn log_in(&self, address: &Address) -> Result<(), Failure> {
        let mut commands = redis::pipe();
        if let Some(password) = &address.login.password {
            commands.cmd("AUTH");
            if let Some(user) = &address.login.user {
                commands.arg(user);
            }
            commands.arg(password);
        }
        if address.database != 0 {
            commands.cmd("SELECT").arg(address.database);
        }
        if commands.is_empty() {
            return Ok(());
        }
        for answer in self.answers(&commands).await? {
            if let Value::ServerError(error) = answer {
                let detail = error.details().unwrap_or_default();
                let failure = Failure::answered(error.code(), detail);
                return Err(match error.code() {
                    "ERR" if !detail.contains("max number of clients") => failure.for_good(),
                    _ => failure,
                });
            }
        }
        Ok(())
    }

    /// The answers to commands, those that are errors too.
    pub(crate) async fn answers(&self, commands: &redis::Pipeline) -> Result<Vec<Value>, Failure> {
        Ok(self.redis.clone().send_packed_commands(commands, 0, commands.len()).await?)
    }
}

/// Tries each address that the name has, for its share of the time.
async fn connect_tcp(host: &str, port: u16, within: Duration) -> Result<TcpStream, Failure> {
    let addresses: Vec<_> =
        within_time(within, async { Ok(lookup_host((host, port)).await?) }).await?.collect();
    let share = within / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = Failure::unavailable("the name of the server has no address");
    for address in addresses {
        match within_time(share, async { Ok(TcpStream::connect(address).await?) }).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                keep_alive(&stream)?;
                return Ok(stream);
            }
            Err(other) => failure = other,
        }
    }
    Err(failure)
}

/// A server that has vanished is noticed between requests, and what stands in between keeps the connection.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let probes =
        socket2::TcpKeepalive::new().with_time(Duration::from_secs(20)).with_interval(Duration::from_secs(5));
    socket2::SockRef::from(stream).set_tcp_keepalive(&probes)
}

async fn adopt(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection, Failure> {
    // Logging in is done here: the driver does not tell why a server refuses.
    let (redis, driver) = MultiplexedConnection::new(&RedisConnectionInfo::default(), stream).await?;
    Ok(Connection { redis, driver: Arc::new(Driver(tokio::spawn(driver))) })
}

async fn within_time<T>(
    time: Duration,
    what: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(time, what).await.unwrap_or_else(|_| Err(Failure::late()))
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
