//! What both stores offer, over the one store behind them.

macro_rules! token_store {
    ($name:ident, $database:ty, $url:literal) => {
        impl $name {
            /// A store over a pool of the application's, which may serve other tables too. The schema is laid
            /// out at the first use, or by [`migrate`](Self::migrate).
            ///
            /// ```
            /// # #[tokio::main]
            /// # async fn main() -> Result<(), logto_storage_sqlx::sqlx::Error> {
            #[doc = concat!("use logto_storage_sqlx::{", stringify!($name), ", sqlx};")]
            ///
            #[doc = concat!(
                        "let options = sqlx::pool::PoolOptions::<sqlx::", stringify!($database), ">::new();"
                    )]
            #[doc = concat!("let pool = options.max_connections(20).connect_lazy(\"", $url, "\")?;")]
            #[doc = concat!("let store = ", stringify!($name), "::new(pool.clone());")]
            /// # Ok(())
            /// # }
            /// ```
            #[must_use]
            pub fn new(pool: sqlx::Pool<$database>) -> Self {
                Self(Store::new(pool))
            }

            /// How long an operation may take before it is `Unavailable`; default 2 s, of which a connection
            /// is waited for at most 1 s in a pool that the store has opened itself.
            ///
            /// ```no_run
            /// # async fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
            #[doc = concat!("use logto_storage_sqlx::", stringify!($name), ";")]
            /// use std::time::Duration;
            ///
            #[doc = concat!("let store = ", stringify!($name), "::connect(\"", $url, "\").await?;")]
            /// let store = store.with_timeout(Duration::from_millis(500));
            /// # Ok(())
            /// # }
            /// ```
            #[must_use]
            pub fn with_timeout(self, timeout: std::time::Duration) -> Self {
                Self(self.0.with_timeout(timeout))
            }

            /// What time it is, instead of the database's own: for tests, which move it.
            ///
            /// ```no_run
            /// # async fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
            /// use logto_storage_core::ManualClock;
            #[doc = concat!("use logto_storage_sqlx::", stringify!($name), ";")]
            /// use std::{sync::Arc, time::Duration};
            ///
            /// let clock = ManualClock::start_now();
            #[doc = concat!("let store = ", stringify!($name), "::connect(\"", $url, "\").await?;")]
            /// let store = store.with_clock(Arc::new(clock.clone()));
            /// clock.advance(Duration::from_secs(3600));
            /// # Ok(())
            /// # }
            /// ```
            #[must_use]
            pub fn with_clock(self, clock: std::sync::Arc<dyn logto_storage_core::Clock>) -> Self {
                Self(self.0.with_clock(clock))
            }

            /// The connections of the store, for example to close them in good order.
            ///
            /// ```
            #[doc = concat!("# async fn run(store: logto_storage_sqlx::", stringify!($name), ") {")]
            /// store.pool().close().await;
            /// # }
            /// ```
            #[must_use]
            pub fn pool(&self) -> &sqlx::Pool<$database> {
                self.0.pool()
            }

            /// Lays out the schema, or brings it up to date; any number of processes may do so at once. The
            /// first operation of a store does the same. Where the schema is as it must be nothing is written,
            /// and the right to read and write rows is enough.
            ///
            /// ```no_run
            /// # async fn run() -> Result<(), logto_storage_sqlx::TokenStoreError> {
            #[doc = concat!("use logto_storage_sqlx::", stringify!($name), ";")]
            ///
            #[doc = concat!("let store = ", stringify!($name), "::connect_lazily(\"", $url, "\")?;")]
            /// store.migrate().await?;
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            ///
            /// `Misconfigured` where the schema was made by a newer version of this crate, or may not be made;
            /// `Unavailable` where the database does not answer.
            pub async fn migrate(&self) -> Result<(), logto_storage_core::TokenStoreError> {
                self.0.migrate().await
            }

            /// Removes records that have expired, at most so many; how many there were. The store does this
            /// itself, in small steps, when it creates records. What has expired is absent also while it still
            /// lies there.
            ///
            /// ```
            /// # async fn run(
            #[doc = concat!("#     store: logto_storage_sqlx::", stringify!($name), ",")]
            /// # ) -> Result<(), logto_storage_sqlx::TokenStoreError> {
            /// while store.remove_expired(1000).await? == 1000 {}
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            ///
            /// `Unavailable` where the database does not answer, or takes too long: ask for less then.
            pub async fn remove_expired(
                &self,
                most: u32,
            ) -> Result<u64, logto_storage_core::TokenStoreError> {
                self.0.remove_expired(most).await
            }
        }

        const _: () = {
            use logto_storage_core::{
                Fence, Lease, TokenStore, TokenStoreError,
                token_store::{IndexKey, Record, RecordKey, Stored, Version},
            };
            use std::time::Duration;

            #[async_trait::async_trait]
            impl TokenStore for $name {
                async fn create(
                    &self,
                    key: &RecordKey,
                    record: &Record,
                    lifetime: Duration,
                ) -> Result<Version, TokenStoreError> {
                    self.0.create(key, record, lifetime).await
                }

                async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
                    self.0.read(key).await
                }

                async fn swap(
                    &self,
                    key: &RecordKey,
                    seen: Version,
                    record: &Record,
                    lifetime: Duration,
                    fence: Option<Fence>,
                ) -> Result<Version, TokenStoreError> {
                    self.0.swap(key, seen, record, lifetime, fence).await
                }

                async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
                    self.0.take(key).await
                }

                async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
                    self.0.delete(key).await
                }

                async fn acquire(
                    &self,
                    key: &RecordKey,
                    lifetime: Duration,
                ) -> Result<Lease, TokenStoreError> {
                    self.0.acquire(key, lifetime).await
                }

                async fn renew(
                    &self,
                    key: &RecordKey,
                    fence: Fence,
                    lifetime: Duration,
                ) -> Result<(), TokenStoreError> {
                    self.0.renew(key, fence, lifetime).await
                }

                async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
                    self.0.release(key, fence).await
                }

                async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
                    self.0.find(index).await
                }

                async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
                    self.0.delete_by(index).await
                }
            }
        };
    };
}

pub(crate) use token_store;
