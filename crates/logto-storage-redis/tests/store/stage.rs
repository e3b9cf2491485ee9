//! Servers for the tests, and what is done behind the store's back.

use crate::proxy::{Mode, Proxy};
use logto_conformance::{
    servers::{Server, find, note_skip},
    token_store::Harness,
};
use logto_storage_core::{
    ManualClock, Realm, TokenStore, TokenStoreError,
    token_store::{Record, RecordKey},
};
use logto_storage_redis::RedisTokenStore;
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// The program, or a note that the test is left out.
pub(crate) fn program(test: &str) -> Option<PathBuf> {
    let found = find("LOGTO_TEST_REDIS_SERVER", &["redis-server"]);
    if found.is_none() {
        note_skip(test, "redis-server");
    }
    found
}

/// A server with these arguments beyond the usual ones.
pub(crate) fn server(program: &Path, arguments: &[&str]) -> Server {
    Server::start("redis", |port, folder| {
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--repl-diskless-sync-delay", "0"]);
        command.arg("--port").arg(port.to_string()).arg("--dir").arg(folder).args(arguments);
        command
    })
}

pub(crate) fn url(server: &Server) -> String {
    format!("redis://127.0.0.1:{}", server.port())
}

/// A connection past the store.
pub(crate) fn direct(port: u16) -> redis::Connection {
    redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap().get_connection().unwrap()
}

/// One command past the store.
pub(crate) fn command_at<T: redis::FromRedisValue>(port: u16, words: &[&str]) -> T {
    redis::cmd(words[0]).arg(&words[1..]).query(&mut direct(port)).unwrap()
}

pub(crate) fn realm() -> Realm {
    Realm::new("https://tenant.logto.app/oidc", "app")
}

pub(crate) fn key(name: &str) -> RecordKey {
    realm().record(name)
}

/// A record of alice in the session s1.
pub(crate) fn record(payload: &str) -> Record {
    Record::new(payload.as_bytes(), Some(realm().sub("alice")), Some(realm().sid("s1")))
}

/// An error with all its causes.
pub(crate) fn shown(error: &TokenStoreError) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        shown += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    shown
}

/// A store on a server of its own, behind a wire that can be cut.
pub(crate) struct Stage {
    clock: ManualClock,
    proxy: Proxy,
    server: Server,
}

fn stored(key: &RecordKey) -> String {
    format!("logto:{}", key.as_str())
}

impl Harness for Stage {
    async fn start() -> Option<Self> {
        let server = server(&program("the token store suite on Redis")?, &[]);
        Some(Self { clock: ManualClock::start_now(), proxy: Proxy::to(server.port()), server })
    }

    fn store(&self) -> Arc<dyn TokenStore> {
        let store = RedisTokenStore::lazy(&self.proxy.url()).unwrap();
        // A thousand requests at once on a busy machine take their time.
        let store = store.with_timeout(Duration::from_secs(5));
        Arc::new(store.with_clock(Arc::new(self.clock.clone())))
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn overwrite(&self, key: &RecordKey, data: &[u8]) -> bool {
        let mut command = redis::cmd("HSET");
        command.arg(stored(key)).arg("data").arg(data);
        command.exec(&mut direct(self.server.port())).unwrap();
        true
    }

    async fn vanish(&self, key: &RecordKey) -> bool {
        command_at::<u64>(self.server.port(), &["DEL", &stored(key)]) == 1
    }

    async fn break_store(&self) -> bool {
        self.proxy.set(Mode::Cut);
        true
    }

    async fn mend_store(&self) {
        self.proxy.set(Mode::Through);
    }
}
