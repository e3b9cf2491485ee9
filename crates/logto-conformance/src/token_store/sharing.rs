//! One store for many: handles of several processes, applications on one server.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, Outcome, equal, plain},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::{
    Realm,
    TokenStoreErrorKind::{Conflict, LeaseLost, NotFound},
    token_store::Record,
};
use std::time::Duration;

/// Whatever one has done the next sees with its next operation.
pub async fn all_handles_see_the_same_at_once<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (person, one, two) = (lab.realm.sub("alice"), lab.harness.store(), lab.harness.store());
    for (here, there) in [(&one, &two), (&two, &one), (&lab.store, &one)] {
        let (key, record) = (lab.key("name"), lab.record("one", Some("alice"), None));
        let version = here.create(&key, &record, HOUR).await.fine("creating")?;
        there.create(&key, &record, HOUR).await.refused(Conflict, "creating what the other has created")?;
        equal("the version", there.read(&key).await.fine("reading")?.version, version)?;
        equal("found", there.find(&person).await.fine("finding")?, vec![key.clone()])?;
        let lease = here.acquire(&key, HOUR).await.fine("acquiring")?;
        there.acquire(&key, HOUR).await.refused(Conflict, "acquiring what the other has")?;
        let two = lab.record("two", Some("alice"), None);
        let second = there.swap(&key, version, &two, HOUR, Some(lease.fence)).await.fine("a swap")?;
        here.swap(&key, version, &record, HOUR, None).await.refused(Conflict, "a late swap")?;
        equal("the record", here.read(&key).await.fine("reading")?.record, two)?;
        there.renew(&key, lease.fence, HOUR).await.fine("renewing")?;
        there.release(&key, lease.fence).await.fine("releasing")?;
        here.renew(&key, lease.fence, HOUR)
            .await
            .refused(LeaseLost, "renewing what the other has released")?;
        equal("the version", there.take(&key).await.fine("taking")?.version, second)?;
        here.read(&key).await.refused(NotFound, "reading what the other has taken")?;
        equal("found", here.find(&person).await.fine("finding")?, Vec::new())?;
        here.create(&key, &record, HOUR).await.fine("creating again")?;
        equal("deleted", there.delete_by(&person).await.fine("deleting by index")?, 1)?;
        here.take(&key).await.refused(NotFound, "taking what the other has deleted")?;
    }
    Ok(Passed)
}

/// With the same tickets, people and sessions, by no operation.
pub async fn two_applications_on_one_store_never_meet<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let store = &lab.store;
    let realms = [
        Realm::new("https://tenant.logto.app/oidc", "app"),
        Realm::new("https://tenant.logto.app/oidc", "app2"),
        Realm::new("https://other.logto.app/oidc", "app"),
    ];
    let record = |realm: &Realm, text: &str| {
        Record::new(text.as_bytes(), Some(realm.sub("alice")), Some(realm.sid("s1")))
    };
    let mut versions = Vec::new();
    for (number, realm) in realms.iter().enumerate() {
        let own = record(realm, &number.to_string());
        versions.push(store.create(&realm.record("name"), &own, HOUR).await.fine("creating")?);
    }
    let untouched = async || {
        for number in [1, 2] {
            let (realm, key) = (&realms[number], realms[number].record("name"));
            let stored = lab.holds(&key, &number.to_string()).await?;
            equal("the other application's version", stored.version, versions[number])?;
            equal("the other application's lifetime", stored.remaining, HOUR)?;
            lab.finds(&realm.sub("alice"), &[&key]).await?;
            lab.finds(&realm.sid("s1"), &[&key]).await?;
        }
        Ok::<_, String>(())
    };
    untouched().await?;

    let (first, key) = (&realms[0], realms[0].record("name"));
    let changed = record(first, "changed");
    let foreign = store.swap(&key, versions[1], &changed, HOUR, None).await;
    foreign.refused(Conflict, "a swap with another record's version")?;
    let version = store.swap(&key, versions[0], &changed, 2 * HOUR, None).await.fine("a swap")?;
    untouched().await?;

    let lease = store.acquire(&key, HOUR).await.fine("acquiring")?;
    for other in &realms[1..] {
        let theirs = store.acquire(&other.record("name"), Duration::from_secs(1)).await;
        let theirs = theirs.fine("acquiring the other application's")?;
        store.release(&other.record("name"), theirs.fence).await.fine("releasing the other application's")?;
    }
    store.acquire(&key, HOUR).await.refused(Conflict, "acquiring a lease that is held")?;
    store.swap(&key, version, &changed, HOUR, Some(lease.fence)).await.fine("a write under the lease")?;
    untouched().await?;

    equal("deleted", store.delete_by(&first.sub("alice")).await.fine("deleting by index")?, 1)?;
    lab.gone(&key).await?;
    untouched().await?;
    store.create(&key, &record(first, "again"), HOUR).await.fine("creating again")?;
    equal("deleted", store.delete_by(&first.sid("s1")).await.fine("deleting by index")?, 1)?;
    untouched().await?;
    store.create(&key, &record(first, "again"), HOUR).await.fine("creating again")?;
    store.take(&key).await.fine("taking")?;
    equal("deleted", store.delete(&key).await.fine("deleting")?, false)?;
    untouched().await?;
    Ok(Passed)
}

/// No operation on one record is felt by another.
pub async fn records_are_apart<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (stays, version) = lab.create_for("stays", Some("alice"), Some("s1")).await?;
    let lease = lab.store.acquire(&stays, HOUR).await.fine("acquiring")?;
    let (key, own) = lab.create_for("other", Some("alice"), Some("s1")).await?;
    lab.store.swap(&key, version, &plain("late"), HOUR, None).await.refused(Conflict, "another's version")?;
    lab.store.acquire(&key, HOUR).await.fine("acquiring another record's lease")?;
    lab.store.swap(&key, own, &plain("two"), HOUR / 2, None).await.fine("a swap")?;
    lab.store.delete(&key).await.fine("deleting")?;
    let stored = lab.holds(&stays, "stays").await?;
    equal("its version", stored.version, version)?;
    equal("its remaining lifetime", stored.remaining, HOUR)?;
    lab.finds(&lab.realm.sub("alice"), &[&stays]).await?;
    lab.store.acquire(&stays, HOUR).await.refused(Conflict, "acquiring a lease that is held")?;
    lab.store
        .swap(&stays, version, &plain("mine"), HOUR, Some(lease.fence))
        .await
        .fine("a write under it")?;
    Ok(Passed)
}
