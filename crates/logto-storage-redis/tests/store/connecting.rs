//! What a store is connected to, and what it refuses.

use crate::stage::{HOUR, command_at, direct, key, program, record, server, shown, url};
use logto_conformance::servers::free_port;
use logto_storage_core::{
    TokenStore, TokenStoreError,
    TokenStoreErrorKind::{Misconfigured, Unavailable},
};
use logto_storage_redis::RedisTokenStore;
use std::{io::Write, net::TcpListener, time::Instant};

fn refusal<T>(result: Result<T, TokenStoreError>) -> (logto_storage_core::TokenStoreErrorKind, String) {
    let error = result.map(drop).unwrap_err();
    (error.kind(), shown(&error))
}

#[tokio::test]
async fn a_cluster_is_refused_and_what_to_use_is_told() {
    let Some(program) = program("a_cluster_is_refused_and_what_to_use_is_told") else { return };
    let server = server(&program, &["--cluster-enabled", "yes"]);
    let (kind, text) = refusal(RedisTokenStore::connect(&url(&server)).await);
    assert_eq!(kind, Misconfigured);
    assert!(text.contains("Redis Cluster is not supported") && text.contains("Sentinel"), "{text}");
    let lazy = RedisTokenStore::lazy(&url(&server)).unwrap();
    assert_eq!(refusal(lazy.create(&key("a"), &record("x"), HOUR).await).0, Misconfigured);
}

