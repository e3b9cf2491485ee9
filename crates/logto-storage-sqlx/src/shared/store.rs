//! The store over either database: its settings, its connections, its schema.

use super::{
    driver::{Cells, Driver, Value},
    error::{Fault, fault, problem, unavailable},
    schema,
};
use logto_storage_core::{
    Clock, TokenStoreError,
    token_store::{IndexKey, Record, Stored, Version},
};
use sqlx::{Pool, pool::PoolConnection};
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// How long the connection may be waited for, in pools that the store opens itself.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);
/// After so many new records, at most so many expired ones are removed: more than can have come meanwhile.
const NEW_RECORDS: u64 = 8;
const STEP: u32 = 64;

/// Token records in a database, whichever it is.
pub(crate) struct Store<D: Driver> {
    pool: Pool<D>,
    clock: Option<Arc<dyn Clock>>,
    timeout: Duration,
    /// One for each connection: the pool's own time-out is for a server that is away, not for a queue.
    turns: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    schema: OnceCell<()>,
    new_records: AtomicU64,
}

impl<D: Driver> Store<D> {
    pub(crate) fn new(pool: Pool<D>) -> Self {
        let connections = pool.options().get_max_connections() as usize;
        Self {
            pool,
            clock: None,
            timeout: TIMEOUT,
            turns: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            writers: Arc::new(Semaphore::new(D::WRITERS)),
            schema: OnceCell::new(),
            new_records: AtomicU64::new(0),
        }
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    pub(crate) fn pool(&self) -> &Pool<D> {
        &self.pool
    }

    pub(crate) async fn migrate(&self) -> Result<(), TokenStoreError> {
        self.in_time(self.schema()).await
    }

    pub(crate) async fn remove_expired(&self, most: u32) -> Result<u64, TokenStoreError> {
        let values = [self.now(), Value::Number(most.into())];
        let removed = self.in_time(self.write(D::STATEMENTS.remove_expired, values)).await?;
        Ok(removed.len() as u64)
    }

    /// Now and then, after a new record. The record is there whether this goes well or not.
    pub(crate) async fn tidy(&self) {
        if self.new_records.fetch_add(1, Ordering::Relaxed).is_multiple_of(NEW_RECORDS) {
            drop(self.remove_expired(STEP).await);
        }
    }

    /// The time as statements are given it.
    pub(crate) fn now(&self) -> Value {
        Value::NumberOrNull(self.clock.as_ref().map(|clock| millis(clock.now())))
    }

    /// A whole operation, which ends in time.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, TokenStoreError>>,
    ) -> Result<T, TokenStoreError> {
        let timed = tokio::time::timeout(self.timeout, work).await;
        timed.unwrap_or_else(|_| Err(unavailable(format!("no answer in {:?}", self.timeout))))
    }

    /// The rows that a statement reads.
    pub(crate) async fn select(
        &self,
        sql: &'static str,
        values: impl Into<Arc<[Value]>>,
    ) -> Result<Vec<D::Row>, TokenStoreError> {
        self.schema().await?;
        self.ask(sql, values.into(), None).await
    }

    /// A row for each that a statement has written.
    pub(crate) async fn write(
        &self,
        sql: &'static str,
        values: impl Into<Arc<[Value]>>,
    ) -> Result<Vec<D::Row>, TokenStoreError> {
        self.schema().await?;
        self.ask(sql, values.into(), Some(&self.writers)).await
    }

    async fn schema(&self) -> Result<(), TokenStoreError> {
        let made = self.schema.get_or_try_init(async || {
            let since = Instant::now();
            loop {
                match self.migrate_once().await {
                    Err(error) if self.goes_on(since, &error) => {}
                    outcome => return outcome.map_err(problem::<D>),
                }
            }
        });
        made.await.copied()
    }

    async fn migrate_once(&self) -> Result<(), sqlx::Error> {
        let _turn = turn(&self.turns).await?;
        let mut held = Held::of(&self.pool).await?;
        schema::migrate::<D>(held.get()?).await?;
        held.give_back();
        Ok(())
    }

    async fn ask(
        &self,
        sql: &'static str,
        values: Arc<[Value]>,
        writers: Option<&Arc<Semaphore>>,
    ) -> Result<Vec<D::Row>, TokenStoreError> {
        let since = Instant::now();
        loop {
            match self.ask_once(sql, &values, writers).await {
                Err(error) if self.goes_on(since, &error) => {}
                outcome => return outcome.map_err(problem::<D>),
            }
        }
    }

    /// Whether only others were in the way, and there is time to try again.
    fn goes_on(&self, since: Instant, error: &sqlx::Error) -> bool {
        fault::<D>(error) == Some(Fault::Again) && since.elapsed() < self.timeout * 3 / 4
    }

    /// Runs a statement whose turn has come, and to its end, also where nobody waits for it any more. To give it
    /// up would cost its connection, of which there are too few whenever statements are given up: the next
    /// would wait for a new one, be given up for that, and so on.
    async fn ask_once(
        &self,
        sql: &'static str,
        values: &Arc<[Value]>,
        writers: Option<&Arc<Semaphore>>,
    ) -> Result<Vec<D::Row>, sqlx::Error> {
        let writer = match writers {
            Some(writers) => Some(turn(writers).await?),
            None => None,
        };
        let turns = (writer, turn(&self.turns).await?);
        let (pool, values, timeout) = (self.pool.clone(), Arc::clone(values), self.timeout);
        let statement = async move {
            let _turns = turns;
            tokio::time::timeout(timeout, run::<D>(&pool, sql, &values)).await
        };
        let ended = tokio::spawn(statement).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        ended.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, sqlx::Error> {
    Arc::clone(turns).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)
}

async fn run<D: Driver>(
    pool: &Pool<D>,
    sql: &'static str,
    values: &[Value],
) -> Result<Vec<D::Row>, sqlx::Error> {
    let mut held = Held::of(pool).await?;
    let outcome = D::fetch(held.get()?, sql, values).await;
    if matches!(outcome, Ok(_) | Err(sqlx::Error::Database(_))) {
        held.give_back();
    }
    outcome
}

impl<D: Driver> fmt::Debug for Store<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, most) = (self.pool.size(), self.pool.options().get_max_connections());
        write!(f, "{open} of {most} connections")
    }
}

/// A connection that closes unless it is given back: nobody else shall wait for an answer to what was given
/// up, or be inside a transaction of somebody else's.
struct Held<D: sqlx::Database> {
    connection: Option<PoolConnection<D>>,
}

impl<D: sqlx::Database> Held<D> {
    async fn of(pool: &Pool<D>) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: Some(pool.acquire().await?) })
    }

    fn get(&mut self) -> Result<&mut D::Connection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl<D: sqlx::Database> Drop for Held<D> {
    fn drop(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

/// A record as a row of the statement `read` tells it.
pub(crate) fn stored<D: Driver>(row: &D::Row) -> Result<Stored, TokenStoreError> {
    let cells = || Ok((row.bytes(0)?, row.number(1)?, row.number(2)?, row.text(3)?, row.text(4)?));
    let (data, version, remaining, sub, sid) = cells().map_err(problem::<D>)?;
    let [sub, sid] = [sub, sid].map(|key| key.map(IndexKey::from_stored));
    Ok(Stored {
        record: Record::from_stored(data, sub, sid)?,
        version: Version::from_stored(version.cast_unsigned()),
        remaining: Duration::from_millis(remaining.try_into().unwrap_or_default()),
    })
}

/// Milliseconds, the begun one too, and so few that no sum of them is too large.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000))
        .map_or(i64::MAX / 4, |millis| millis.min(i64::MAX / 4))
}
