//! Records: created, read, swapped, taken, deleted.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, Outcome, equal, plain},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::TokenStoreErrorKind::{Conflict, NotFound};
use std::collections::HashSet;

/// Payload, both indexes, version and remaining lifetime.
pub async fn a_record_is_read_as_it_was_written<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let indexes = [(None, None), (Some("alice"), None), (None, Some("s1")), (Some("alice"), Some("s1"))];
    for (number, (sub, sid)) in indexes.into_iter().enumerate() {
        let (key, record) = (lab.key(&number.to_string()), lab.record("payload", sub, sid));
        let version = lab.store.create(&key, &record, HOUR).await.fine("creating a record")?;
        for _ in 0..2 {
            let stored = lab.holds(&key, "payload").await?;
            equal("its bytes", stored.record.data(), record.data())?;
            equal(
                "what it is found by",
                (stored.record.sub(), stored.record.sid()),
                (record.sub(), record.sid()),
            )?;
            equal("its version", stored.version, version)?;
            equal("its remaining lifetime", stored.remaining, HOUR)?;
        }
    }
    Ok(Passed)
}

/// No operation finds or makes it.
pub async fn what_was_never_written_is_not_found<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (_, version) = lab.create("another", "payload").await?;
    lab.absent_for_every_operation(&lab.key("absent"), version).await?;
    Ok(Passed)
}

/// Neither data nor indexes, version, lifetime or lease.
pub async fn creating_over_a_record_is_a_conflict_that_changes_nothing<H: Harness>() -> Result<Verdict, String>
{
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create_for("first", Some("alice"), Some("s1")).await?;
    lab.store.acquire(&key, HOUR).await.fine("acquiring the lease")?;
    let second = lab.record("second", Some("bob"), None);
    lab.store.create(&key, &second, 2 * HOUR).await.refused(Conflict, "creating over a record")?;
    let stored = lab.holds(&key, "first").await?;
    equal("its version", stored.version, version)?;
    equal("its remaining lifetime", stored.remaining, HOUR)?;
    lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
    lab.finds(&lab.realm.sub("bob"), &[]).await?;
    lab.store.acquire(&key, HOUR).await.refused(Conflict, "acquiring a lease that is held")?;
    Ok(Passed)
}

/// With other data, and nothing of the former record.
pub async fn a_deleted_record_can_be_created_again<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for round in 0..3 {
        let (key, version) = lab.create("name", &format!("round {round}")).await?;
        equal("its version", lab.holds(&key, &format!("round {round}")).await?.version, version)?;
        match round {
            0 => drop(lab.store.take(&key).await.fine("taking the record")?),
            _ => equal("deleted", lab.store.delete(&key).await.fine("deleting the record")?, true)?,
        }
    }
    Ok(Passed)
}

/// Where the version is the one that was seen.
pub async fn a_swap_writes_the_record_anew<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, first) = lab.create("name", "one").await?;
    let second = lab.store.swap(&key, first, &plain("two"), HOUR, None).await.fine("the first swap")?;
    equal("its version", lab.holds(&key, "two").await?.version, second)?;
    let read = lab.store.read(&key).await.fine("reading")?.version;
    // The same bytes once more are a write, too.
    let third = lab.store.swap(&key, read, &plain("two"), HOUR, None).await.fine("the second swap")?;
    equal("its version", lab.holds(&key, "two").await?.version, third)?;
    equal("all versions", HashSet::from([first, second, third]).len(), 3)?;
    Ok(Passed)
}

