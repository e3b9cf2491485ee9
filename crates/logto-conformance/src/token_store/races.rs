//! Records that several tasks write and end at once, over several handles.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, Outcome, at_once, equal, plain, shown},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::{
    TokenStoreError,
    TokenStoreErrorKind::{Conflict, NotFound},
    token_store::{Stored, Version},
};
use std::sync::Arc;

const HANDLES: usize = 4;

/// The others are conflicts, and what the one wrote is there.
pub async fn of_100_swaps_of_one_version_one_wins<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create("name", "nobody").await?;
    let handles = lab.handles(HANDLES);
    let swaps = at_once(100, |index| {
        let (store, key) = (Arc::clone(&handles[index % HANDLES]), key.clone());
        async move { store.swap(&key, version, &plain(&index.to_string()), HOUR, None).await }
    });
    let mut winners = Vec::new();
    for (index, swapped) in swaps.await?.into_iter().enumerate() {
        match swapped {
            Ok(version) => winners.push((index, version)),
            refused => refused.refused(Conflict, "a swap that came second")?,
        }
    }
    let [(winner, version)] = winners[..] else { return Err(format!("{} swaps have won", winners.len())) };
    equal("its version", lab.holds(&key, &winner.to_string()).await?.version, version)?;
    Ok(Passed)
}

/// Who is refused reads and tries again.
pub async fn of_1000_increments_none_is_lost<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create("counter", "0").await?;
    let handles = lab.handles(HANDLES);
    let workers = at_once(5, |index| {
        let (store, key) = (Arc::clone(&handles[index % HANDLES]), key.clone());
        async move {
            for _ in 0..200 {
                loop {
                    let stored = store.read(&key).await.fine("reading the counter")?;
                    let text = String::from_utf8_lossy(stored.record.payload()).into_owned();
                    let count: u32 = text.parse().map_err(|_| format!("the counter stands at {text:?}"))?;
                    let next = plain(&(count + 1).to_string());
                    tokio::task::yield_now().await;
                    match store.swap(&key, stored.version, &next, HOUR, None).await {
                        Ok(_) => break,
                        refused => refused.refused(Conflict, "an increment that came second")?,
                    }
                }
            }
            Ok::<_, String>(())
        }
    });
    workers.await?.into_iter().collect::<Result<(), _>>()?;
    lab.holds(&key, "1000").await?;
    Ok(Passed)
}

/// Over several handles; the others find nothing.
pub async fn of_1000_who_take_a_record_one_has_it<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create_for("name", Some("alice"), None).await?;
    let handles = lab.handles(HANDLES);
    let taken = at_once(1000, |index| {
        let (store, key) = (Arc::clone(&handles[index % HANDLES]), key.clone());
        async move { store.take(&key).await }
    });
    let mut winners = 0;
    for taken in taken.await? {
        match taken {
            Ok(stored) => {
                winners += 1;
                equal("the taken version", stored.version, version)?;
                equal("the taken payload", stored.record.payload(), b"name")?;
            }
            refused => refused.refused(NotFound, "taking what somebody else has taken")?,
        }
    }
    equal("how many have it", winners, 1)?;
    lab.gone(&key).await?;
    lab.finds(&lab.realm.sub("alice"), &[]).await?;
    Ok(Passed)
}

/// What somebody did to a record.
enum Done {
    Swapped(Result<Version, TokenStoreError>),
    Took(Result<Stored, TokenStoreError>),
    Deleted(Result<bool, TokenStoreError>),
}

/// One of 50 tasks that create it at once does.
pub async fn of_50_who_create_a_record_one_does<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, handles) = (lab.key("name"), lab.handles(HANDLES));
    let created = at_once(50, |index| {
        let (store, key) = (Arc::clone(&handles[index % HANDLES]), key.clone());
        async move { store.create(&key, &plain(&index.to_string()), HOUR).await }
    });
    let mut winners = Vec::new();
    for (index, created) in created.await?.into_iter().enumerate() {
        match created {
            Ok(version) => winners.push((index, version)),
            refused => refused.refused(Conflict, "creating what somebody else has created")?,
        }
    }
    let [(winner, version)] = winners[..] else { return Err(format!("{} have created it", winners.len())) };
    equal("its version", lab.holds(&key, &winner.to_string()).await?.version, version)?;
    Ok(Passed)
}

