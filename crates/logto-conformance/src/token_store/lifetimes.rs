//! Lifetimes of records.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, MILLISECOND, Outcome, equal, plain},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::TokenStoreErrorKind::Conflict;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// To the millisecond.
pub async fn a_record_lives_to_the_last_millisecond_and_no_longer<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create_for("name", Some("alice"), None).await?;
    lab.harness.advance(HOUR / 2);
    equal("at half its life", lab.holds(&key, "name").await?.remaining, HOUR / 2)?;
    lab.harness.advance(HOUR / 2 - MILLISECOND);
    equal("a millisecond before its end", lab.holds(&key, "name").await?.remaining, MILLISECOND)?;
    lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
    lab.store.create(&key, &plain("other"), HOUR).await.refused(Conflict, "creating over a living record")?;
    lab.harness.advance(MILLISECOND);
    lab.gone(&key).await?;
    lab.finds(&lab.realm.sub("alice"), &[]).await?;
    Ok(Passed)
}

/// Whether it lies there still or not, and whatever comes first.
pub async fn what_is_over_is_not_found_by_any_operation<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let of_an_index = Lab::<H>::OPERATIONS;
    for first in 0..=of_an_index {
        let (key, version) = lab.create_for("name", Some("alice"), Some("s1")).await?;
        lab.store.acquire(&key, 2 * HOUR).await.fine("acquiring the lease")?;
        lab.harness.advance(HOUR);
        if first != of_an_index {
            lab.absent_for(&key, version, first).await?;
        }
        let ended = lab.store.delete_by(&lab.realm.sub("alice")).await.fine("deleting by index")?;
        equal("records that were over and are counted as deleted", ended, 0)?;
        lab.absent_for_every_operation(&key, version).await?;
        lab.finds(&lab.realm.sub("alice"), &[]).await?;
        lab.finds(&lab.realm.sid("s1"), &[]).await?;
    }
    Ok(Passed)
}

/// With nothing of the former record: neither version, index nor lease.
pub async fn what_is_over_can_be_created_again<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, before) = lab.create_for("name", Some("alice"), Some("s1")).await?;
    lab.store.acquire(&key, 9 * HOUR).await.fine("acquiring the lease")?;
    lab.harness.advance(HOUR);
    let (key, after) = lab.create_for("name", Some("bob"), None).await?;
    let stored = lab.holds(&key, "name").await?;
    equal("its version", stored.version, after)?;
    equal("its remaining lifetime", stored.remaining, HOUR)?;
    lab.store.swap(&key, before, &plain("late"), HOUR, None).await.refused(Conflict, "a late swap")?;
    lab.finds(&lab.realm.sub("alice"), &[]).await?;
    lab.finds(&lab.realm.sid("s1"), &[]).await?;
    lab.finds(&lab.realm.sub("bob"), &[&key]).await?;
    let lease = lab.store.acquire(&key, HOUR).await.fine("acquiring the new record's lease")?;
    equal("the new record's lease was abandoned", lease.abandoned, false)?;
    Ok(Passed)
}

/// A longer one, and a shorter one, from now on.
pub async fn a_swap_sets_a_new_lifetime<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create_for("name", Some("alice"), None).await?;
    lab.harness.advance(HOUR - MILLISECOND);
    let record = lab.record("name", Some("alice"), None);
    let version = lab.store.swap(&key, version, &record, 3 * HOUR, None).await.fine("a longer life")?;
    equal("its remaining lifetime", lab.holds(&key, "name").await?.remaining, 3 * HOUR)?;
    lab.harness.advance(2 * HOUR);
    lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
    lab.store.swap(&key, version, &record, Duration::from_secs(1), None).await.fine("a shorter life")?;
    lab.harness.advance(Duration::from_millis(999));
    equal("its remaining lifetime", lab.holds(&key, "name").await?.remaining, MILLISECOND)?;
    lab.harness.advance(MILLISECOND);
    lab.gone(&key).await?;
    lab.finds(&lab.realm.sub("alice"), &[]).await?;
    Ok(Passed)
}

/// Neither is over at once, neither lives for ever.
pub async fn a_lifetime_may_be_a_millisecond_or_ten_years<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for lifetime in [MILLISECOND, 400 * DAY, 3653 * DAY] {
        let key = lab.key(&format!("{lifetime:?}"));
        let record = lab.record("payload", Some("alice"), None);
        lab.store.create(&key, &record, lifetime).await.fine("creating a record")?;
        equal("its remaining lifetime", lab.holds(&key, "payload").await?.remaining, lifetime)?;
        lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
        lab.harness.advance(lifetime - MILLISECOND);
        equal("its remaining lifetime", lab.holds(&key, "payload").await?.remaining, MILLISECOND)?;
        lab.harness.advance(MILLISECOND);
        lab.gone(&key).await?;
        lab.finds(&lab.realm.sub("alice"), &[]).await?;
    }
    Ok(Passed)
}
