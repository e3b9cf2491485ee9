//! Leases: acquired, held, renewed, released, lost.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, MILLISECOND, Outcome, at_once, equal, plain},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::TokenStoreErrorKind::{Conflict, LeaseLost, NotFound};
use std::{sync::Arc, time::Duration};

const TEN: Duration = Duration::from_secs(10);

/// Also for another handle; other records have leases of their own.
pub async fn a_lease_is_held_by_one<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    let lease = lab.store.acquire(&key, TEN).await.fine("acquiring")?;
    equal("the first lease was abandoned before", lease.abandoned, false)?;
    for store in [&lab.store, &lab.harness.store()] {
        store.acquire(&key, TEN).await.refused(Conflict, "acquiring a lease that is held")?;
    }
    let (other, _) = lab.create("other", "payload").await?;
    lab.store.acquire(&other, TEN).await.fine("acquiring another record's lease")?;
    lab.store.acquire(&lab.key("absent"), TEN).await.refused(NotFound, "a lease of no record")?;
    Ok(Passed)
}

/// Over several handles; the others are conflicts.
pub async fn of_1000_who_acquire_a_lease_one_has_it<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create("name", "payload").await?;
    let handles = lab.handles(4);
    let acquired = at_once(1000, |index| {
        let (store, key) = (Arc::clone(&handles[index % handles.len()]), key.clone());
        async move { store.acquire(&key, TEN).await }
    });
    let mut leases = Vec::new();
    for acquired in acquired.await? {
        match acquired {
            Ok(lease) => leases.push(lease),
            refused => refused.refused(Conflict, "acquiring a lease that somebody else has")?,
        }
    }
    let [lease] = leases[..] else { return Err(format!("{} have the lease", leases.len())) };
    let swapped = lab.store.swap(&key, version, &plain("payload"), HOUR, Some(lease.fence)).await;
    swapped.fine("a write by who has it")?;
    Ok(Passed)
}

/// Who comes next finds that the one before has given it back.
pub async fn a_released_lease_goes_to_the_next<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    for _ in 0..5 {
        let lease = lab.store.acquire(&key, TEN).await.fine("acquiring")?;
        equal("a lease that was given back was abandoned", lease.abandoned, false)?;
        lab.store.acquire(&key, TEN).await.refused(Conflict, "acquiring a lease that is held")?;
        lab.harness.store().release(&key, lease.fence).await.fine("releasing")?;
        lab.store.release(&key, lease.fence).await.fine("releasing twice")?;
    }
    Ok(Passed)
}

/// To the millisecond.
pub async fn a_lease_is_held_to_its_last_millisecond_and_no_longer<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    lab.store.acquire(&key, TEN).await.fine("acquiring")?;
    lab.harness.advance(TEN - MILLISECOND);
    lab.store.acquire(&key, TEN).await.refused(Conflict, "acquiring a millisecond before its end")?;
    lab.harness.advance(MILLISECOND);
    lab.store.acquire(&key, MILLISECOND).await.fine("acquiring at its end")?;
    lab.store.acquire(&key, TEN).await.refused(Conflict, "acquiring a lease of a millisecond")?;
    lab.harness.advance(MILLISECOND);
    lab.store.acquire(&key, TEN).await.fine("acquiring after a millisecond")?;
    Ok(Passed)
}

/// And only then, also where it was given back late or had been renewed.
pub async fn a_lease_is_abandoned_where_it_was_not_given_back<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    let abandoned = async |expected: bool| {
        let lease = lab.store.acquire(&key, TEN).await.fine("acquiring")?;
        equal("the former lease was abandoned", lease.abandoned, expected)?;
        Ok::<_, String>(lease.fence)
    };
    abandoned(false).await?;
    lab.harness.advance(TEN);
    let fence = abandoned(true).await?;
    lab.store.release(&key, fence).await.fine("releasing")?;
    let fence = abandoned(false).await?;
    lab.store.renew(&key, fence, HOUR / 2).await.fine("renewing")?;
    lab.harness.advance(HOUR / 2);
    let fence = abandoned(true).await?;
    lab.harness.advance(TEN);
    lab.store.release(&key, fence).await.fine("releasing late")?;
    abandoned(false).await?;
    Ok(Passed)
}

/// From now on, for longer or shorter.
pub async fn renewing_sets_how_long_a_lease_is_held<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    let fence = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    for _ in 0..3 {
        lab.harness.advance(TEN - MILLISECOND);
        lab.store.renew(&key, fence, TEN).await.fine("renewing")?;
    }
    lab.harness.advance(TEN - MILLISECOND);
    lab.store.acquire(&key, TEN).await.refused(Conflict, "acquiring a lease that was renewed")?;
    lab.store.renew(&key, fence, MILLISECOND).await.fine("renewing for a millisecond")?;
    lab.harness.advance(MILLISECOND);
    lab.store.acquire(&key, TEN).await.fine("acquiring when it is over")?;
    Ok(Passed)
}

