//! The nine operations, each one request to Redis or a few.

use crate::{
    RedisTokenStore,
    failure::Failure,
    link::Repeat,
    scripts::{self, Request},
};
use logto_storage_core::{
    Clock, Fence, Lease, TokenStore, TokenStoreError, TokenStoreErrorKind,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use redis::{FromRedisValue, Script, ScriptInvocation, Value, from_owned_redis_value};
use std::time::Duration;

/// For how many milliseconds longer than its lifetime Redis keeps a record: it is never gone before its time.
const GRACE: u64 = 1_000;
/// The same where the time is injected: it may stand still.
const GRACE_WITH_CLOCK: u64 = 3_600_000;
/// So many records are deleted at once, so that Redis serves others in between.
const MOST_AT_ONCE: u32 = 500;
/// How often a record is read anew before it is taken, while others write it.
const MOST_TRIES: u32 = 16;
/// Redis counts to 2^63: a fence begins far enough below.
const SPARE_BITS: u32 = 2;
/// Milliseconds of any lifetime: Lua counts to 2^53.
const LONGEST: u64 = 1 << 50;

/// What a script says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Absent,
    Conflict,
    Lost,
    Corrupt,
}

/// The fields of a record: data, version, until, sub, sid.
type Fields = [Option<Vec<u8>>; 5];

#[async_trait::async_trait]
impl TokenStore for RedisTokenStore {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        lifetime: Duration,
    ) -> Result<Version, TokenStoreError> {
        let version = Version::random()?;
        let mut call = self.script(&scripts::CREATE, self.key(key));
        self.record(&mut call, record, version, lifetime);
        // Nothing of a former record under this key is known: its fences are none of this one's.
        call.arg(Version::random()?.get() >> SPARE_BITS);
        match self.outcome(call, Repeat::Never).await?.0 {
            Outcome::Done => Ok(version),
            other => Err(other.into()),
        }
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        let mut commands = redis::pipe();
        commands.cmd("HMGET").arg(self.key(key)).arg(&["data", "version", "until", "sub", "sid"]);
        let (fields, now): (Fields, u64) = match &self.clock {
            Some(clock) => {
                let (fields,): (Fields,) = self.ask(Request::Commands(commands)).await?;
                (fields, moment(clock.as_ref()))
            }
            None => {
                commands.cmd("TIME");
                let (fields, (seconds, micros)): (Fields, (u64, u64)) =
                    self.ask(Request::Commands(commands)).await?;
                (fields, seconds.saturating_mul(1000).saturating_add(micros / 1000))
            }
        };
        stored(fields, now)
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
        let mut call = self.script(&scripts::SWAP, self.key(key));
        self.record(&mut call, record, version, lifetime);
        call.arg(seen.get());
        match fence {
            Some(fence) => call.arg(fence.get()),
            None => call.arg(""),
        };
        match self.outcome(call, Repeat::Allowed).await? {
            (Outcome::Done, _) => Ok(version),
            // The first sending may have been carried out, and overwritten since.
            (Outcome::Conflict | Outcome::Lost, true) => {
                Err(Failure::unavailable("whether the record was written is not known").into())
            }
            (other, _) => Err(other.into()),
        }
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        // Only what can be read is deleted, and only as it was read.
        for _ in 0..MOST_TRIES {
            let stored = self.read(key).await?;
            match self.remove(key, Some(stored.version)).await? {
                Outcome::Done => return Ok(stored),
                Outcome::Conflict => {}
                other => return Err(other.into()),
            }
        }
        Err(Failure::unavailable("others write the record all the time").into())
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        match self.remove(key, None).await? {
            Outcome::Done => Ok(true),
            Outcome::Absent => Ok(false),
            other => Err(other.into()),
        }
    }

    async fn acquire(&self, key: &RecordKey, lifetime: Duration) -> Result<Lease, TokenStoreError> {
        let mut call = self.script(&scripts::ACQUIRE, self.key(key));
        call.arg(millis(lifetime));
        let answer = self.link.run(&Request::Script(call), Repeat::Never).await?.value;
        let words: Vec<String> = parsed(answer)?;
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["done", fence, before] => {
                let fence = fence.parse().map_err(|_| TokenStoreError::from(Outcome::Corrupt))?;
                Ok(Lease { fence: Fence::new(fence), abandoned: *before == "abandoned" })
            }
            words => Err(Outcome::parse(words.first().unwrap_or(&""))?.into()),
        }
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, lifetime: Duration) -> Result<(), TokenStoreError> {
        let mut call = self.script(&scripts::RENEW, self.key(key));
        call.arg(millis(lifetime)).arg(fence.get());
        match self.outcome(call, Repeat::Allowed).await?.0 {
            Outcome::Done => Ok(()),
            other => Err(other.into()),
        }
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        let mut call = self.script(&scripts::RELEASE, self.key(key));
        call.arg(fence.get());
        self.outcome(call, Repeat::Allowed).await?;
        Ok(())
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        let mut call = self.script(&scripts::FIND, self.index_key(index));
        call.arg(index.as_str());
        let names: Vec<String> = self.ask(Request::Script(call)).await?;
        Ok(names.into_iter().map(RecordKey::from_stored).collect())
    }

    async fn delete_by(&self, index: &IndexKey) -> Result<u64, TokenStoreError> {
        let mut deleted = 0;
        loop {
            let mut call = self.script(&scripts::REMOVE_BY, self.index_key(index));
            call.arg(index.as_str()).arg(MOST_AT_ONCE);
            let answer = self.link.run(&Request::Script(call), Repeat::Never).await?.value;
            let (removed, left): (u64, u64) = parsed(answer)?;
            deleted += removed;
            if left == 0 {
                return Ok(deleted);
            }
        }
    }
}

