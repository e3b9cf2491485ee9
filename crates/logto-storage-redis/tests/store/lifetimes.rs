//! Records that Redis ends by itself, in its own time, and what they are found by.

use crate::stage::{HOUR, command_at, direct, key, program, realm, record, server, url};
use logto_storage_core::{
    ManualClock, TokenStore,
    TokenStoreErrorKind::{Conflict, Corrupt, NotFound},
    token_store::Record,
};
use logto_storage_redis::RedisTokenStore;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(50);

fn index_key(index: &str) -> String {
    format!("logto:index:{index}")
}

#[tokio::test]
async fn a_record_lives_by_the_time_of_the_server() {
    let Some(program) = program("a_record_lives_by_the_time_of_the_server") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    let since = Instant::now();
    store.create(&key("a"), &record("x"), SHORT).await.unwrap();
    let remaining = store.read(&key("a")).await.unwrap().remaining;
    assert!(remaining > Duration::ZERO && remaining <= SHORT, "{remaining:?}");
    while store.read(&key("a")).await.is_ok() {
        assert!(since.elapsed() < HOUR / 60, "it lives for ever");
    }
    assert!(since.elapsed() >= SHORT - Duration::from_millis(1), "{:?}", since.elapsed());
    assert_eq!(store.read(&key("a")).await.unwrap_err().kind(), NotFound);
    assert!(store.find(record("").sub().unwrap()).await.unwrap().is_empty());
    store.create(&key("a"), &record("y"), HOUR).await.unwrap();
    assert_eq!(store.read(&key("a")).await.unwrap().record.payload(), b"y");
}

#[tokio::test]
async fn a_lease_lives_by_the_time_of_the_server() {
    let Some(program) = program("a_lease_lives_by_the_time_of_the_server") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let first = store.acquire(&key("a"), SHORT).await.unwrap();
    let second = loop {
        match store.acquire(&key("a"), HOUR).await {
            Ok(lease) => break lease,
            Err(error) => assert_eq!(error.kind(), Conflict),
        }
    };
    assert!(second.abandoned && second.fence > first.fence);
}

#[tokio::test]
async fn an_index_loses_what_has_expired_under_it() {
    let Some(program) = program("an_index_loses_what_has_expired_under_it") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    let index = realm().sub("alice");
    for name in ["a", "b", "c"] {
        store.create(&key(name), &record(name), HOUR).await.unwrap();
    }
    // As Redis does where a record expires, or its memory is full.
    for name in ["a", "b"] {
        let () = command_at(server.port(), &["DEL", &format!("logto:{}", key(name).as_str())]);
    }
    let members = || command_at::<u64>(server.port(), &["ZCARD", &index_key(index.as_str())]);
    assert_eq!(members(), 3);
    assert_eq!(store.find(&index).await.unwrap(), [key("c")]);
    assert_eq!(members(), 1);
    assert_eq!(store.delete_by(&index).await.unwrap(), 1);
    let keys: Vec<String> = command_at(server.port(), &["KEYS", "*"]);
    // The index of the session has members that are gone; it goes with its own lifetime.
    assert_eq!(keys, [index_key(realm().sid("s1").as_str())]);
    assert!(store.find(&realm().sid("s1")).await.unwrap().is_empty());
    assert_eq!(command_at::<u64>(server.port(), &["DBSIZE"]), 0);
}

#[tokio::test]
async fn writing_an_index_drops_what_is_over_in_it() {
    let Some(program) = program("writing_an_index_drops_what_is_over_in_it") else { return };
    let server = server(&program, &[]);
    let clock = ManualClock::start_now();
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap().with_clock(Arc::new(clock.clone()));
    let index = index_key(realm().sub("alice").as_str());
    for number in 0..10 {
        store.create(&key(&number.to_string()), &record("x"), HOUR).await.unwrap();
        clock.advance(HOUR);
        assert_eq!(command_at::<u64>(server.port(), &["ZCARD", &index]), 1);
    }
}

#[tokio::test]
async fn an_index_lives_as_long_as_its_longest_member() {
    let Some(program) = program("an_index_lives_as_long_as_its_longest_member") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    let index = index_key(realm().sub("alice").as_str());
    let left = || command_at::<u64>(server.port(), &["PTTL", &index]);
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let hour = left();
    assert!((3_595_000..=3_601_000).contains(&hour), "{hour}");
    let version = store.create(&key("b"), &record("x"), 5 * HOUR).await.unwrap();
    assert!(left() > 4 * 3_600_000);
    store.swap(&key("b"), version, &record("y"), SHORT, None).await.unwrap();
    assert!(left() > 4 * 3_600_000, "a shorter life takes nothing from the others");
    let record_left = command_at::<u64>(server.port(), &["PTTL", &format!("logto:{}", key("b").as_str())]);
    assert!(record_left <= 1_050, "Redis ends the record by itself: {record_left}");
}