/// Nor its lifetime, and the right version is right after it.
pub async fn a_swap_of_an_older_version_is_a_conflict_that_changes_nothing<H: Harness>()
-> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, first) = lab.create_for("one", Some("alice"), None).await?;
    let two = lab.record("two", Some("alice"), None);
    let second = lab.store.swap(&key, first, &two, HOUR, None).await.fine("the first swap")?;
    let late = lab.record("late", Some("bob"), None);
    lab.store
        .swap(&key, first, &late, 2 * HOUR, None)
        .await
        .refused(Conflict, "a swap of an older version")?;
    let stored = lab.holds(&key, "two").await?;
    equal("its version", stored.version, second)?;
    equal("its remaining lifetime", stored.remaining, HOUR)?;
    lab.finds(&lab.realm.sub("bob"), &[]).await?;
    lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
    lab.store.swap(&key, second, &two, HOUR, None).await.fine("the second swap")?;
    Ok(Passed)
}

/// Also where the new record looks like the old one.
pub async fn a_version_from_before_a_deletion_is_a_conflict<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for _ in 0..20 {
        let (key, before) = lab.create("name", "same").await?;
        lab.store.delete(&key).await.fine("deleting")?;
        let (key, after) = lab.create("name", "same").await?;
        lab.store.swap(&key, before, &plain("late"), HOUR, None).await.refused(Conflict, "a late swap")?;
        equal("its version", lab.holds(&key, "same").await?.version, after)?;
        lab.store.take(&key).await.fine("taking")?;
    }
    Ok(Passed)
}

/// A deletion beats what comes later.
pub async fn a_swap_after_a_deletion_makes_no_record<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for take in [false, true] {
        let (key, version) = lab.create_for("name", Some("alice"), None).await?;
        let lease = lab.store.acquire(&key, HOUR).await.fine("acquiring the lease")?;
        match take {
            true => drop(lab.store.take(&key).await.fine("taking")?),
            false => drop(lab.store.delete(&key).await.fine("deleting")?),
        }
        let late = lab.record("late", Some("alice"), None);
        for fence in [None, Some(lease.fence)] {
            let swapped = lab.store.swap(&key, version, &late, HOUR, fence).await;
            swapped.refused(NotFound, "a swap after a deletion")?;
        }
        lab.gone(&key).await?;
        lab.finds(&lab.realm.sub("alice"), &[]).await?;
    }
    Ok(Passed)
}

/// Over 1 000 swaps, and some deletions.
pub async fn versions_never_come_back<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let mut seen = HashSet::new();
    for _ in 0..10 {
        let (key, mut version) = lab.create("name", "payload").await?;
        for _ in 0..100 {
            equal("a version was there before", seen.insert(version), true)?;
            version = lab.store.swap(&key, version, &plain("payload"), HOUR, None).await.fine("a swap")?;
        }
        equal("a version was there before", seen.insert(version), true)?;
        lab.store.delete(&key).await.fine("deleting")?;
    }
    Ok(Passed)
}

/// As it was last written, and once.
pub async fn taking_gives_the_record_and_ends_it<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create_for("name", Some("alice"), Some("s1")).await?;
    let record = lab.record("two", Some("alice"), Some("s2"));
    let version = lab.store.swap(&key, version, &record, HOUR, None).await.fine("a swap")?;
    let taken = lab.store.take(&key).await.fine("taking")?;
    equal("the taken bytes", taken.record.data(), record.data())?;
    equal("what it was found by", (taken.record.sub(), taken.record.sid()), (record.sub(), record.sid()))?;
    equal("its version", taken.version, version)?;
    equal("its remaining lifetime", taken.remaining, HOUR)?;
    lab.store.take(&key).await.refused(NotFound, "taking twice")?;
    lab.absent_for_every_operation(&key, version).await?;
    Ok(Passed)
}

/// And leaves no trace of it.
pub async fn deleting_tells_whether_there_was_a_record<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create_for("name", Some("alice"), Some("s1")).await?;
    let (other, _) = lab.create("other", "other").await?;
    equal("deleted", lab.store.delete(&key).await.fine("deleting")?, true)?;
    equal("deleted twice", lab.store.delete(&key).await.fine("deleting")?, false)?;
    lab.absent_for_every_operation(&key, version).await?;
    lab.finds(&lab.realm.sub("alice"), &[]).await?;
    lab.holds(&other, "other").await?;
    Ok(Passed)
}
