//! A primary behind Sentinel: found, lost, and found again.

use crate::stage::{HOUR, command_at, key, program, record, server, shown, url};
use logto_conformance::servers::{Server, free_port};
use logto_storage_core::{
    TokenStore,
    TokenStoreErrorKind::{Misconfigured, Unavailable},
};
use logto_storage_redis::RedisTokenStore;
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// A Sentinel alone, which decides alone.
fn sentinel(program: &Path, primary: u16) -> Server {
    Server::start("sentinel", |port, folder| {
        let settings = format!(
            "port {port}\ndir {}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds mymaster 300\nsentinel failover-timeout mymaster 2000\n",
            folder.display()
        );
        fs::write(folder.join("sentinel.conf"), settings).unwrap();
        let mut command = Command::new(program);
        command.arg(folder.join("sentinel.conf")).arg("--sentinel");
        command
    })
}

fn replica_of(program: &Path, primary: &Server) -> Server {
    let replica = server(program, &["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    until(|| command_at::<String>(replica.port(), &["INFO", "replication"]).contains("link_status:up"));
    replica
}

fn until(true_at_last: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !true_at_last() {
        assert!(Instant::now() < deadline, "it never comes");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What speaks as a Sentinel, and says what the test wants.
struct FakeSentinel {
    url: String,
    primary: Arc<Mutex<Option<u16>>>,
}

impl FakeSentinel {
    fn naming(primary: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let primary = Arc::new(Mutex::new(primary));
        let shared = Arc::clone(&primary);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { url, primary }
    }

    fn name(&self, primary: u16) {
        *self.primary.lock().unwrap() = Some(primary);
    }
}

/// Anything but the question is fine.
fn answer(mut stream: TcpStream, primary: &Mutex<Option<u16>>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        for command in String::from_utf8_lossy(&buffer[..length]).split('*').skip(1) {
            let said = match *primary.lock().unwrap() {
                _ if !command.contains("GET-MASTER-ADDR-BY-NAME") => "+OK\r\n".to_owned(),
                Some(port) => format!("*2\r\n$9\r\n127.0.0.1\r\n$5\r\n{port:05}\r\n"),
                None => "*-1\r\n".to_owned(),
            };
            drop(stream.write_all(said.as_bytes()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_the_new_primary_is_found() {
    let Some(program) = program("after_a_failover_the_new_primary_is_found") else { return };
    let primary = server(&program, &[]);
    let replica = replica_of(&program, &primary);
    let sentinel = sentinel(&program, primary.port());
    let knows = |what: &str| {
        let info: Vec<String> = command_at(sentinel.port(), &["SENTINEL", "MASTER", "mymaster"]);
        info.chunks(2).any(|pair| pair[0] == "num-slaves" && pair[1] == what)
    };
    until(|| knows("1"));
    let urls = [url(&sentinel), format!("redis://127.0.0.1:{}", free_port())];
    let store =
        RedisTokenStore::connect_via_sentinel(urls.iter().map(String::as_str), "mymaster").await.unwrap();
    assert_eq!(format!("{store:?}"), "RedisTokenStore(mymaster/0 by Sentinel, logto:*)");
    let version = store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let lease = store.acquire(&key("a"), HOUR).await.unwrap();
    let leased = ["HEXISTS", &format!("logto:{}", key("a").as_str()), "leased"];
    until(|| command_at::<u64>(replica.port(), &leased) == 1);

    drop(primary);
    let since = Instant::now();
    let written = loop {
        match store.swap(&key("a"), version, &record("y"), HOUR, Some(lease.fence)).await {
            Ok(version) => break version,
            Err(error) => assert_eq!(error.kind(), Unavailable, "{}", shown(&error)),
        }
        assert!(since.elapsed() < Duration::from_secs(20), "no new primary");
        tokio::task::yield_now().await;
    };
    println!("the new primary serves after {:?}", since.elapsed());
    assert_eq!(store.read(&key("a")).await.unwrap().version, written);
    let past = RedisTokenStore::connect(&url(&replica)).await.unwrap();
    assert_eq!(past.find(record("").sid().unwrap()).await.unwrap(), [key("a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_becomes_a_replica_is_left_within_the_same_operation() {
    let Some(program) = program("a_primary_that_becomes_a_replica_is_left") else { return };
    let first = server(&program, &[]);
    let second = replica_of(&program, &first);
    let sentinel = FakeSentinel::naming(Some(first.port()));
    let store = RedisTokenStore::connect_via_sentinel([sentinel.url.as_str()], "mymaster").await.unwrap();
    let version = store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    until(|| command_at::<u64>(second.port(), &["DBSIZE"]) == 3);

    let () = command_at(second.port(), &["REPLICAOF", "NO", "ONE"]);
    let () = command_at(first.port(), &["REPLICAOF", "127.0.0.1", &second.port().to_string()]);
    sentinel.name(second.port());
    store.swap(&key("a"), version, &record("y"), HOUR, None).await.unwrap();
    let past = RedisTokenStore::connect(&url(&second)).await.unwrap();
    assert_eq!(past.read(&key("a")).await.unwrap().record.payload(), b"y");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_that_names_a_replica_is_not_believed() {
    let Some(program) = program("a_sentinel_that_names_a_replica_is_not_believed") else { return };
    let primary = server(&program, &["--requirepass", "right", "--masterauth", "right"]);
    let replica = server(&program, &["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    let (stale, fresh) =
        (FakeSentinel::naming(Some(replica.port())), FakeSentinel::naming(Some(primary.port())));
    let alone = RedisTokenStore::connect_via_sentinel([stale.url.as_str()], "mymaster").await.unwrap_err();
    assert_eq!(alone.kind(), Unavailable, "{}", shown(&alone));

    let both = [stale.url.as_str(), fresh.url.as_str()];
    let store = RedisTokenStore::connect_via_sentinel(both, "redis://:right@mymaster/2").await.unwrap();
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
    let wrong = RedisTokenStore::connect_via_sentinel(both, "redis://:canary@mymaster").await;
    assert!(!shown(&wrong.unwrap_err()).contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_sentinel_knows_is_told() {
    let unknowing = FakeSentinel::naming(None);
    let error = RedisTokenStore::connect_via_sentinel([unknowing.url.as_str()], "nobody").await.unwrap_err();
    assert_eq!(error.kind(), Misconfigured);
    assert!(shown(&error).contains("no primary of the name nobody"), "{}", shown(&error));
    let nowhere = format!("redis://127.0.0.1:{}", free_port());
    let error = RedisTokenStore::connect_via_sentinel([nowhere.as_str()], "mymaster").await.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    let nobody: [&str; 0] = [];
    assert_eq!(RedisTokenStore::lazy_via_sentinel(nobody, "x").unwrap_err().kind(), Misconfigured);
}

#[tokio::test]
async fn a_sentinel_taken_for_a_server_is_told() {
    let Some(program) = program("a_sentinel_taken_for_a_server_is_told") else { return };
    let primary = server(&program, &[]);
    let sentinel = sentinel(&program, primary.port());
    let error = RedisTokenStore::connect(&url(&sentinel)).await.unwrap_err();
    assert_eq!(error.kind(), Misconfigured);
    assert!(shown(&error).contains("connect_via_sentinel"), "{}", shown(&error));
}
