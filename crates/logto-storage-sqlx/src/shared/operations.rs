//! The operations of a token store, each one statement, and one more where it is refused.

use super::{
    driver::{Cells, Driver, Value},
    error::problem,
    store::{Store, millis, stored},
};
use logto_storage_core::{
    Fence, Lease, TokenStore, TokenStoreError, TokenStoreErrorKind,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::time::Duration;

impl<D: Driver> Store<D> {
    async fn look(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        let rows = self.select(D::STATEMENTS.read, [self.now(), text(key)]).await?;
        stored::<D>(rows.first().ok_or(TokenStoreErrorKind::NotFound)?)
    }

    /// Why a statement about this record has found nothing to write: the record is gone, or its lease has
    /// another number, or what else the statement asks for is not so.
    async fn refusal(
        &self,
        key: &RecordKey,
        fence: Option<Fence>,
        otherwise: TokenStoreErrorKind,
    ) -> TokenStoreError {
        let found = async {
            let rows = self.select(D::STATEMENTS.fence, [self.now(), text(key)]).await?;
            let row = rows.first().ok_or(TokenStoreErrorKind::NotFound)?;
            row.number(0).map_err(problem::<D>)
        };
        match found.await {
            Ok(now) if fence.is_some_and(|fence| number(fence) != now) => {
                TokenStoreErrorKind::LeaseLost.into()
            }
            Ok(_) => otherwise.into(),
            Err(error) => error,
        }
    }
}

#[async_trait::async_trait]
impl<D: Driver> TokenStore for Store<D> {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        lifetime: Duration,
    ) -> Result<Version, TokenStoreError> {
        let version = Version::random()?;
        let values = [
            self.now(),
            text(key),
            Value::Data(record.clone()),
            Value::Number(version.get().cast_signed()),
            Value::Number(millis(lifetime)),
            index(record.sub()),
            index(record.sid()),
            Value::Number(first_fence()?),
        ];
        if self.in_time(self.write(D::STATEMENTS.create, values)).await?.is_empty() {
            return Err(TokenStoreErrorKind::Conflict.into());
        }
        self.tidy().await;
        Ok(version)
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        self.in_time(self.look(key)).await
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        lifetime: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        let version = Version::random()?;
        let values = [
            self.now(),
            text(key),
            Value::Data(record.clone()),
            Value::Number(version.get().cast_signed()),
            Value::Number(millis(lifetime)),
            index(record.sub()),
            index(record.sid()),
            Value::Number(seen.get().cast_signed()),
            Value::NumberOrNull(fence.map(number)),
        ];
        self.in_time(async {
            if self.write(D::STATEMENTS.swap, values).await?.is_empty() {
                return Err(self.refusal(key, fence, TokenStoreErrorKind::Conflict).await);
            }
            Ok(version)
        })
        .await
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        self.in_time(async {
            loop {
                // What cannot be read stays where it is.
                let stored = self.look(key).await?;
                let version = Value::Number(stored.version.get().cast_signed());
                let values = [self.now(), text(key), version];
                if !self.write(D::STATEMENTS.take, values).await?.is_empty() {
                    return Ok(stored);
                }
            }
        })
        .await
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        let values = [self.now(), text(key)];
        let rows = self.in_time(self.write(D::STATEMENTS.delete, values)).await?;
        Ok(alive::<D>(&rows)? > 0)
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Result<Lease, TokenStoreError> {
        let values = [self.now(), text(key), Value::Number(millis(lifetime))];
        self.in_time(async {
            let rows = self.write(D::STATEMENTS.acquire, values).await?;
            let Some(row) = rows.first() else {
                return Err(self.refusal(key, None, TokenStoreErrorKind::Conflict).await);
            };
            let (fence, released) =
                (row.number(0).map_err(problem::<D>)?, row.number(1).map_err(problem::<D>)?);
            Ok(Lease { fence: Fence::new(fence.cast_unsigned()), abandoned: released < fence - 1 })
        })
        .await
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Result<(), TokenStoreError> {
        let values = [self.now(), text(key), Value::Number(millis(lifetime)), Value::Number(number(fence))];
        self.in_time(async {
            if self.write(D::STATEMENTS.renew, values).await?.is_empty() {
                return Err(self.refusal(key, None, TokenStoreErrorKind::LeaseLost).await);
            }
            Ok(())
        })
        .await
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        let values = [self.now(), text(key), Value::Number(number(fence))];
        self.in_time(self.write(D::STATEMENTS.release, values)).await.map(drop)
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        let values = [self.now(), Value::Text(index.as_str().to_owned())];
        let rows = self.in_time(self.select(D::STATEMENTS.find, values)).await?;
        let keys = rows.iter().map(|row| row.text(0).map_err(problem::<D>));
        keys.filter_map(|key| key.map(|key| key.map(RecordKey::from_stored)).transpose()).collect()
    }

    async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
        let values = [self.now(), Value::Text(index.as_str().to_owned())];
        let rows = self.in_time(self.write(D::STATEMENTS.delete_by, values)).await?;
        alive::<D>(&rows)
    }
}

fn text(key: &RecordKey) -> Value {
    Value::Text(key.as_str().to_owned())
}

fn index(key: Option<&IndexKey>) -> Value {
    Value::TextOrNull(key.map(|key| key.as_str().to_owned()))
}

/// The number that comes before the first lease of a record: small enough to be counted up for ever.
fn first_fence() -> Result<i64, TokenStoreError> {
    Ok((Version::random()?.get() >> 2).cast_signed())
}

fn number(fence: Fence) -> i64 {
    fence.get().cast_signed()
}

/// How many of the deleted rows had time left.
fn alive<D: Driver>(rows: &[D::Row]) -> Result<u64, TokenStoreError> {
    let mut alive = 0;
    for row in rows {
        alive += u64::from(row.number(0).map_err(problem::<D>)? > 0);
    }
    Ok(alive)
}
