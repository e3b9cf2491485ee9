//! Indexes: what records are found by, and ended together by.

use super::{
    Harness, Verdict,
    lab::{HOUR, Lab, Outcome, at_once, equal},
};
use Verdict::{NotApplicable, Passed};
use logto_storage_core::token_store::{IndexKey, RecordKey};
use std::sync::Arc;

/// By either, and never by what it does not have.
pub async fn a_record_is_found_by_its_sub_and_its_sid<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (both, _) = lab.create_for("both", Some("alice"), Some("s1")).await?;
    let (sub, _) = lab.create_for("sub", Some("alice"), None).await?;
    let (sid, _) = lab.create_for("sid", None, Some("s1")).await?;
    lab.create_for("neither", None, None).await?;
    let (other, _) = lab.create_for("other", Some("bob"), Some("s2")).await?;
    lab.finds(&lab.realm.sub("alice"), &[&both, &sub]).await?;
    lab.finds(&lab.realm.sid("s1"), &[&both, &sid]).await?;
    lab.finds(&lab.realm.sub("bob"), &[&other]).await?;
    lab.finds(&lab.realm.sid("s2"), &[&other]).await?;
    for nobody in [lab.realm.sub("nobody"), lab.realm.sub("s1"), lab.realm.sid("alice")] {
        lab.finds(&nobody, &[]).await?;
        equal("deleted", lab.store.delete_by(&nobody).await.fine("deleting by index")?, 0)?;
    }
    Ok(Passed)
}

/// All are found, and all end together.
pub async fn a_person_may_have_1000_records<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let keys: Vec<RecordKey> = (0..1000).map(|index| lab.key(&index.to_string())).collect();
    let record = lab.record("payload", Some("alice"), Some("s1"));
    let created = at_once(8, |worker| {
        let (store, record) = (Arc::clone(&lab.store), record.clone());
        let own: Vec<_> = keys.iter().skip(worker).step_by(8).cloned().collect();
        async move {
            for key in own {
                store.create(&key, &record, HOUR).await.fine("creating a record")?;
            }
            Ok::<_, String>(())
        }
    });
    created.await?.into_iter().collect::<Result<(), _>>()?;
    let (bob, _) = lab.create_for("bob", Some("bob"), Some("s2")).await?;
    let all: Vec<&RecordKey> = keys.iter().collect();
    lab.finds(&lab.realm.sub("alice"), &all).await?;
    lab.finds(&lab.realm.sid("s1"), &all).await?;
    equal("deleted", lab.store.delete_by(&lab.realm.sub("alice")).await.fine("deleting all")?, 1000)?;
    lab.finds(&lab.realm.sub("alice"), &[]).await?;
    lab.finds(&lab.realm.sid("s1"), &[]).await?;
    lab.finds(&lab.realm.sub("bob"), &[&bob]).await?;
    Ok(Passed)
}

/// From one to another, to one more, and to none.
pub async fn a_swap_moves_a_record_between_indexes<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, mut version) = lab.create_for("name", None, None).await?;
    let (stays, _) = lab.create_for("stays", Some("alice"), Some("s1")).await?;
    let people = [None, Some("alice"), Some("bob")];
    let sessions = [None, Some("s1"), Some("s2")];
    // Each of the nine states comes after several of the others.
    for step in [0, 4, 8, 4, 1, 5, 3, 7, 6, 2, 0, 8, 0, 3, 4, 7, 5, 5, 1] {
        let (sub, sid) = (people[step / 3], sessions[step % 3]);
        let record = lab.record("name", sub, sid);
        version = lab.store.swap(&key, version, &record, HOUR, None).await.fine("a swap")?;
        for person in ["alice", "bob"] {
            let mut expected = vec![&key; usize::from(sub == Some(person))];
            expected.extend((person == "alice").then_some(&stays));
            lab.finds(&lab.realm.sub(person), &expected).await?;
        }
        for session in ["s1", "s2"] {
            let mut expected = vec![&key; usize::from(sid == Some(session))];
            expected.extend((session == "s1").then_some(&stays));
            lab.finds(&lab.realm.sid(session), &expected).await?;
        }
    }
    Ok(Passed)
}

