//! The store: how it is connected and set up.

use crate::{
    link::{Link, Repeat},
    scripts::Request,
    target::Target,
};
use logto_storage_core::{Clock, TokenStoreError};
use std::{fmt, sync::Arc, time::Duration};

/// How long an operation may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Token records in Redis 6.2 or later, on one primary, also behind Sentinel.
///
/// ```no_run
/// use logto_storage_core::{Realm, Tickets, TokenStoreError};
/// use logto_storage_redis::RedisTokenStore;
/// use std::sync::Arc;
///
/// # async fn run() -> Result<(), TokenStoreError> {
/// let store = RedisTokenStore::connect("redis://127.0.0.1:6379").await?;
/// let tickets = Tickets::new(Arc::new(store), Realm::new("https://tenant.logto.app/oidc", "app-id"));
/// # Ok(())
/// # }
/// ```
///
/// One connection serves all requests. Where it breaks, the next operation opens another, without a pause;
/// behind Sentinel it asks anew which server is the primary. An operation that the break has met is sent a
/// second time only where that changes nothing: `read`, `find`, `renew` and `release` always, `swap`
/// because it recognises its own version. All others give `Unavailable`, and may have been carried out or
/// not.
pub struct RedisTokenStore {
    pub(crate) link: Link,
    pub(crate) prefix: String,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

impl RedisTokenStore {
    /// Connects to the server at this address, and checks that records may live there.
    ///
    /// The address has the form `redis://user:password@host:port/database`, or `redis+unix:///path`, or,
    /// with the feature `tls`, `rediss://…`.
    ///
    /// ```no_run
    /// # use logto_storage_redis::RedisTokenStore;
    /// # async fn run() -> Result<(), logto_storage_core::TokenStoreError> {
    /// let store = RedisTokenStore::connect("redis://app:secret@redis.internal:6379/2").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the address is none, the login is refused, or the server is a cluster, a
    /// replica or older than Redis 6.2; `Unavailable` where it does not answer.
    pub async fn connect(url: &str) -> Result<Self, TokenStoreError> {
        let store = Self::lazy(url)?;
        store.link.connect().await?;
        Ok(store)
    }

    /// The same without asking the server: the first operation connects, and finds what is wrong.
    ///
    /// ```
    /// # use logto_storage_redis::RedisTokenStore;
    /// # fn main() -> Result<(), logto_storage_core::TokenStoreError> {
    /// let store = RedisTokenStore::lazy("redis://127.0.0.1:6379")?.with_prefix("shop:logto:");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the address is none.
    pub fn lazy(url: &str) -> Result<Self, TokenStoreError> {
        Ok(Self::of(Target::server(url)?))
    }

    /// Connects to the primary that these Sentinels name: all at once are asked, now and whenever the
    /// connection breaks.
    ///
    /// The primary is given by its name, or as a URL with the name in the place of the host where it needs
    /// a login, a database or TLS. Each Sentinel has a URL with a login of its own.
    ///
    /// ```no_run
    /// # use logto_storage_redis::RedisTokenStore;
    /// # async fn run() -> Result<(), logto_storage_core::TokenStoreError> {
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
    /// let store = RedisTokenStore::connect_via_sentinel(sentinels, "redis://app:secret@mymaster").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); `Misconfigured` also where no Sentinel knows the name.
    pub async fn connect_via_sentinel<'a>(
        sentinels: impl IntoIterator<Item = &'a str>,
        primary: &str,
    ) -> Result<Self, TokenStoreError> {
        let store = Self::lazy_via_sentinel(sentinels, primary)?;
        store.link.connect().await?;
        Ok(store)
    }