#[tokio::test]
async fn a_member_that_belongs_elsewhere_by_now_is_not_found() {
    let Some(program) = program("a_member_that_belongs_elsewhere_by_now_is_not_found") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let () = command_at(server.port(), &["DEL", &format!("logto:{}", key("a").as_str())]);
    let bob = realm().sub("bob");
    store.create(&key("a"), &Record::new(b"x", Some(bob.clone()), None), HOUR).await.unwrap();
    assert_eq!(store.delete_by(&realm().sub("alice")).await.unwrap(), 0);
    assert_eq!(store.find(&bob).await.unwrap(), [key("a")]);
}

#[tokio::test]
async fn more_records_of_a_person_than_one_script_deletes_all_go() {
    let Some(program) = program("more_records_of_a_person_than_one_script_deletes_all_go") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    for number in 0..1_234 {
        store.create(&key(&number.to_string()), &record("x"), HOUR).await.unwrap();
    }
    assert_eq!(store.find(&realm().sid("s1")).await.unwrap().len(), 1_234);
    assert_eq!(store.delete_by(&realm().sub("alice")).await.unwrap(), 1_234);
    assert_eq!(command_at::<u64>(server.port(), &["DBSIZE"]), 0);
}

#[tokio::test]
async fn what_is_no_record_is_corrupt_and_stays_until_it_is_deleted() {
    let Some(program) = program("what_is_no_record_is_corrupt_and_stays_until_it_is_deleted") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    let name = format!("logto:{}", key("a").as_str());
    let spoils: [&[&str]; 8] = [
        &["SET", &name, "text"],
        &["LPUSH", &name, "text"],
        &["HSET", &name, "other", "text"],
        &["HDEL", &name, "version"],
        &["HSET", &name, "version", "99999999999999999999999999"],
        &["HSET", &name, "until", "never"],
        &["HDEL", &name, "fence", "data"],
        &["HSET", &name, "fence", "x", "data", "x"],
    ];
    for spoil in spoils {
        let version = store.create(&key("a"), &record("x"), HOUR).await.unwrap();
        if matches!(spoil[0], "SET" | "LPUSH") || spoil.contains(&"other") {
            let () = command_at(server.port(), &["DEL", &name]);
        }
        let _: redis::Value = command_at(server.port(), spoil);
        for _ in 0..2 {
            let kind = store.read(&key("a")).await.map(|_| "read").unwrap_err().kind();
            assert!(kind == Corrupt || spoil.contains(&"other"), "{spoil:?}: {kind:?}");
            store.take(&key("a")).await.unwrap_err();
        }
        let created = store.create(&key("a"), &record("y"), HOUR).await.unwrap_err();
        assert_eq!(created.kind(), Conflict, "{spoil:?}");
        assert_eq!(store.find(&realm().sub("alice")).await.unwrap(), [key("a")], "{spoil:?}");
        if !spoil.contains(&"99999999999999999999999999") {
            let swapped = store.swap(&key("a"), version, &record("y"), HOUR, None).await.unwrap_err();
            assert_eq!(swapped.kind(), Corrupt, "{spoil:?}");
            assert_eq!(store.acquire(&key("a"), HOUR).await.unwrap_err().kind(), Corrupt, "{spoil:?}");
        }
        assert!(store.delete(&key("a")).await.unwrap(), "{spoil:?}");
        assert_eq!(store.find(&realm().sub("alice")).await.unwrap(), [], "{spoil:?}");
        assert_eq!(store.read(&key("a")).await.unwrap_err().kind(), NotFound);
    }
}

#[tokio::test]
async fn an_index_that_is_none_refuses_a_record_and_lets_it_go() {
    let Some(program) = program("an_index_that_is_none_refuses_a_record_and_lets_it_go") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let () = command_at(server.port(), &["SET", &index_key(realm().sid("s1").as_str()), "text"]);
    assert_eq!(store.create(&key("b"), &record("x"), HOUR).await.unwrap_err().kind(), Corrupt);
    assert_eq!(store.read(&key("b")).await.unwrap_err().kind(), NotFound);
    assert_eq!(store.find(&realm().sub("alice")).await.unwrap(), [key("a")]);
    assert_eq!(store.find(&realm().sid("s1")).await.unwrap_err().kind(), Corrupt);
    store.take(&key("a")).await.unwrap();
}

#[tokio::test]
async fn numbers_of_64_bits_stay_exact() {
    let Some(program) = program("numbers_of_64_bits_stay_exact") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    let name = format!("logto:{}", key("a").as_str());
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let fields = ["version", "18446744073709551615", "fence", "4611686018427387903"];
    redis::cmd("HSET").arg(&name).arg(&fields).exec(&mut direct(server.port())).unwrap();
    let seen = store.read(&key("a")).await.unwrap().version;
    assert_eq!(seen.get(), u64::MAX);
    let lease = store.acquire(&key("a"), HOUR).await.unwrap();
    assert_eq!(lease.fence.get(), 1 << 62);
    let below = logto_storage_core::token_store::Version::from_stored(u64::MAX - 1);
    assert_eq!(store.swap(&key("a"), below, &record("y"), HOUR, None).await.unwrap_err().kind(), Conflict);
    store.swap(&key("a"), seen, &record("y"), Duration::MAX, Some(lease.fence)).await.unwrap();
    assert!(store.read(&key("a")).await.unwrap().remaining > 1_000 * 365 * 24 * HOUR);
}
