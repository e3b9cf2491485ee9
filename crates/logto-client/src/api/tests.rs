//! A verifier over a scripted provider: opaque tokens, and what no local Logto issues.

use super::{Access, AccessError, AccessErrorKind, AccessTokenVerifier, ApiConfig, Introspection};
use crate::{
    ManualClock, Request, Response, Transport, TransportError,
    verify::{
        Algorithm,
        tests::{access_token, forge},
    },
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Answers metadata, keys, and introspection by a list.
#[derive(Debug, Default)]
struct Scripted {
    introspections: AtomicUsize,
    silent: AtomicBool,
    answers: Mutex<HashMap<String, (u16, Value)>>,
    authorization: Mutex<Option<String>>,
}

#[async_trait::async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let at = |path: &str| format!("{}{path}", forge::ISSUER);
        let jwk = forge::jwk(forge::signer(Algorithm::Es384), &json!({"kid": "ES384", "alg": "ES384"}));
        let (status, body) = match request.url.path() {
            "/oidc/jwks" => (200, json!({ "keys": [jwk] })),
            "/oidc/token/introspection" => {
                self.introspections.fetch_add(1, Ordering::SeqCst);
                let form = request.form.unwrap();
                let form: HashMap<_, _> =
                    url::form_urlencoded::parse(form.expose().as_bytes()).into_owned().collect();
                *self.authorization.lock().unwrap() =
                    request.authorization.map(|authorization| authorization.expose().to_owned());
                tokio::task::yield_now().await;
                if self.silent.load(Ordering::SeqCst) {
                    tokio::time::sleep(request.timeout).await;
                    return Err(TransportError::new("timed out"));
                }
                let answers = self.answers.lock().unwrap();
                answers.get(&form["token"]).cloned().unwrap_or((200, json!({"active": false})))
            }
            _ => (
                200,
                json!({
                    "issuer": forge::ISSUER, "authorization_endpoint": at("/auth"),
                    "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
                    "introspection_endpoint": at("/token/introspection"),
                }),
            ),
        };
        Ok(Response {
            status,
            content_type: Some("application/json".to_owned()),
            cache_control: None,
            retry_after: None,
            body: body.to_string().into_bytes(),
        })
    }
}

struct Stage {
    provider: Arc<Scripted>,
    clock: ManualClock,
    verifier: AccessTokenVerifier,
}

impl Stage {
    fn set(change: impl FnOnce(ApiConfig) -> ApiConfig) -> Self {
        let (provider, clock) = (Arc::new(Scripted::default()), ManualClock::at(forge::NOW));
        let config = ApiConfig::new("https://op.example")
            .audience(access_token::API)
            .clock(Arc::new(clock.clone()))
            .transport(Arc::<Scripted>::clone(&provider));
        Self { provider, clock, verifier: AccessTokenVerifier::new(change(config)).unwrap() }
    }

    /// Opaque tokens of `web` are taken.
    fn asking() -> Self {
        Self::set(|config| config.introspection(Introspection::new("api", "s3cret").clients(["web"])))
    }

    fn answers(&self, token: &str, status: u16, answer: &Value) {
        self.provider.answers.lock().unwrap().insert(token.to_owned(), (status, answer.clone()));
    }

    fn asked(&self) -> usize {
        self.provider.introspections.load(Ordering::SeqCst)
    }

    async fn judge(&self, token: &str, access: &Access) -> Result<(), AccessErrorKind> {
        self.verifier.verify(token, access).await.map(drop).map_err(|error| error.kind())
    }

    async fn error(&self, token: &str) -> AccessError {
        self.verifier.verify(token, &Access::api()).await.unwrap_err()
    }
}

/// The answer that a server was seen to give about an opaque access token.
fn active() -> Value {
    json!({
        "active": true, "sub": "lbgqkcj7h5y0", "client_id": "web", "iss": forge::ISSUER,
        "exp": forge::NOW.as_secs() + 3600, "iat": forge::NOW.as_secs(), "scope": "openid profile",
        "token_type": "Bearer",
    })
}

const OPAQUE: &str = "F6dFlmJj86R-zk_ZnbBvBp6lAx-QkP8mjtVeE-IFJIE";

