//! Stores that do not answer, and what errors and stores show.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, Outcome, equal, shown},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::{
    Fence, TokenStore, TokenStoreError, TokenStoreErrorKind,
    token_store::{IndexKey, Record, RecordKey, Version},
};
use std::{error::Error, future::Future, time::Duration};

/// So long an operation may take where the store does not answer.
const LONGEST: Duration = Duration::from_secs(10);
const CANARY: &str = "canary-of-the-payload";

/// What every operation gave, success without its value.
type Outcomes = [(&'static str, Result<(), TokenStoreError>); 10];

/// All operations on this record, one after another.
async fn every_operation(
    store: &dyn TokenStore,
    key: &RecordKey,
    record: &Record,
    seen: Version,
    fence: Fence,
    index: &IndexKey,
) -> Result<Outcomes, String> {
    async fn in_time<T>(
        what: &'static str,
        operation: impl Future<Output = Result<T, TokenStoreError>>,
    ) -> Result<(&'static str, Result<(), TokenStoreError>), String> {
        let given = tokio::time::timeout(LONGEST, operation).await;
        let given = given.map_err(|_| format!("{what} gives nothing within {LONGEST:?}"))?;
        Ok((what, given.map(drop)))
    }
    Ok([
        in_time("create", store.create(key, record, HOUR)).await?,
        in_time("read", store.read(key)).await?,
        in_time("swap", store.swap(key, seen, record, HOUR, None)).await?,
        in_time("acquire", store.acquire(key, HOUR)).await?,
        in_time("renew", store.renew(key, fence, HOUR)).await?,
        in_time("release", store.release(key, fence)).await?,
        in_time("find", store.find(index)).await?,
        in_time("take", store.take(key)).await?,
        in_time("delete", store.delete(key)).await?,
        in_time("delete_by", store.delete_by(index)).await?,
    ])
}

/// Every operation says so in time and why, on old handles and new ones; afterwards all is there.
pub async fn a_store_that_is_away_is_unavailable_and_comes_back_whole<H: Harness>() -> Result<Verdict, String>
{
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create_for("name", Some("alice"), Some("s1")).await?;
    let fence = lab.store.acquire(&key, HOUR).await.fine("acquiring")?.fence;
    let (person, record) = (lab.realm.sub("alice"), lab.record("new", Some("alice"), None));
    for _ in 0..2 {
        if !lab.harness.break_store().await {
            return Ok(NotApplicable);
        }
        let outcomes = every_operation(&*lab.store, &key, &record, version, fence, &person).await?;
        for (what, outcome) in outcomes {
            match outcome {
                Err(error) if error.source().is_none() => {
                    return Err(format!("{what} gives no source: {}", shown(&error)));
                }
                outcome => outcome.refused(TokenStoreErrorKind::Unavailable, what)?,
            }
        }
        lab.harness.mend_store().await;

        let stored = lab.holds(&key, "name").await?;
        equal("its version", stored.version, version)?;
        equal("its remaining lifetime", stored.remaining, HOUR)?;
        lab.finds(&person, &[&key]).await?;
        let acquired = lab.harness.store().acquire(&key, HOUR).await;
        acquired.refused(TokenStoreErrorKind::Conflict, "acquiring a lease that is held")?;
        lab.store.renew(&key, fence, HOUR).await.fine("renewing")?;
    }
    lab.store.swap(&key, version, &record, HOUR, Some(fence)).await.fine("a swap after that")?;
    lab.store.release(&key, fence).await.fine("releasing after that")?;
    equal("deleted", lab.store.delete_by(&person).await.fine("deleting by index after that")?, 1)?;
    lab.create("name", "new").await?;
    lab.store.take(&key).await.fine("taking after that")?;
    Ok(Passed)
}

/// What none of these may be found in: bytes too, as `Debug` prints them.
fn secrets(key: &RecordKey, index: &IndexKey) -> [String; 4] {
    let bytes: Vec<String> = CANARY.bytes().map(|byte| byte.to_string()).collect();
    [CANARY.to_owned(), bytes.join(", "), key.as_str().to_owned(), index.as_str().to_owned()]
}

fn hides(what: &str, text: &str, secrets: &[String]) -> Result<(), String> {
    match secrets.iter().find(|secret| text.contains(*secret)) {
        Some(secret) => Err(format!("{what} shows {secret}: {text}")),
        None => Ok(()),
    }
}

/// Whatever the reason: neither by `Display` nor by `Debug`, sources included.
pub async fn errors_show_neither_keys_nor_data<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, person) = (lab.key("name"), lab.realm.sub("alice"));
    let record = lab.record(CANARY, Some("alice"), Some("s1"));
    let secrets = secrets(&key, &person);
    let mut errors = 0;
    for trouble in ["an absent record", "a conflict", "a damaged record", "a newer record", "an outage"] {
        let (seen, fence) = (Version::from_stored(1), Fence::new(u64::MAX / 4));
        let canary = CANARY.as_bytes();
        match trouble {
            "a conflict" => {
                lab.store.create(&key, &record, HOUR).await.fine("creating")?;
                lab.store.acquire(&key, HOUR).await.fine("acquiring")?;
            }
            "a damaged record" => {
                lab.store.create(&key, &record, HOUR).await.fine("creating")?;
                lab.harness.overwrite(&key, canary).await;
            }
            "a newer record" => {
                lab.store.create(&key, &record, HOUR).await.fine("creating")?;
                lab.harness.overwrite(&key, &[b"LT\xff", canary].concat()).await;
            }
            "an outage" => drop(lab.harness.break_store().await),
            _ => {}
        }
        for (what, outcome) in every_operation(&*lab.store, &key, &record, seen, fence, &person).await? {
            if let Err(error) = outcome {
                errors += 1;
                hides(&format!("the error of {what}, {trouble},"), &shown(&error), &secrets)?;
            }
        }
    }
    equal("there were errors", errors > 6, true)?;
    Ok(Passed)
}

/// Its own `Debug`, whatever it keeps.
pub async fn a_store_shows_no_content<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, person) = (lab.key("name"), lab.realm.sub("alice"));
    let record = lab.record(CANARY, Some("alice"), Some("s1"));
    lab.store.create(&key, &record, HOUR).await.fine("creating")?;
    lab.store.read(&key).await.fine("reading")?;
    lab.store.find(&person).await.fine("finding")?;
    let secrets = secrets(&key, &person);
    hides("the store", &format!("{:?} {:#?}", lab.store, lab.store), &secrets)?;
    hides("a handle", &format!("{:?}", lab.harness.store()), &secrets)?;
    Ok(Passed)
}
