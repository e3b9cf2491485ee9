//! What records hold, and records that cannot be read.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, Outcome, equal, plain},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::{
    TokenStoreErrorKind::{Conflict, Corrupt, NewerVersion, NotFound},
    token_store::{Record, RecordKey},
};

/// With bytes of every value, zeros among them, by `create` and by `swap`.
pub async fn two_hundred_kibibytes_come_back_whole<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let key = lab.key("large");
    let (first, second) = (noise(200 * 1024, 1), noise(200 * 1024, 2));
    let version = lab.store.create(&key, &Record::new(&first, None, None), HOUR).await.fine("creating")?;
    equal(
        "the payload is whole",
        lab.store.read(&key).await.fine("reading")?.record.payload() == first,
        true,
    )?;
    let swapped = lab.store.swap(&key, version, &Record::new(&second, None, None), HOUR, None).await;
    swapped.fine("a swap")?;
    equal(
        "the payload is whole",
        lab.store.read(&key).await.fine("reading")?.record.payload() == second,
        true,
    )?;
    equal(
        "the payload is whole",
        lab.store.take(&key).await.fine("taking")?.record.payload() == second,
        true,
    )?;
    Ok(Passed)
}

/// Bytes as if at random, and all values after one another.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    let counted = [0, 0, 0].into_iter().chain(0..=u8::MAX).chain((0..=u8::MAX).rev());
    counted.chain(std::iter::from_fn(|| Some(next()))).take(length).collect()
}

/// It is there, and is not absent.
pub async fn an_empty_record_is_a_record<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, version) = lab.create("empty", "").await?;
    lab.holds(&key, "").await?;
    lab.store.create(&key, &plain("other"), HOUR).await.refused(Conflict, "creating over an empty record")?;
    let version = lab.store.swap(&key, version, &plain("full"), HOUR, None).await.fine("a swap")?;
    lab.store.swap(&key, version, &plain(""), HOUR, None).await.fine("a swap")?;
    equal("the payload", lab.store.take(&key).await.fine("taking")?.record.payload(), b"")?;
    lab.gone(&key).await?;
    Ok(Passed)
}

/// Bytes that are no record's.
fn damaged() -> Vec<(&'static str, Vec<u8>)> {
    let whole = plain("a record like any other").data().to_vec();
    let flipped = |at: usize| {
        let mut data = whole.clone();
        data[at] ^= 0x10;
        data
    };
    vec![
        ("nothing", Vec::new()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("all but the last byte", whole[..whole.len() - 1].to_vec()),
        ("a byte more", [&whole[..], &[0]].concat()),
        ("its first byte flipped", flipped(0)),
        ("a byte in the middle flipped", flipped(whole.len() / 2)),
        ("its last byte flipped", flipped(whole.len() - 1)),
        ("garbage", noise(64, 3)),
        ("text", b"{\"access_token\":\"ey\"}".to_vec()),
    ]
}

/// A record of somebody, with these bytes behind the store's back; `false` where that cannot be.
async fn spoilt<H: Harness>(lab: &Lab<H>, data: &[u8]) -> Result<Option<RecordKey>, String> {
    let (key, _) = lab.create_for("spoilt", Some("alice"), Some("s1")).await?;
    Ok(lab.harness.overwrite(&key, data).await.then_some(key))
}

/// By reading and taking; and it stays, until it is deleted.
pub async fn a_damaged_record_is_corrupt_and_stays<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for (what, data) in damaged() {
        let Some(key) = spoilt(&lab, &data).await? else { return Ok(NotApplicable) };
        for _ in 0..2 {
            lab.store.read(&key).await.refused(Corrupt, &format!("reading {what}"))?;
            lab.store.take(&key).await.refused(Corrupt, &format!("taking {what}"))?;
        }
        lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
        lab.store
            .create(&key, &plain("other"), HOUR)
            .await
            .refused(Conflict, "creating over a damaged record")?;
        equal("deleted", lab.store.delete(&key).await.fine("deleting a damaged record")?, true)?;
        lab.gone(&key).await?;
        lab.finds(&lab.realm.sub("alice"), &[]).await?;
        lab.finds(&lab.realm.sid("s1"), &[]).await?;
        lab.create("spoilt", "new").await?;
        lab.holds(&key, "new").await?;
        lab.store.take(&key).await.fine("taking what was created after that")?;
    }
    Ok(Passed)
}

/// A damaged record among them is ended and counted.
pub async fn deleting_by_an_index_ends_a_damaged_record_too<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let newer = newer();
    for data in [&b"garbage"[..], &[], &newer] {
        let Some(key) = spoilt(&lab, data).await? else { return Ok(NotApplicable) };
        let (whole, _) = lab.create_for("whole", Some("alice"), Some("s1")).await?;
        lab.finds(&lab.realm.sid("s1"), &[&key, &whole]).await?;
        equal("deleted", lab.store.delete_by(&lab.realm.sub("alice")).await.fine("deleting by index")?, 2)?;
        lab.gone(&key).await?;
        lab.gone(&whole).await?;
    }
    Ok(Passed)
}

/// A lifetime ends what cannot be read as well.
pub async fn a_damaged_record_is_over_when_its_time_is<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for (index, data) in [b"garbage".to_vec(), Vec::new(), newer()].into_iter().enumerate() {
        let Some(key) = spoilt(&lab, &data).await? else { return Ok(NotApplicable) };
        lab.harness.advance(HOUR);
        match index {
            0 => lab.store.take(&key).await.refused(NotFound, "taking what is over")?,
            1 => equal("deleted", lab.store.delete(&key).await.fine("deleting what is over")?, false)?,
            _ => {}
        }
        lab.gone(&key).await?;
        lab.finds(&lab.realm.sub("alice"), &[]).await?;
        lab.create("spoilt", "new").await?;
        lab.holds(&key, "new").await?;
        lab.store.take(&key).await.fine("taking what was created after that")?;
    }
    Ok(Passed)
}

/// A record as a later version of the crate may write it.
fn newer() -> Vec<u8> {
    let mut data = plain("a record of a later format").data().to_vec();
    data[2] += 1;
    data
}

/// By reading and taking; nothing but a deletion ends it, leases and searches do no harm.
pub async fn a_record_of_a_newer_format_is_left_alone<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    for data in [newer(), newer()[..3].to_vec(), [newer(), noise(512, 4)].concat()] {
        let Some(key) = spoilt(&lab, &data).await? else { return Ok(NotApplicable) };
        lab.store.read(&key).await.refused(NewerVersion, "reading a newer record")?;
        lab.store.take(&key).await.refused(NewerVersion, "taking a newer record")?;
        if let Ok(lease) = lab.store.acquire(&key, HOUR).await {
            drop(lab.store.renew(&key, lease.fence, HOUR).await);
            drop(lab.store.release(&key, lease.fence).await);
        }
        lab.finds(&lab.realm.sub("alice"), &[&key]).await?;
        lab.finds(&lab.realm.sid("s1"), &[&key]).await?;
        lab.store
            .create(&key, &plain("other"), HOUR)
            .await
            .refused(Conflict, "creating over a newer record")?;
        lab.store.read(&key).await.refused(NewerVersion, "reading a newer record after all that")?;
        equal("deleted", lab.store.delete(&key).await.fine("deleting a newer record")?, true)?;
        lab.gone(&key).await?;
    }
    Ok(Passed)
}