#[tokio::test]
async fn an_opaque_token_is_refused_with_the_way_out_where_nobody_is_asked() {
    let stage = Stage::set(|config| config);
    let error = stage.error(OPAQUE).await;
    assert_eq!(error.kind(), AccessErrorKind::InvalidToken);
    assert!(error.to_string().contains("opaque") && error.to_string().contains("`resource`"), "{error}");
    assert_eq!(stage.asked(), 0);
    let challenge = error.answer().www_authenticate.unwrap();
    assert!(
        challenge.starts_with("Bearer realm=\"https://api.example\", error=\"invalid_token\""),
        "{challenge}"
    );
}

#[tokio::test]
async fn an_opaque_token_is_taken_where_the_provider_says_so() {
    let stage = Stage::asking();
    stage.answers(OPAQUE, 200, &active());
    let auth = stage.verifier.verify(OPAQUE, &Access::api().scopes(["profile"])).await.unwrap();
    assert_eq!((auth.sub(), auth.client_id(), auth.jti()), ("lbgqkcj7h5y0", "web", None));
    assert_eq!((auth.audience().count(), auth.is_machine()), (0, false));
    assert_eq!(stage.provider.authorization.lock().unwrap().as_deref(), Some("Basic YXBpOnMzY3JldA=="));
    assert_eq!(
        stage.judge(OPAQUE, &Access::api().scopes(["read"])).await,
        Err(AccessErrorKind::InsufficientScope)
    );
    for other in [
        Access::organization("acme"),
        Access::api().audience("https://other.example"),
        Access::api().audience(access_token::API),
    ] {
        assert_eq!(stage.judge(OPAQUE, &other).await, Err(AccessErrorKind::InvalidToken), "{other:?}");
    }
    assert_eq!(
        stage.judge(OPAQUE, &Access::organization_api("acme")).await,
        Err(AccessErrorKind::InsufficientScope)
    );
    assert_eq!(stage.asked(), 1);
}

#[tokio::test]
async fn an_answer_is_believed_for_a_minute_and_never_beyond_the_tokens_life() {
    let stage = Stage::asking();
    stage.answers(OPAQUE, 200, &active());
    for (wait, asked) in [(0, 1), (59, 1), (1, 2), (59, 2)] {
        stage.clock.advance(Duration::from_secs(wait));
        assert_eq!(stage.judge(OPAQUE, &Access::api()).await, Ok(()));
        assert_eq!(stage.asked(), asked);
    }
    stage.answers(OPAQUE, 200, &json!({"active": false}));
    assert_eq!(stage.judge(OPAQUE, &Access::api()).await, Ok(()), "it is revoked and believed still");
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.judge(OPAQUE, &Access::api()).await, Err(AccessErrorKind::InvalidToken));

    let mut short = active();
    short["exp"] = json!(forge::NOW.as_secs() + 130);
    stage.answers("short", 200, &short);
    assert_eq!(stage.judge("short", &Access::api()).await, Ok(()));
    stage.clock.advance(Duration::from_secs(59));
    let asked = stage.asked();
    assert_eq!(stage.judge("short", &Access::api()).await, Ok(()), "clocks differ by a minute");
    stage.clock.advance(Duration::from_secs(12));
    assert_eq!(stage.judge("short", &Access::api()).await, Err(AccessErrorKind::InvalidToken));
    assert_eq!(stage.asked(), asked + 1);
}