    /// The same without asking anybody: the first operation connects, and finds what is wrong.
    ///
    /// ```
    /// # use logto_storage_redis::RedisTokenStore;
    /// # fn main() -> Result<(), logto_storage_core::TokenStoreError> {
    /// let store = RedisTokenStore::lazy_via_sentinel(["redis://10.0.0.1:26379"], "mymaster")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where an address is none, or there is none.
    pub fn lazy_via_sentinel<'a>(
        sentinels: impl IntoIterator<Item = &'a str>,
        primary: &str,
    ) -> Result<Self, TokenStoreError> {
        Ok(Self::of(Target::primary(sentinels, primary)?))
    }

    fn of(target: Target) -> Self {
        Self { link: Link::new(target, TIMEOUT), prefix: "logto:".to_owned(), clock: None }
    }

    /// What all keys begin with; default `logto:`. Stores with another prefix never meet this one.
    ///
    /// ```
    /// # use logto_storage_redis::RedisTokenStore;
    /// # fn main() -> Result<(), logto_storage_core::TokenStoreError> {
    /// let store = RedisTokenStore::lazy("redis://127.0.0.1:6379")?.with_prefix("shop:logto:");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// How long an operation may take, connecting included, before it gives `Unavailable`; default one
    /// second.
    ///
    /// ```
    /// # use logto_storage_redis::RedisTokenStore;
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), logto_storage_core::TokenStoreError> {
    /// let store = RedisTokenStore::lazy("redis://127.0.0.1:6379")?.with_timeout(Duration::from_millis(500));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { link: self.link.with_timeout(timeout), ..self }
    }

    /// What time it is, instead of the time of the server; for tests, which bring a
    /// [`ManualClock`](logto_storage_core::ManualClock). All stores that share records need the same clock.
    ///
    /// ```
    /// # use logto_storage_redis::RedisTokenStore;
    /// use logto_storage_core::ManualClock;
    /// use std::sync::Arc;
    ///
    /// # fn main() -> Result<(), logto_storage_core::TokenStoreError> {
    /// let clock = ManualClock::start_now();
    /// let store = RedisTokenStore::lazy("redis://127.0.0.1:6379")?.with_clock(Arc::new(clock.clone()));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Trusts servers with certificates of these authorities, in PEM, and no others; default are the
    /// authorities of the machine.
    ///
    /// ```no_run
    /// # use logto_storage_redis::RedisTokenStore;
    /// # fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = RedisTokenStore::lazy("rediss://redis.internal:6380")?
    ///     .with_root_certificates(&std::fs::read("/etc/redis/ca.pem")?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where this is no PEM of certificates.
    #[cfg(feature = "tls")]
    pub fn with_root_certificates(self, pem: &[u8]) -> Result<Self, TokenStoreError> {
        let link = self.link.with_target(|target| target.tls.trust_only(pem))?;
        Ok(Self { link, ..self })
    }

    /// Presents this certificate, the chain and the private key in PEM: a server that is set up as Redis
    /// documents it asks for one.
    ///
    /// ```no_run
    /// # use logto_storage_redis::RedisTokenStore;
    /// # fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let (chain, key) = (std::fs::read("/etc/app/redis.pem")?, std::fs::read("/etc/app/redis.key")?);
    /// let store =
    ///     RedisTokenStore::lazy("rediss://redis.internal:6380")?.with_client_certificate(&chain, &key)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where this is no PEM, or the two do not belong together.
    #[cfg(feature = "tls")]
    pub fn with_client_certificate(self, chain: &[u8], key: &[u8]) -> Result<Self, TokenStoreError> {
        let link = self.link.with_target(|target| target.tls.present(chain, key))?;
        Ok(Self { link, ..self })
    }

    /// Whether the server answers now and is good for records: for a check of readiness.
    ///
    /// ```no_run
    /// # async fn run(store: logto_storage_redis::RedisTokenStore) {
    /// let ready = store.check().await.is_ok();
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect).
    pub async fn check(&self) -> Result<(), TokenStoreError> {
        let mut command = redis::pipe();
        command.cmd("TIME");
        self.link.run(&Request::Commands(command), Repeat::Allowed).await?;
        Ok(())
    }
}

impl fmt::Debug for RedisTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisTokenStore({}, {}*)", self.link.target(), self.prefix)
    }
}
