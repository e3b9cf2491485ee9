//! Fences: what a write under a lease carries, so that who is late finds it refused.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, Outcome, at_once, equal, plain},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::{
    Fence, TokenStore,
    TokenStoreErrorKind::{Conflict, LeaseLost, NotFound},
    token_store::RecordKey,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const TEN: Duration = Duration::from_secs(10);

/// Also when a lease was given back, was over, and across writes.
pub async fn the_fence_of_a_lease_is_larger_than_those_before<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, mut version) = lab.create("name", "payload").await?;
    let mut last = None;
    for round in 0..12 {
        let fence = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
        if last.is_some_and(|last| fence <= last) {
            return Err(format!("the fence {fence:?} comes after {last:?}"));
        }
        last = Some(fence);
        if round % 3 == 0 {
            let written = (round % 2 == 0).then_some(fence);
            version = lab.store.swap(&key, version, &plain("two"), HOUR, written).await.fine("a swap")?;
        }
        match round % 4 {
            0 | 1 => lab.store.release(&key, fence).await.fine("releasing")?,
            2 => lab.harness.advance(TEN),
            _ => {
                lab.store.renew(&key, fence, 2 * TEN).await.fine("renewing")?;
                lab.harness.advance(2 * TEN);
            }
        }
    }
    Ok(Passed)
}

/// Also with the version that the record has now, and when the next has given the lease back.
pub async fn a_write_under_a_lost_lease_is_refused<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, old) = lab.create("name", "payload").await?;
    let first = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    lab.harness.advance(TEN);
    let second = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    let late = async |version| lab.store.swap(&key, version, &plain("late"), HOUR, Some(first)).await;
    late(old).await.refused(LeaseLost, "a write under a lost lease with the right version")?;
    lab.holds(&key, "payload").await?;
    let written = lab.store.swap(&key, old, &plain("second"), HOUR, Some(second)).await;
    let new = written.fine("a write by the holder")?;
    late(new).await.refused(LeaseLost, "a write under a lost lease with the right version")?;
    late(old).await.refused(LeaseLost, "a write under a lost lease with an older version")?;
    lab.store.release(&key, second).await.fine("releasing")?;
    late(new).await.refused(LeaseLost, "a write under a lost lease when the next has released it")?;
    equal("its version", lab.holds(&key, "second").await?.version, new)?;
    Ok(Passed)
}

/// Also when its time is over, as long as nobody has acquired it.
pub async fn a_write_under_the_present_lease_is_made<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create("name", "payload").await?;
    let fence = lab.store.acquire(&key, TEN).await.fine("acquiring")?.fence;
    let write =
        async |version, text: &str| lab.store.swap(&key, version, &plain(text), HOUR, Some(fence)).await;
    let second = write(version, "one").await.fine("a write under the lease")?;
    write(version, "stale").await.refused(Conflict, "a write under the lease with an older version")?;
    lab.harness.advance(TEN);
    let third = write(second, "two").await.fine("a write when the lease is over and nobody has it")?;
    equal("its version", lab.holds(&key, "two").await?.version, third)?;
    Ok(Passed)
}

/// The lease of what was created anew is free, and whoever had one before has none now.
pub async fn a_lease_ends_with_its_record<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for end in 0..3 {
        let (key, _) = lab.create("name", "old").await?;
        let former = lab.store.acquire(&key, 9 * HOUR).await.fine("acquiring")?.fence;
        match end {
            0 => drop(lab.store.delete(&key).await.fine("deleting")?),
            1 => drop(lab.store.take(&key).await.fine("taking")?),
            _ => lab.harness.advance(HOUR),
        }
        lab.store.renew(&key, former, HOUR).await.refused(NotFound, "renewing when the record has ended")?;
        lab.store.release(&key, former).await.fine("releasing when the record has ended")?;

        let (key, version) = lab.create("name", "new").await?;
        let lost = "renewing a lease of the record before";
        lab.store.renew(&key, former, HOUR).await.refused(LeaseLost, lost)?;
        let lease = lab.store.acquire(&key, HOUR).await.fine("acquiring the lease of a new record")?;
        equal("the lease of a new record was abandoned", lease.abandoned, false)?;
        lab.store.renew(&key, former, HOUR).await.refused(LeaseLost, lost)?;
        let late = lab.store.swap(&key, version, &plain("late"), HOUR, Some(former)).await;
        late.refused(LeaseLost, "a write under a lease of the record before")?;
        lab.store.release(&key, former).await.fine("releasing a lease of the record before")?;
        let acquired = lab.store.acquire(&key, HOUR).await;
        acquired.refused(Conflict, "acquiring a lease that who came late has not released")?;
        lab.holds(&key, "new").await?;
        lab.store.delete(&key).await.fine("deleting")?;
    }
    Ok(Passed)
}

/// Many take turns: each lease has a number of its own, and a write under it finds no other's.
pub async fn who_hold_the_lease_in_turn_never_meet<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("counter", "0").await?;
    let handles = lab.handles(4);
    let failed = Arc::new(AtomicBool::new(false));
    let turns = at_once(4, |index| {
        let (store, key, failed) = (Arc::clone(&handles[index]), key.clone(), Arc::clone(&failed));
        async move {
            let mut fences = Vec::new();
            while fences.len() < 25 && !failed.load(Ordering::SeqCst) {
                match turn(&*store, &key).await {
                    Ok(Some(fence)) => fences.push(fence),
                    Ok(None) => tokio::task::yield_now().await,
                    // The others need not wait for a lease that nobody gives back any more.
                    Err(problem) => {
                        failed.store(true, Ordering::SeqCst);
                        return Err(problem);
                    }
                }
            }
            Ok::<_, String>(fences)
        }
    });
    let fences: Vec<_> = turns.await?.into_iter().collect::<Result<_, _>>()?;
    equal("different fences", fences.into_iter().flatten().collect::<BTreeSet<_>>().len(), 100)?;
    lab.holds(&key, "100").await?;
    Ok(Passed)
}

/// Counts on under the lease; `None` where somebody else has it.
async fn turn(store: &dyn TokenStore, key: &RecordKey) -> Result<Option<Fence>, String> {
    let lease = match store.acquire(key, HOUR).await {
        Ok(lease) => lease,
        refused => {
            refused.refused(Conflict, "acquiring a lease that somebody else has")?;
            return Ok(None);
        }
    };
    equal("a lease that was given back was abandoned", lease.abandoned, false)?;
    let stored = store.read(key).await.fine("reading")?;
    let count: u32 = String::from_utf8_lossy(stored.record.payload()).parse().unwrap_or_default();
    tokio::task::yield_now().await;
    let next = plain(&(count + 1).to_string());
    let swapped = store.swap(key, stored.version, &next, HOUR, Some(lease.fence)).await;
    swapped.fine("a write by the holder")?;
    store.release(key, lease.fence).await.fine("releasing")?;
    Ok(Some(lease.fence))
}
