//! Token exchange, over real HTTP: by a machine and by the application that people sign in with.

use crate::secrets::Log;
use logto_client::{
    AccessToken, ErrorKind, LogtoClient, LogtoConfig, LogtoError, MachineClient, MachineConfig,
    SignInOptions, TokenExchange, TokenTarget,
};
use logto_emulator::{Application, Emulator, Endpoint, Failure, User};
use logto_storage_core::MemoryStorage;
use serde_json::json;
use std::time::Duration;

const API: &str = "https://api.example.test";

struct Stage {
    emulator: Emulator,
    web: LogtoClient,
    spa: LogtoClient,
    machine: MachineClient,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Web,
    Spa,
    Machine,
}

const ALL: [By; 3] = [By::Web, By::Spa, By::Machine];

impl Stage {
    async fn set() -> Self {
        let emulator = Emulator::builder()
            .application(Application::new("web").secret("web-secret").token_exchange())
            .application(Application::new("spa").token_exchange())
            .user(User::new("bob"))
            .resource(API, ["read:x", "write:x"])
            .organization_scopes(["read:member"])
            .start()
            .await
            .unwrap();
        let endpoint = emulator.endpoint();
        let config = |id: &str| LogtoConfig::new(&endpoint, id).base_url("http://localhost:3000");
        let machine = MachineConfig::new(&endpoint, "local-machine", "local-machine-secret");
        Self {
            web: LogtoClient::new(config("web").app_secret("web-secret")).unwrap(),
            spa: LogtoClient::new(config("spa")).unwrap(),
            machine: MachineClient::new(machine).unwrap(),
            emulator,
        }
    }

    async fn exchange(
        &self,
        by: By,
        exchange: TokenExchange,
        target: impl Into<TokenTarget>,
    ) -> Result<AccessToken, LogtoError> {
        match by {
            By::Web => self.web.exchange_token(exchange, target).await,
            By::Spa => self.spa.exchange_token(exchange, target).await,
            By::Machine => self.machine.exchange_token(exchange, target).await,
        }
    }

    /// An impersonation of alice.
    fn subject(&self) -> TokenExchange {
        TokenExchange::subject_token(self.emulator.subject_token("alice").unwrap())
    }

    /// The access token for user info of a person who has signed in.
    async fn signed_in(&self, username: &str) -> AccessToken {
        let session = self.web.session(MemoryStorage::new());
        let url = session.sign_in(SignInOptions::new()).await.unwrap();
        let callback = self.emulator.approve(url.as_str(), username).unwrap();
        session.handle_sign_in_callback(&callback).await.unwrap();
        session.access_token(TokenTarget::user_info()).await.unwrap()
    }
}

fn read() -> TokenTarget {
    TokenTarget::resource(API).scopes(["read:x", "nope"])
}

#[tokio::test]
async fn a_subject_token_brings_a_token_in_the_persons_name_once() {
    let stage = Stage::set().await;
    for (by, id) in ALL.into_iter().zip(["web", "spa", "local-machine"]) {
        let exchange = stage.subject();
        let token = stage.exchange(by, exchange.clone(), read()).await.unwrap();
        let claims = token.claims().unwrap();
        assert_eq!((claims.aud(), claims.client_id()), (Some(API), Some(id)));
        assert_eq!(claims.sub(), Some(User::new("alice").sub().as_str()));
        assert_eq!(token.scopes().collect::<Vec<_>>(), ["read:x"], "what the person has, told by the token");
        assert!(claims.get("act").is_none());
        let error = stage.exchange(by, exchange, read()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("invalid_grant")), "{by:?}");
    }
}

#[tokio::test]
async fn a_personal_access_token_and_an_access_token_bring_any_number_and_none_is_kept() {
    let stage = Stage::set().await;
    let personal = stage.emulator.personal_access_token("alice", None).unwrap();
    let opaque = stage.signed_in("alice").await;
    let before = stage.emulator.count(Endpoint::Token);
    for by in ALL {
        for exchange in
            [TokenExchange::personal_access_token(&personal), TokenExchange::access_token(opaque.expose())]
        {
            let one = stage.exchange(by, exchange.clone(), read()).await.unwrap();
            let two = stage.exchange(by, exchange, read()).await.unwrap();
            assert_ne!(one.expose(), two.expose());
            assert_eq!(one.claims().unwrap().sub(), two.claims().unwrap().sub());
        }
    }
    assert_eq!(stage.emulator.count(Endpoint::Token) - before, 12);
}