#[tokio::test]
async fn a_replica_is_refused_until_it_is_the_primary() {
    let Some(program) = program("a_replica_is_refused_until_it_is_the_primary") else { return };
    let primary = server(&program, &[]);
    let replica = server(&program, &["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    let store = RedisTokenStore::lazy(&url(&replica)).unwrap();
    let (kind, text) = refusal(store.check().await);
    assert_eq!(kind, Misconfigured);
    assert!(text.contains("replica") && text.contains("connect_via_sentinel"), "{text}");
    let () = command_at(replica.port(), &["REPLICAOF", "NO", "ONE"]);
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();

    // What has been the primary is away for a while, and not set up wrongly.
    let () = command_at(replica.port(), &["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let (kind, text) = refusal(store.create(&key("b"), &record("x"), HOUR).await);
    assert_eq!(kind, Unavailable);
    assert!(text.contains("replica"), "{text}");
    let () = command_at(replica.port(), &["REPLICAOF", "NO", "ONE"]);
    store.create(&key("b"), &record("x"), HOUR).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let Some(program) = program("a_wrong_password_is_told_and_never_shown") else { return };
    let server = server(&program, &["--requirepass", "right"]);
    let at = |login: &str| format!("redis://{login}127.0.0.1:{}/3", server.port());
    for login in ["", ":canary@", "canary:canary@"] {
        let (kind, text) = refusal(RedisTokenStore::connect(&at(login)).await);
        assert_eq!(kind, Misconfigured, "{login}");
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("WRONGPASS") || text.contains("NOAUTH"), "{text}");
    }
    let store = RedisTokenStore::connect(&at(":right@")).await.unwrap();
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let port = server.port();
    assert_eq!(format!("{store:?}"), format!("RedisTokenStore(127.0.0.1:{port}/3, logto:*)"));
    let (kind, text) = refusal(RedisTokenStore::connect(&at(":right@").replace("/3", "/99")).await);
    assert_eq!(kind, Misconfigured);
    assert!(text.contains("DB index is out of range"), "{text}");
}

#[tokio::test]
async fn a_login_with_the_rights_of_the_readme_suffices() {
    let Some(program) = program("a_login_with_the_rights_of_the_readme_suffices") else { return };
    let readme = include_str!("../../README.md");
    let rule = readme.lines().find_map(|line| line.strip_prefix("ACL SETUSER ")).unwrap();
    let server = server(&program, &[]);
    let mut words = vec!["ACL", "SETUSER"];
    words.extend(rule.split_whitespace());
    let () = command_at(server.port(), &words);
    let () = command_at(server.port(), &["ACL", "SETUSER", "default", "off"]);
    let url = format!("redis://app:secret@127.0.0.1:{}", server.port());
    let store = RedisTokenStore::connect(&url).await.unwrap();
    let version = store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let lease = store.acquire(&key("a"), HOUR).await.unwrap();
    store.renew(&key("a"), lease.fence, HOUR).await.unwrap();
    store.swap(&key("a"), version, &record("y"), HOUR, Some(lease.fence)).await.unwrap();
    store.release(&key("a"), lease.fence).await.unwrap();
    assert_eq!(store.find(record("").sub().unwrap()).await.unwrap(), [key("a")]);
    store.take(&key("a")).await.unwrap();
    assert!(!store.delete(&key("a")).await.unwrap());
    assert_eq!(store.delete_by(record("").sub().unwrap()).await.unwrap(), 0);
    store.check().await.unwrap();

    let other = RedisTokenStore::connect(&url).await.unwrap().with_prefix("other:");
    let (kind, text) = refusal(other.create(&key("a"), &record("x"), HOUR).await);
    assert_eq!(kind, Misconfigured);
    assert!(text.contains("NOPERM") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn where_nobody_listens_or_somebody_else_is_told() {
    let store = RedisTokenStore::lazy(&format!("redis://:canary@127.0.0.1:{}", free_port())).unwrap();
    let (kind, text) = refusal(store.read(&key("a")).await);
    assert_eq!(kind, Unavailable);
    assert!(text.contains("127.0.0.1:") && !text.contains("canary"), "{text}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    let (kind, text) = refusal(RedisTokenStore::connect(&address).await);
    assert!(matches!(kind, Misconfigured | Unavailable), "{text}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_unavailable_in_time() {
    let store = RedisTokenStore::lazy("redis://nowhere.invalid").unwrap();
    let since = Instant::now();
    assert_eq!(refusal(store.read(&key("a")).await).0, Unavailable);
    assert!(since.elapsed().as_secs() < 3);
}

#[tokio::test]
async fn stores_with_other_prefixes_and_databases_never_meet() {
    let Some(program) = program("stores_with_other_prefixes_and_databases_never_meet") else { return };
    let server = server(&program, &[]);
    let stores = [
        RedisTokenStore::connect(&url(&server)).await.unwrap(),
        RedisTokenStore::connect(&url(&server)).await.unwrap().with_prefix("shop:"),
        RedisTokenStore::connect(&format!("{}/1", url(&server))).await.unwrap(),
    ];
    let index = record("").sub().unwrap().clone();
    for (number, store) in stores.iter().enumerate() {
        store.create(&key("a"), &record(&number.to_string()), HOUR).await.unwrap();
    }
    assert_eq!(stores[1].delete_by(&index).await.unwrap(), 1);
    for (number, found) in [1, 0, 1].into_iter().enumerate() {
        assert_eq!(stores[number].find(&index).await.unwrap().len(), found);
    }
    assert_eq!(stores[2].read(&key("a")).await.unwrap().record.payload(), b"2");
}

#[tokio::test]
async fn a_socket_is_an_address() {
    let Some(program) = program("a_socket_is_an_address") else { return };
    let path = std::env::temp_dir().join(format!("logto-test-{}.sock", std::process::id()));
    let server = server(&program, &["--unixsocket", path.to_str().unwrap()]);
    let store = RedisTokenStore::lazy(&format!("redis+unix://{}?db=1", path.display())).unwrap();
    let since = Instant::now();
    while let Err(error) = store.check().await {
        // The server listens on its port first.
        assert!(since.elapsed().as_secs() < 10, "{}", shown(&error));
    }
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    drop(server);
    assert_eq!(refusal(store.read(&key("a")).await).0, Unavailable);
    drop(std::fs::remove_file(path));
}

#[tokio::test]
async fn outside_of_a_runtime_an_error_says_so() {
    std::thread::spawn(|| {
        let store = RedisTokenStore::lazy("redis://127.0.0.1").unwrap();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let key = key("a");
        let mut read = store.read(&key);
        let std::task::Poll::Ready(Err(error)) = read.as_mut().poll(&mut context) else { panic!() };
        assert!(shown(&error).contains("Tokio"));
    })
    .join()
    .unwrap();
}

#[tokio::test]
async fn keys_say_nothing_and_what_a_record_holds_lies_in_one_field() {
    let Some(program) = program("keys_say_nothing_and_what_a_record_holds_lies_in_one_field") else { return };
    let server = server(&program, &[]);
    let store = RedisTokenStore::connect(&url(&server)).await.unwrap();
    store.create(&key("ticket"), &record("canary"), HOUR).await.unwrap();
    store.acquire(&key("ticket"), HOUR).await.unwrap();
    let mut keys: Vec<String> = command_at(server.port(), &["KEYS", "*"]);
    keys.sort();
    assert_eq!(keys.len(), 3);
    for key in &keys {
        let name = key.strip_prefix("logto:").unwrap();
        assert_eq!(name.strip_prefix("index:").unwrap_or(name).len(), 43);
        assert!(!key.contains("alice") && !key.contains("ticket"), "{key}");
        assert!(command_at::<i64>(server.port(), &["PTTL", key]) > 0, "{key} stays for ever");
    }
    let stored = format!("logto:{}", key("ticket").as_str());
    let fields: Vec<(String, Vec<u8>)> =
        redis::cmd("HGETALL").arg(stored).query(&mut direct(server.port())).unwrap();
    let holding = fields.iter().filter(|(_, value)| value.windows(6).any(|part| part == b"canary"));
    assert_eq!(holding.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["data"]);
    assert_eq!(fields.iter().find(|(name, _)| name == "data").unwrap().1, record("canary").data());
}
