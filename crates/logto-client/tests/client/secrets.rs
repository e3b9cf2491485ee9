//! Nothing that must stay secret is logged or told by an error.

use crate::stage::{Stage, parameter};
use logto_client::{Access, AccessTokenVerifier, ApiConfig, Introspection, SignInOptions};
use logto_emulator::{Endpoint, Failure};
use logto_storage_core::{Storage, keys};
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use tracing_subscriber::filter::LevelFilter;

/// What is logged in a test.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// All that this thread logs for as long as the other two are kept.
    pub(crate) fn start() -> (Self, tracing::subscriber::DefaultGuard, tracing::Dispatch) {
        // Where there is one subscriber alone, a line that another thread comes to first is off for ever.
        let second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber), second)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn an_api_logs_and_tells_no_token_and_no_secret() {
    let (log, _guard, _second) = Log::start();
    let stage = Stage::with(|config| config.resources(["https://api.example.test"])).await;
    stage.sign_in().await;
    let token = stage.session().access_token("https://api.example.test").await.unwrap();
    let config = ApiConfig::new(stage.emulator.endpoint())
        .audience("https://api.example.test")
        .clock(std::sync::Arc::new(stage.clock.clone()))
        .introspection(Introspection::new("local-app", "local-secret"));
    let verifier = AccessTokenVerifier::new(config).unwrap();
    let mut told = format!("{verifier:?}");
    let (opaque, tampered) = ("opaque-token-of-somebody", format!("{}AAAA", token.expose()));
    stage.emulator.set_failure(Endpoint::Jwks, Some(Failure::Status(500)));
    told += &format!("{:?}", verifier.verify(token.expose(), &Access::api()).await.unwrap_err());
    stage.emulator.set_failure(Endpoint::Jwks, None);
    stage.advance(std::time::Duration::from_secs(5));
    for token in [token.expose(), opaque, &tampered] {
        for access in [Access::api().scopes(["admin"]), Access::organization("acme")] {
            let error = verifier.verify(token, &access).await.unwrap_err();
            told += &format!("{error:?} {error} {:?}", error.answer());
        }
    }
    told += &format!("{:?}", verifier.verify(token.expose(), &Access::api()).await.unwrap());
    let logged = log.text();
    assert!(logged.contains("fetching from the provider failed"), "the log is read");
    let signature = token.expose().rsplit('.').next().unwrap();
    for secret in [signature, opaque, &tampered, "local-secret", "bG9jYWwtYXBwOmxvY2FsLXNlY3JldA"] {
        assert!(!logged.contains(secret), "the log holds {secret}");
        assert!(!told.contains(secret), "an error or Debug holds {secret}");
    }
}

#[tokio::test]
async fn no_log_line_and_no_error_holds_a_secret() {
    let (log, _guard, _second) = Log::start();
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