/// Nobody has acquired it meanwhile.
pub async fn a_lease_that_is_over_can_be_renewed_while_nobody_has_it<H: Harness>() -> Result<Verdict, String>
{
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    let fence = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    lab.harness.advance(6 * TEN);
    lab.store.renew(&key, fence, TEN).await.fine("renewing when it was over")?;
    lab.store.acquire(&key, TEN).await.refused(Conflict, "acquiring a lease that was renewed")?;
    Ok(Passed)
}

/// While the next holds it and after the next has given it back; neither is disturbed.
pub async fn a_lost_lease_cannot_be_renewed<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    let first = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    lab.harness.advance(TEN);
    let second = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    lab.store.renew(&key, first, HOUR).await.refused(LeaseLost, "renewing a lost lease")?;
    lab.harness.advance(TEN);
    lab.store.renew(&key, first, HOUR).await.refused(LeaseLost, "renewing a lost lease")?;
    lab.store.renew(&key, second, TEN).await.fine("renewing the present lease")?;
    lab.store.release(&key, second).await.fine("releasing")?;
    lab.store.renew(&key, first, HOUR).await.refused(LeaseLost, "renewing a lost lease")?;
    let third = lab.store.acquire(&key, TEN).await.fine("acquiring")?;
    equal("the lease was abandoned", third.abandoned, false)?;
    Ok(Passed)
}

/// Whoever gave it back has to acquire it anew.
pub async fn a_released_lease_cannot_be_renewed<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    let fence = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    lab.store.release(&key, fence).await.fine("releasing")?;
    lab.store.renew(&key, fence, TEN).await.refused(LeaseLost, "renewing a released lease")?;
    lab.store.acquire(&key, TEN).await.fine("acquiring a released lease")?;
    Ok(Passed)
}

/// It is fine, and the holder keeps theirs.
pub async fn releasing_a_lost_lease_leaves_the_next_one_held<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("name", "payload").await?;
    let first = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    lab.harness.advance(TEN);
    let second = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    lab.store.release(&key, first).await.fine("releasing a lost lease")?;
    lab.store.acquire(&key, TEN).await.refused(Conflict, "acquiring a lease that is held")?;
    lab.harness.advance(TEN);
    lab.store.release(&key, first).await.fine("releasing a lost lease")?;
    let third = lab.store.acquire(&key, TEN).await.fine("acquiring")?;
    equal("the second lease was abandoned", third.abandoned, true)?;
    equal("the numbers rise", first < second && second < third.fence, true)?;
    Ok(Passed)
}

/// Neither version nor lifetime: who has read the record may write it after that.
pub async fn a_lease_changes_nothing_of_its_record<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create_for("name", Some("alice"), None).await?;
    let before = lab.holds(&key, "name").await?;
    lab.harness.advance(HOUR / 2);
    let lease = lab.store.acquire(&key, TEN).await.fine("acquiring")?;
    lab.store.renew(&key, lease.fence, 3 * HOUR).await.fine("renewing")?;
    lab.store.release(&key, lease.fence).await.fine("releasing")?;
    let after = lab.holds(&key, "name").await?;
    equal("its version", after.version, before.version)?;
    equal("its remaining lifetime", after.remaining, HOUR / 2)?;
    lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
    let lease = lab.store.acquire(&key, 3 * HOUR).await.fine("acquiring")?;
    lab.store.swap(&key, version, &plain("two"), HOUR, Some(lease.fence)).await.fine("a swap")?;
    lab.harness.advance(HOUR);
    lab.gone(&key).await?;
    Ok(Passed)
}

/// Others who write without it neither end nor prolong it.
pub async fn a_lease_stays_while_others_write<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, mut version) = lab.create("name", "payload").await?;
    let lease = lab.store.acquire(&key, TEN).await.fine("acquiring")?;
    for round in 0..4 {
        version =
            lab.store.swap(&key, version, &plain("others"), HOUR, None).await.fine("a swap by others")?;
        let acquired = lab.store.acquire(&key, TEN).await;
        acquired.refused(Conflict, "acquiring a lease that is held, after a swap by others")?;
        lab.harness.advance(if round == 0 { TEN - 4 * MILLISECOND } else { MILLISECOND });
    }
    let own = lab.store.swap(&key, version, &plain("own"), HOUR, Some(lease.fence)).await;
    own.fine("a write under the lease, after swaps by others")?;
    lab.harness.advance(MILLISECOND);
    let next = lab.store.acquire(&key, TEN).await.fine("acquiring at its end")?;
    equal("the lease was abandoned", next.abandoned, true)?;
    Ok(Passed)
}