#[tokio::test]
async fn no_other_application_another_kind_of_token_or_wrong_answer_passes() {
    let stage = Stage::asking();
    let with = |name: &str, value: Value| {
        let mut answer = active();
        answer[name] = value;
        answer
    };
    let without = |name: &str| {
        let mut answer = active();
        answer.as_object_mut().unwrap().remove(name);
        answer
    };
    for (number, answer) in [
        with("client_id", json!("another")),
        with("client_id", json!("api")),
        without("client_id"),
        // What is answered about a refresh token.
        without("token_type"),
        with("token_type", json!("refresh_token")),
        with("iss", json!("https://evil.example/oidc")),
        without("iss"),
        without("sub"),
        without("exp"),
        with("exp", json!(forge::NOW.as_secs() - 60)),
        with("scope", json!(["openid"])),
        with("active", json!("true")),
        with("active", json!(false)),
        without("active"),
        with("aud", json!("https://other.example")),
    ]
    .into_iter()
    .enumerate()
    {
        let token = format!("token-{number}");
        stage.answers(&token, 200, &answer);
        assert_eq!(stage.judge(&token, &Access::api()).await, Err(AccessErrorKind::InvalidToken), "{answer}");
    }
    assert_eq!(stage.judge(&"x".repeat(2000), &Access::api()).await, Err(AccessErrorKind::InvalidToken));
    let own = Stage::set(|config| config.introspection(Introspection::new("web", "secret")));
    own.answers(OPAQUE, 200, &active());
    assert_eq!(own.judge(OPAQUE, &Access::api()).await, Ok(()), "its own application's");
}

#[tokio::test]
async fn about_one_token_the_provider_is_asked_once_at_a_time_and_about_a_bad_one_once_a_minute() {
    let stage = Stage::asking();
    stage.answers(OPAQUE, 200, &active());
    for (token, expected) in [(OPAQUE, true), ("bad", false)] {
        let before = stage.asked();
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let verifier = stage.verifier.clone();
                tokio::spawn(async move { verifier.verify(token, &Access::api()).await.is_ok() })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), expected);
        }
        assert_eq!(stage.asked(), before + 1, "{token}");
    }
}

#[tokio::test]
async fn a_wrong_secret_and_an_outage_blame_no_token_and_are_not_believed() {
    let stage = Stage::asking();
    for (status, answer, kind) in [
        (401, json!({"error": "invalid_client"}), AccessErrorKind::Misconfigured),
        (503, json!("out of order"), AccessErrorKind::Unavailable),
        (200, json!([]), AccessErrorKind::Unavailable),
    ] {
        stage.answers(OPAQUE, status, &answer);
        assert_eq!(stage.judge(OPAQUE, &Access::api()).await, Err(kind), "{answer}");
    }
    stage.answers(OPAQUE, 200, &active());
    assert_eq!(stage.judge(OPAQUE, &Access::api()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_opaque_tokens_waits_for_a_silent_provider_no_longer_than_stated() {
    let stage = Stage::asking();
    stage.provider.silent.store(true, Ordering::SeqCst);
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let verifier = stage.verifier.clone();
            tokio::spawn(async move { verifier.verify(&format!("t-{number}"), &Access::api()).await })
        })
        .collect();
    let since = tokio::time::Instant::now();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap_err().kind(), AccessErrorKind::Unavailable);
    }
    assert!(since.elapsed() <= Duration::from_secs(10), "{:?}", since.elapsed());
    assert!(stage.asked() <= 32, "{}", stage.asked());
}

#[tokio::test]
async fn tokens_of_machines_and_of_people_who_are_impersonated_are_told_apart() {
    let stage = Stage::set(|config| config);
    let machine = access_token::signed_with(&[("sub", json!(forge::CLIENT))], &["scope"]);
    let auth = stage.verifier.verify(&machine, &Access::api()).await.unwrap();
    assert!(auth.is_machine() && auth.scopes().count() == 0);
    let lacking = stage.verifier.verify(&machine, &Access::api().scopes(["read"])).await.unwrap_err();
    assert_eq!((lacking.kind(), lacking.scope()), (AccessErrorKind::InsufficientScope, Some("read")));
    let acted = access_token::signed_with(&[("act", json!({"sub": "support"}))], &[]);
    assert_eq!(stage.verifier.verify(&acted, &Access::api()).await.unwrap().act(), Some("support"));
}

#[tokio::test]
async fn neither_an_error_nor_debug_shows_a_token() {
    let stage = Stage::asking();
    stage.answers("canary-opaque", 400, &json!({"error": "invalid_request", "error_description": "x"}));
    for token in ["canary", "canary-opaque", "canary.canary.canary", "can\"ary\r\n"] {
        let error = stage.error(token).await;
        let told = format!("{error} {error:?} {:?} {:?}", error.answer(), stage.verifier);
        assert!(!told.contains("canary"), "{told}");
    }
}