#[tokio::test]
async fn who_acts_stands_in_the_token() {
    let stage = Stage::set().await;
    let bob = stage.signed_in("bob").await;
    for by in ALL {
        let exchange = stage.subject().actor(bob.expose());
        let token = stage.exchange(by, exchange, read()).await.unwrap();
        let claims = token.claims().unwrap();
        assert_eq!(claims.get("act"), Some(&json!({ "sub": User::new("bob").sub() })));
        assert_eq!(claims.sub(), Some(User::new("alice").sub().as_str()));
        let error = stage.exchange(by, stage.subject().actor("nope"), read()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("invalid_grant")));
    }
}

#[tokio::test]
async fn for_an_organization_a_resource_within_it_and_user_info() {
    let stage = Stage::set().await;
    for by in ALL {
        let acme = TokenTarget::organization("acme").scopes(["read:member"]);
        let token = stage.exchange(by, stage.subject(), acme).await.unwrap();
        assert_eq!(token.claims().unwrap().aud(), Some("urn:logto:organization:acme"));
        assert!(token.has_scope("read:member"));
        let both = TokenTarget::resource(API).in_organization("acme");
        let token = stage.exchange(by, stage.subject(), both).await.unwrap();
        let claims = token.claims().unwrap();
        assert_eq!((claims.aud(), claims.organization_id()), (Some(API), Some("acme")));
        let user_info = TokenTarget::user_info().scopes(["openid", "profile"]);
        let token = stage.exchange(by, stage.subject(), user_info).await.unwrap();
        assert!(token.claims().is_none() && token.has_scope("profile"), "it is opaque");
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let stage = Stage::set().await;
    for by in ALL {
        let strangers = TokenTarget::organization("strangers");
        let error = stage.exchange(by, stage.subject(), strangers).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("access_denied")));
        let nope = TokenTarget::resource("https://nope.example.test");
        let error = stage.exchange(by, stage.subject(), nope).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidTarget, Some("invalid_target")));
        assert!(error.to_string().contains("https://nope.example.test"));
        let swapped = TokenExchange::personal_access_token(stage.emulator.subject_token("alice").unwrap());
        let error = stage.exchange(by, swapped, read()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        stage.emulator.fail_next(Endpoint::Token, Failure::Status(503), 1);
        let error = stage.exchange(by, stage.subject(), read()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        stage.emulator.fail_next(Endpoint::Token, Failure::RetryAfter(9), 1);
        let error = stage.exchange(by, stage.subject(), read()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_after()),
            (ErrorKind::RateLimited, Some(Duration::from_secs(9)))
        );
    }
    let late = stage.subject();
    stage.emulator.advance(Duration::from_secs(600));
    assert_eq!(stage.exchange(By::Web, late, read()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_application_that_is_not_allowed_to_is_told_where_to_allow_it() {
    let stage = Stage::set().await;
    let endpoint = stage.emulator.endpoint();
    let client =
        LogtoClient::new(LogtoConfig::new(&endpoint, "local-app").app_secret("local-secret")).unwrap();
    let error = client.exchange_token(stage.subject(), read()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Misconfigured, Some("invalid_request")));
    assert!(error.to_string().contains("local-app") && error.to_string().contains("allow token exchange"));
    let wrong = LogtoClient::new(LogtoConfig::new(&endpoint, "web").app_secret("wrong")).unwrap();
    let error = wrong.exchange_token(stage.subject(), read()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Misconfigured, Some("invalid_client")));
}

#[tokio::test]
async fn no_log_line_no_error_and_no_debug_holds_a_token() {
    let (log, _guard, _second) = Log::start();
    let stage = Stage::set().await;
    let (subject, bob) = (stage.emulator.subject_token("alice").unwrap(), stage.signed_in("bob").await);
    let exchange = || TokenExchange::subject_token(&subject).actor(bob.expose());
    let token = stage.exchange(By::Machine, exchange(), read()).await.unwrap();
    let mut told = format!("{:?} {token:?}", exchange());
    told += &format!("{:?}", stage.exchange(By::Machine, exchange(), read()).await.unwrap_err());
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::Disconnect));
    told += &format!("{:?}", stage.exchange(By::Web, exchange(), read()).await.unwrap_err());
    let logged = log.text();
    assert!(told.contains("invalid_grant"));
    for secret in [&subject, bob.expose(), token.expose(), "local-machine-secret", "web-secret"] {
        assert!(!logged.contains(secret) && !told.contains(secret), "{secret}");
    }
}
