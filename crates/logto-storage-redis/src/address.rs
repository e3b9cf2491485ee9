//! Where Redis is: addresses as URLs, read once.

use crate::failure::Failure;
use redis::{ConnectionAddr, IntoConnectionInfo};
use std::{fmt, path::PathBuf};

/// A server, and how to log in there. `Debug` shows no password.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) place: Place,
    pub(crate) tls: bool,
    pub(crate) login: Login,
    pub(crate) database: i64,
}

/// What a connection is opened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// User and password, where there are any.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::misconfigured(format!("the URL of Redis: {what}"));
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it does not begin with redis://"))?;
        let (plain, tls) = match scheme {
            "redis" | "valkey" => ("redis", false),
            "rediss" | "valkeys" => ("redis", true),
            "unix" | "redis+unix" | "valkey+unix" => ("redis+unix", false),
            _ => return Err(wrong("its scheme is none of redis, rediss and redis+unix")),
        };
        if tls && !cfg!(feature = "tls") {
            return Err(wrong("rediss needs the feature `tls` of logto-storage-redis"));
        }
        if rest.contains('#') {
            return Err(wrong(
                "it holds a #: in a password that is %23, and certificates are always checked",
            ));
        }
        // Errors of the driver are not passed on: they may show parts of the URL.
        let info = format!("{plain}://{rest}")
            .into_connection_info()
            .map_err(|_| wrong("it has the form redis://user:password@host:port/database"))?;
        let place = match info.addr {
            ConnectionAddr::Tcp(host, port) => Place::Tcp(host, port),
            ConnectionAddr::Unix(path) => Place::Unix(path),
            ConnectionAddr::TcpTls { .. } => return Err(wrong("it is not understood")),
        };
        let login = Login { user: info.redis.username, password: info.redis.password };
        Ok(Self { place, tls, login, database: info.redis.db })
    }

    /// A primary behind Sentinel: its name alone, or a URL with the name in the place of the host.
    pub(crate) fn parse_primary(primary: &str) -> Result<(Self, String), Failure> {
        let address = match primary.contains("://") {
            true => Self::parse(primary)?,
            false => Self::parse(&format!("redis://{primary}"))?,
        };
        match &address.place {
            Place::Tcp(name, _) => Ok((address.clone(), name.clone())),
            Place::Unix(_) => Err(Failure::misconfigured("a primary behind Sentinel has a name, not a path")),
        }
    }

    /// The same server as it is found elsewhere.
    pub(crate) fn at(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp(host, port) => write!(f, "{host}:{port}"),
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}/{}", self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        format!("{:?}", Address::parse(url).unwrap_err())
    }

    #[test]
    fn a_url_is_read() {
        let address = Address::parse("redis://app:p%40ss@redis.internal:6380/3").unwrap();
        assert_eq!(address.place, Place::Tcp("redis.internal".to_owned(), 6380));
        assert_eq!(
            (address.login.user.as_deref(), address.login.password.as_deref()),
            (Some("app"), Some("p@ss"))
        );
        assert_eq!((address.database, address.tls), (3, false));
        let socket = Address::parse("redis+unix:///run/redis.sock?db=2&pass=canary").unwrap();
        assert_eq!(socket.place, Place::Unix("/run/redis.sock".into()));
        assert_eq!((socket.database, socket.login.password.as_deref()), (2, Some("canary")));
        assert_eq!(Address::parse("redis://[::1]").unwrap().to_string(), "[::1]:6379");
    }

    #[test]
    fn a_primary_has_a_name() {
        let (address, name) = Address::parse_primary("redis://:canary@My_master.1/5").unwrap();
        assert_eq!((name.as_str(), address.database), ("My_master.1", 5));
        assert_eq!(Address::parse_primary("mymaster").unwrap().1, "mymaster");
        Address::parse_primary("redis+unix:///run/redis.sock").unwrap_err();
    }

    #[test]
    fn nothing_shows_a_password() {
        let address = Address::parse("redis://user:canary@host").unwrap();
        assert_eq!(format!("{address} {address:?}"), "host:6379 host:6379/0");
        for url in [
            "canary",
            "http://:canary@host",
            "redis://:canary@host:port",
            "redis://:canary@host/database",
            "redis://:canary@host#insecure",
            "redis://:canary@",
            "redis://:canary@host?protocol=canary",
        ] {
            assert!(!refused(url).contains("canary"), "{}", refused(url));
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn without_the_feature_tls_is_refused_and_not_left_out() {
        assert!(refused("rediss://host").contains("feature `tls`"));
    }
}
