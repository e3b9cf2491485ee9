//! TLS: who is trusted, and who is let in.

use crate::stage::{HOUR, key, record, shown};
use logto_conformance::servers::{Server, find, free_port, note_skip};
use logto_storage_core::{TokenStore, TokenStoreErrorKind::Misconfigured};
use logto_storage_redis::RedisTokenStore;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::{
    fs,
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

/// A server program that speaks TLS, which not all are built for.
fn program(test: &str) -> Option<PathBuf> {
    let speaks_tls = |program: &PathBuf| {
        let mut command = Command::new(program);
        command
            .args(["--port", "0", "--tls-cert-file", "nowhere", "--tls-port"])
            .arg(free_port().to_string());
        let refused = command.output().unwrap();
        String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat())
            .contains("Failed to configure TLS")
    };
    let found = find("LOGTO_TEST_REDIS_SERVER", &["redis-server"]).filter(speaks_tls);
    if found.is_none() {
        note_skip(test, "redis-server with TLS");
    }
    found
}

/// An authority, and what it gives out.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name, and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn server(&self, program: &Path, name: &str, clients: &str) -> Server {
        let (certificate, private) = self.issue(name);
        Server::start("redis-tls", |port, folder| {
            let file = |name: &str, text: &str| {
                fs::write(folder.join(name), text).unwrap();
                folder.join(name)
            };
            let mut command = Command::new(program);
            command.args(["--bind", "127.0.0.1", "--save", "", "--port", "0", "--tls-auth-clients", clients]);
            command.arg("--tls-port").arg(port.to_string()).arg("--dir").arg(folder);
            command.arg("--tls-cert-file").arg(file("server.pem", &certificate));
            command.arg("--tls-key-file").arg(file("server.key", &private));
            command.arg("--tls-ca-cert-file").arg(file("ca.pem", &self.pem()));
            command
        })
    }
}

fn at(server: &Server) -> RedisTokenStore {
    RedisTokenStore::lazy(&format!("rediss://127.0.0.1:{}", server.port())).unwrap()
}

async fn refused(store: &RedisTokenStore, why: &str) {
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), Misconfigured, "{}", shown(&error));
    assert!(shown(&error).contains(why), "{}", shown(&error));
}

#[tokio::test]
async fn a_private_authority_is_trusted_and_no_other() {
    let Some(program) = program("a_private_authority_is_trusted_and_no_other") else { return };
    let (authority, other) = (Authority::new(), Authority::new());
    let server = authority.server(&program, "127.0.0.1", "no");
    let store = at(&server).with_root_certificates(authority.pem().as_bytes()).unwrap();
    let version = store.create(&key("a"), &record(&"x".repeat(200_000)), HOUR).await.unwrap();
    store.swap(&key("a"), version, &record("y"), HOUR, None).await.unwrap();
    assert_eq!(store.read(&key("a")).await.unwrap().record.payload(), b"y");

    refused(&at(&server), "certificate").await;
    refused(&at(&server).with_root_certificates(other.pem().as_bytes()).unwrap(), "certificate").await;
    let elsewhere = authority.server(&program, "redis.example.com", "no");
    let wrong_name = at(&elsewhere).with_root_certificates(authority.pem().as_bytes()).unwrap();
    refused(&wrong_name, "certificate").await;
}

#[tokio::test]
async fn a_server_that_asks_who_the_client_is_gets_its_certificate() {
    let Some(program) = program("a_server_that_asks_who_the_client_is_gets_its_certificate") else { return };
    let authority = Authority::new();
    let server = authority.server(&program, "127.0.0.1", "yes");
    let (chain, private) = authority.issue("app");
    let trusting = || at(&server).with_root_certificates(authority.pem().as_bytes()).unwrap();
    refused(&trusting(), "CertificateRequired").await;
    let store = trusting().with_client_certificate(chain.as_bytes(), private.as_bytes()).unwrap();
    store.create(&key("a"), &record("x"), HOUR).await.unwrap();
}

#[tokio::test]
async fn who_does_not_speak_tls_hears_no_password() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rediss://:canary@{}", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let length = listener.accept().unwrap().0.read(&mut buffer).unwrap();
        buffer[..length].to_vec()
    });
    RedisTokenStore::connect(&url).await.unwrap_err();
    let heard = heard.join().unwrap();
    assert_eq!(heard[0], 22, "a handshake of TLS");
    assert!(!heard.windows(6).any(|part| part == b"canary"));
}

#[test]
fn what_is_no_certificate_is_refused_and_not_shown() {
    let store = || RedisTokenStore::lazy("rediss://127.0.0.1").unwrap();
    let (chain, private) = Authority::new().issue("app");
    let (other, _) = Authority::new().issue("app");
    for error in [
        store().with_root_certificates(b"canary").unwrap_err(),
        store().with_root_certificates(private.as_bytes()).unwrap_err(),
        store().with_client_certificate(b"canary", private.as_bytes()).unwrap_err(),
        store().with_client_certificate(chain.as_bytes(), b"canary").unwrap_err(),
        store().with_client_certificate(other.as_bytes(), private.as_bytes()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Misconfigured);
        assert!(!shown(&error).contains("canary"), "{}", shown(&error));
    }
}