impl RedisTokenStore {
    fn key(&self, key: &RecordKey) -> String {
        format!("{}{}", self.prefix, key.as_str())
    }

    fn index_key(&self, index: &IndexKey) -> String {
        format!("{}index:{}", self.prefix, index.as_str())
    }

    /// A call of a script, with what all scripts take.
    fn script<'a>(&self, script: &'a Script, key: String) -> ScriptInvocation<'a> {
        let mut call = script.key(key);
        call.arg(&self.prefix);
        match &self.clock {
            Some(clock) => call.arg(moment(clock.as_ref())).arg(GRACE_WITH_CLOCK),
            None => call.arg("").arg(GRACE),
        };
        call
    }

    /// Adds a record, and the keys of its indexes.
    fn record(&self, call: &mut ScriptInvocation<'_>, record: &Record, version: Version, lifetime: Duration) {
        call.arg(millis(lifetime)).arg(version.get()).arg(record.data());
        for index in [record.sub(), record.sid()] {
            call.arg(index.map(IndexKey::as_str).unwrap_or_default());
            if let Some(index) = index {
                call.key(self.index_key(index));
            }
        }
    }

    async fn remove(&self, key: &RecordKey, seen: Option<Version>) -> Result<Outcome, TokenStoreError> {
        let mut call = self.script(&scripts::REMOVE, self.key(key));
        match seen {
            Some(version) => call.arg(version.get()),
            None => call.arg(""),
        };
        Ok(self.outcome(call, Repeat::Never).await?.0)
    }

    /// What a script did, and whether it was sent before.
    async fn outcome(
        &self,
        call: ScriptInvocation<'_>,
        repeat: Repeat,
    ) -> Result<(Outcome, bool), TokenStoreError> {
        let answer = self.link.run(&Request::Script(call), repeat).await?;
        let word: String = parsed(answer.value)?;
        Ok((Outcome::parse(&word)?, answer.again))
    }

    /// The answer to what changes nothing.
    async fn ask<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, TokenStoreError> {
        Ok(parsed(self.link.run(&request, Repeat::Allowed).await?.value)?)
    }
}

impl Outcome {
    fn parse(word: &str) -> Result<Self, Failure> {
        Ok(match word {
            "done" => Self::Done,
            "absent" | "over" => Self::Absent,
            "conflict" => Self::Conflict,
            "lost" => Self::Lost,
            "corrupt" => Self::Corrupt,
            _ => return Err(Failure::misconfigured("the server does not run scripts as Redis does")),
        })
    }
}

impl From<Outcome> for TokenStoreError {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Absent => TokenStoreErrorKind::NotFound.into(),
            Outcome::Conflict => TokenStoreErrorKind::Conflict.into(),
            Outcome::Lost => TokenStoreErrorKind::LeaseLost.into(),
            Outcome::Done | Outcome::Corrupt => {
                Failure::corrupt("the fields under the key are not those of a record").into()
            }
        }
    }
}

fn stored([data, version, until, sub, sid]: Fields, now: u64) -> Result<Stored, TokenStoreError> {
    let corrupt = || TokenStoreError::from(Outcome::Corrupt);
    if data.is_none() && version.is_none() && until.is_none() {
        return Err(TokenStoreErrorKind::NotFound.into());
    }
    let text = |field: Option<Vec<u8>>| String::from_utf8(field.unwrap_or_default()).map_err(|_| corrupt());
    let until: u64 = text(until)?.parse().map_err(|_| corrupt())?;
    if until <= now {
        return Err(TokenStoreErrorKind::NotFound.into());
    }
    let version = text(version)?.parse().map_err(|_| corrupt())?;
    let index = |name: String| (!name.is_empty()).then(|| IndexKey::from_stored(name));
    let record = Record::from_stored(data.ok_or_else(corrupt)?, index(text(sub)?), index(text(sid)?))?;
    Ok(Stored {
        record,
        version: Version::from_stored(version),
        remaining: Duration::from_millis(until - now),
    })
}

fn parsed<T: FromRedisValue>(value: Value) -> Result<T, Failure> {
    Ok(from_owned_redis_value(value)?)
}

fn moment(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.now().as_millis()).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// Milliseconds, of which a part counts as a whole one.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).map_or(LONGEST, |millis| millis.min(LONGEST))
}