/// In whatever order swaps, takes and deletions meet: one ends the record, and what it gives is the last.
pub async fn no_swap_succeeds_after_a_record_was_taken<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let handles = lab.handles(HANDLES);
    for round in 0..50 {
        let (key, version) = lab.create_for("old", Some("alice"), None).await?;
        let new = lab.record("new", Some("alice"), None);
        let done = at_once(5, |index| {
            let (store, key, new) = (Arc::clone(&handles[index % HANDLES]), key.clone(), new.clone());
            async move {
                match (index + round) % 5 {
                    0 | 1 => Done::Took(store.take(&key).await),
                    2 if round % 2 == 0 => Done::Deleted(store.delete(&key).await),
                    _ => Done::Swapped(store.swap(&key, version, &new, HOUR, None).await),
                }
            }
        });
        let (mut swapped, mut given, mut ended) = (0, None, 0);
        for done in done.await? {
            match done {
                Done::Swapped(Err(error)) if [Conflict, NotFound].contains(&error.kind()) => {}
                Done::Swapped(outcome) => {
                    outcome.fine("a swap")?;
                    swapped += 1;
                }
                Done::Deleted(outcome) => ended += u32::from(outcome.fine("a deletion")?),
                Done::Took(Err(error)) if error.kind() == NotFound => {}
                Done::Took(outcome) => {
                    given = Some(outcome.fine("taking")?.record.payload().to_vec());
                    ended += 1;
                }
            }
        }
        equal("how many have ended the record", ended, 1)?;
        if swapped > 1 {
            return Err(format!("{swapped} swaps of one version have succeeded"));
        }
        if let Some(given) = given {
            let last: &[u8] = if swapped == 1 { b"new" } else { b"old" };
            equal("what was taken, after the swaps that succeeded", given.as_slice(), last)?;
        }
        lab.gone(&key).await?;
        lab.finds(&lab.realm.sub("alice"), &[]).await?;
    }
    Ok(Passed)
}

/// Whatever the order: at the end there is no record.
pub async fn a_deletion_beats_every_swap<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let handles = lab.handles(HANDLES);
    for round in 0..200 {
        let (key, version) = lab.create_for("old", Some("alice"), None).await?;
        let new = lab.record("new", Some("alice"), None);
        let done = at_once(3, |index| {
            let (store, key, new) =
                (Arc::clone(&handles[(index + round) % HANDLES]), key.clone(), new.clone());
            async move {
                match (index + round) % 3 {
                    0 => Done::Deleted(store.delete(&key).await),
                    _ => Done::Swapped(store.swap(&key, version, &new, HOUR, None).await),
                }
            }
        });
        for done in done.await? {
            match done {
                Done::Deleted(outcome) => equal("deleted", outcome.fine("a deletion")?, true)?,
                Done::Swapped(Err(error)) if ![Conflict, NotFound].contains(&error.kind()) => {
                    return Err(format!("a swap that met a deletion: {}", shown(&error)));
                }
                _ => {}
            }
        }
        lab.gone(&key).await?;
        lab.finds(&lab.realm.sub("alice"), &[]).await?;
    }
    Ok(Passed)
}

/// Each task writes, leases, finds and takes a record of its own.
pub async fn work_on_200_records_at_once_is_not_disturbed<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (realm, handles) = (lab.realm.clone(), lab.handles(HANDLES));
    let work = at_once(200, |index| {
        let (store, key) = (Arc::clone(&handles[index % HANDLES]), realm.record(&format!("own {index}")));
        let (own, common) = (realm.sub(&format!("own {index}")), realm.sid("common"));
        async move {
            let record = |text: &str| {
                let payload = format!("{text} {index}");
                logto_storage_core::token_store::Record::new(
                    payload.as_bytes(),
                    Some(own.clone()),
                    Some(common.clone()),
                )
            };
            let version = store.create(&key, &record("one"), HOUR).await.fine("creating")?;
            tokio::task::yield_now().await;
            let lease = store.acquire(&key, HOUR).await.fine("acquiring")?;
            equal("the version", store.read(&key).await.fine("reading")?.version, version)?;
            let version =
                store.swap(&key, version, &record("two"), HOUR, Some(lease.fence)).await.fine("a swap")?;
            tokio::task::yield_now().await;
            store.renew(&key, lease.fence, HOUR).await.fine("renewing")?;
            store.release(&key, lease.fence).await.fine("releasing")?;
            equal("the records of its own", store.find(&own).await.fine("finding")?, vec![key.clone()])?;
            let among = store.find(&common).await.fine("finding")?.contains(&key);
            equal("its record among all", among, true)?;
            let taken = store.take(&key).await.fine("taking")?;
            equal("the version", taken.version, version)?;
            equal("the record", taken.record, record("two"))?;
            equal("the records left", store.find(&own).await.fine("finding")?, Vec::new())
        }
    });
    work.await?.into_iter().collect::<Result<(), String>>()?;
    lab.finds(&lab.realm.sid("common"), &[]).await?;
    Ok(Passed)
}
