//! Nothing that must stay secret is logged or told by an error.

use crate::stage::{Stage, parameter};
use logto_client::SignInOptions;
use logto_emulator::{Endpoint, Failure};
use logto_storage_core::{Storage, keys};
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;

/// What is logged in a test.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps what this thread logs, until the guard is dropped.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_and_no_error_holds_a_secret() {
    let (log, _guard) = Log::start();

    let stage = Stage::set().await;
    let mut told = String::new();
    let mut secrets = vec!["local-secret".to_owned(), "bG9jYWwtYXBwOmxvY2FsLXNlY3JldA".to_owned()];
    let url = stage.session().sign_in(SignInOptions::new()).await.unwrap();
    let pending = Storage::get(&stage.storage, keys::SIGN_IN_SESSION).await.unwrap().unwrap();
    let verifier = pending.split("\"verifier\":\"").nth(1).unwrap().split('"').next().unwrap();
    secrets.extend([verifier.to_owned(), parameter(url.as_str(), "state")]);
    let callback = stage.emulator.approve(url.as_str(), "alice").unwrap();
    secrets.push(parameter(&callback, "code"));

    stage.emulator.fail_next(Endpoint::Token, Failure::Status(503), 1);
    told += &format!("{:?}", stage.complete(&callback).await.unwrap_err());
    let signed_in = stage.complete(&callback).await.unwrap();
    told += &format!("{signed_in:?} {:?}", stage.session());
    told += &format!("{:?}", stage.complete(&callback).await.unwrap_err());
    for key in [keys::ID_TOKEN, keys::REFRESH_TOKEN] {
        secrets.push(Storage::get(&stage.storage, key).await.unwrap().unwrap());
    }
    let map = Storage::get(&stage.storage, keys::ACCESS_TOKEN_MAP).await.unwrap().unwrap();
    secrets.push(map.split("\"token\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned());
    for endpoint in [Endpoint::UserInfo, Endpoint::Revocation] {
        stage.emulator.set_failure(endpoint, Some(Failure::Status(500)));
    }
    told += &format!("{:?}", stage.session().fetch_user_info().await.unwrap_err());
    stage.session().sign_out(Some("http://localhost:3000/")).await.unwrap();

    let logged = log.text();
    assert!(logged.contains("the provider did not revoke a token"), "the log is read");
    assert!(told.contains("Unavailable"));
    for secret in secrets {
        assert!(secret.len() > 8, "{secret}");
        assert!(!logged.contains(&secret), "the log holds {secret}");
        assert!(!told.contains(&secret), "an error or Debug holds {secret}");
    }
}