/// Deleted, taken, or over.
pub async fn what_has_ended_is_found_no_more<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (person, session) = (lab.realm.sub("alice"), lab.realm.sid("s1"));
    let (stays, version) = lab.create_for("stays", Some("alice"), Some("s1")).await?;
    let record = lab.record("stays", Some("alice"), Some("s1"));
    lab.store.swap(&stays, version, &record, 9 * HOUR, None).await.fine("a swap")?;
    for end in 0..3 {
        let (key, _) = lab.create_for("ends", Some("alice"), Some("s1")).await?;
        lab.finds(&person, &[&key, &stays]).await?;
        match end {
            0 => drop(lab.store.delete(&key).await.fine("deleting")?),
            1 => drop(lab.store.take(&key).await.fine("taking")?),
            _ => lab.harness.advance(HOUR),
        }
        lab.finds(&person, &[&stays]).await?;
        lab.finds(&session, &[&stays]).await?;
    }
    // What comes after under the same name is found by its own indexes only.
    let (key, _) = lab.create_for("ends", Some("bob"), None).await?;
    lab.finds(&person, &[&stays]).await?;
    lab.finds(&lab.realm.sub("bob"), &[&key]).await?;
    Ok(Passed)
}

/// All of the index and no others, gone from both indexes.
pub async fn deleting_by_an_index_ends_and_counts_its_records<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (alice, bob) = (lab.realm.sub("alice"), lab.realm.sub("bob"));
    let (first, second, third) = (lab.realm.sid("s1"), lab.realm.sid("s2"), lab.realm.sid("s3"));
    let a1 = lab.create_for("a1", Some("alice"), Some("s1")).await?.0;
    let a1b = lab.create_for("a1b", Some("alice"), Some("s1")).await?.0;
    let a2 = lab.create_for("a2", Some("alice"), Some("s2")).await?.0;
    let a = lab.create_for("a", Some("alice"), None).await?.0;
    let b3 = lab.create_for("b3", Some("bob"), Some("s3")).await?.0;
    let nobody = lab.create_for("nobody", None, None).await?.0;

    equal("deleted", lab.store.delete_by(&first).await.fine("deleting a session")?, 2)?;
    lab.gone(&a1).await?;
    lab.gone(&a1b).await?;
    lab.finds(&first, &[]).await?;
    lab.finds(&alice, &[&a2, &a]).await?;
    lab.finds(&second, &[&a2]).await?;

    equal("deleted", lab.store.delete_by(&alice).await.fine("deleting a person")?, 2)?;
    equal("deleted", lab.store.delete_by(&alice).await.fine("deleting a person twice")?, 0)?;
    lab.gone(&a2).await?;
    lab.gone(&a).await?;
    lab.finds(&alice, &[]).await?;
    lab.finds(&second, &[]).await?;

    lab.finds(&bob, &[&b3]).await?;
    lab.finds(&third, &[&b3]).await?;
    lab.holds(&b3, "b3").await?;
    lab.holds(&nobody, "nobody").await?;
    Ok(Passed)
}

/// Each record is counted by one of those who delete the same at once.
pub async fn of_those_who_delete_by_one_index_each_record_is_counted_once<H: Harness>()
-> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (handles, sub, sid) = (lab.handles(4), lab.realm.sub("alice"), lab.realm.sid("s1"));
    for _ in 0..3 {
        for index in 0..20 {
            lab.create_for(&index.to_string(), Some("alice"), Some("s1")).await?;
        }
        let deleted = at_once(8, |index| {
            let (store, by) = (Arc::clone(&handles[index % 4]), [&sub, &sid][index % 2].clone());
            async move { store.delete_by(&by).await }
        });
        let mut sum = 0;
        for deleted in deleted.await? {
            sum += deleted.fine("deleting by index")?;
        }
        equal("deleted by all together", sum, 20)?;
        lab.finds(&sub, &[]).await?;
        lab.finds(&sid, &[]).await?;
    }
    Ok(Passed)
}

/// As where a store expires records by itself: what is left in an index names nothing that is there.
pub async fn what_has_vanished_is_found_no_more<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (person, session) = (lab.realm.sub("alice"), lab.realm.sid("s1"));
    let (stays, _) = lab.create_for("stays", Some("alice"), Some("s1")).await?;
    for ask in 0..3 {
        let (key, version) = lab.create_for("vanishes", Some("alice"), Some("s1")).await?;
        if !lab.harness.vanish(&key).await {
            return Ok(NotApplicable);
        }
        match ask {
            0 => lab.finds(&person, &[&stays]).await?,
            1 => lab.absent_for_every_operation(&key, version).await?,
            // Created anew at once, as somebody else's.
            _ => {
                lab.create_for("vanishes", Some("bob"), None).await?;
                lab.finds(&lab.realm.sub("bob"), &[&key]).await?;
            }
        }
        lab.finds(&person, &[&stays]).await?;
        lab.finds(&session, &[&stays]).await?;
        lab.store.delete(&key).await.fine("deleting")?;
    }
    let (key, _) = lab.create_for("vanishes", Some("alice"), Some("s1")).await?;
    lab.harness.vanish(&key).await;
    equal("deleted", lab.store.delete_by(&person).await.fine("deleting by index")?, 1)?;
    lab.gone(&stays).await?;
    lab.finds(&session, &[]).await?;
    Ok(Passed)
}

/// By its beginning, in other case, or by what is a wild card elsewhere: neither index nor record.
pub async fn keys_match_as_a_whole<H: Harness>() -> Result<Verdict, String> {
    let Some(lab) = Lab::<H>::start().await else { return Ok(NotApplicable) };
    let (key, _) = lab.create_for("name", Some("alice"), Some("s1")).await?;
    let person = lab.realm.sub("alice");
    for other in similar(person.as_str()) {
        lab.finds(&IndexKey::from_stored(other.clone()), &[]).await?;
        let deleted = lab.store.delete_by(&IndexKey::from_stored(other)).await;
        equal("deleted", deleted.fine("deleting by a similar index")?, 0)?;
    }
    for other in similar(key.as_str()) {
        let other = RecordKey::from_stored(other);
        lab.gone(&other).await?;
        equal("deleted", lab.store.delete(&other).await.fine("deleting a similar key")?, false)?;
    }
    // What has the same key is found by an index that begins alike, and only by that.
    let alike = IndexKey::from_stored(similar(person.as_str()).swap_remove(0));
    let record =
        logto_storage_core::token_store::Record::new(b"alike", Some(alike.clone()), Some(alike.clone()));
    let second = lab.key("second");
    lab.store.create(&second, &record, HOUR).await.fine("creating a record")?;
    lab.finds(&alike, &[&second]).await?;
    lab.finds(&person, &[&key]).await?;
    equal("deleted", lab.store.delete_by(&person).await.fine("deleting by index")?, 1)?;
    lab.finds(&alike, &[&second]).await?;
    Ok(Passed)
}

/// Keys of the same form that are not this one.
fn similar(key: &str) -> Vec<String> {
    let (head, last) = key.split_at(key.len() - 1);
    let other_last = if last == "A" { "E" } else { "A" };
    let cased: String = key
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let wild = |at: usize| format!("{}_{}", &key[..at], &key[at + 1..]);
    let at = key.char_indices().find(|(_, c)| *c != '_').map_or(0, |(at, _)| at);
    vec![format!("{head}{other_last}"), cased, wild(at), key[..3].repeat(15)[..key.len()].to_owned()]
}
