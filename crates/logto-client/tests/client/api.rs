//! An API that is called with the tokens of the local Logto.

use crate::stage::{Stage, config};
use logto_client::{
    Access, AccessError, AccessErrorKind, AccessTokenVerifier, ApiConfig, LogtoConfig, Scopes, TokenTarget,
    verify::MAX_TOKEN_BYTES,
};
use logto_emulator::{Emulator, Endpoint, Failure};
use std::{sync::Arc, time::Duration};

const API: &str = "https://api.example.test";
const OTHER_API: &str = "https://other.example.test";

/// Alice, in the organization `acme`, with tokens for two APIs.
struct Caller {
    stage: Stage,
    verifier: AccessTokenVerifier,
}

impl Caller {
    async fn signed_in() -> Self {
        Self::calling(|config| config).await
    }

    async fn calling(change: impl FnOnce(ApiConfig) -> ApiConfig) -> Self {
        let emulator = Emulator::builder()
            .resource(API, ["read:x", "write:x"])
            .resource(OTHER_API, ["read:y"])
            .organization_scopes(["read:member", "invite:member"])
            .user(logto_emulator::User::new("bob").organization("umbrella"))
            .start()
            .await
            .unwrap();
        let stage = Stage::over(emulator, with_apis);
        stage.sign_in().await;
        let config =
            ApiConfig::new(stage.emulator.endpoint()).audience(API).clock(Arc::new(stage.clock.clone()));
        Self { verifier: AccessTokenVerifier::new(change(config)).unwrap(), stage }
    }

    async fn token(&self, target: impl Into<TokenTarget>) -> String {
        self.stage.session().access_token(target).await.unwrap().expose().to_owned()
    }

    async fn judge(&self, token: &str, access: &Access) -> Result<(), AccessErrorKind> {
        self.verifier.verify(token, access).await.map(drop).map_err(|error| error.kind())
    }

    async fn enters(&self, token: &str) -> Result<(), AccessErrorKind> {
        self.judge(token, &Access::api()).await
    }

    /// How often metadata and keys were fetched, the client's own fetches included.
    fn fetches(&self) -> (u64, u64) {
        (self.stage.emulator.count(Endpoint::Discovery), self.stage.emulator.count(Endpoint::Jwks))
    }
}

fn with_apis(config: LogtoConfig) -> LogtoConfig {
    config.resources([API, OTHER_API]).scopes([
        logto_client::scope::ORGANIZATIONS,
        "read:x",
        "write:x",
        "read:y",
        "read:member",
    ])
}

/// A token of this issuer's form by a key that nobody knows.
fn by_unknown_key(good: &str, number: usize) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = format!(r#"{{"alg":"ES384","typ":"at+jwt","kid":"unknown-{number}"}}"#);
    let (_, rest) = good.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

#[tokio::test]
async fn each_of_the_three_models_takes_its_own_tokens_and_no_others() {
    use AccessErrorKind::{InsufficientScope, InvalidToken};
    let caller = Caller::signed_in().await;
    let tokens = [
        caller.token(API).await,
        caller.token(TokenTarget::organization("acme")).await,
        caller.token(TokenTarget::resource(API).in_organization("acme")).await,
        caller.token(OTHER_API).await,
        caller.token(TokenTarget::resource(OTHER_API).in_organization("acme")).await,
    ];
    let (yes, no, less) = (Ok(()), Err(InvalidToken), Err(InsufficientScope));
    for (access, expected) in [
        (Access::api(), [yes, no, less, no, no]),
        (Access::api().scopes(["read:x", "write:x"]), [yes, no, less, no, no]),
        (Access::api().scopes(["read:x", "delete:x"]), [less, no, less, no, no]),
        (Access::api().scopes(Scopes::any_of(["delete:x", "read:x"])), [yes, no, less, no, no]),
        (Access::api().scopes(Scopes::any_of(["delete:x", "read:y"])), [less, no, less, no, no]),
        (Access::organization("acme"), [no, yes, no, no, no]),
        (Access::organization("acme").scopes(["read:member"]), [no, yes, no, no, no]),
        // Not asked for at sign-in.
        (Access::organization("acme").scopes(["invite:member"]), [no, less, no, no, no]),
        (Access::organization("umbrella"), [no, less, no, no, no]),
        (Access::organization_api("acme"), [less, no, yes, no, no]),
        (Access::organization_api("acme").scopes(["read:x"]), [less, no, yes, no, no]),
        (Access::organization_api("umbrella"), [less, no, less, no, no]),
        (Access::any_organization_api(), [less, no, yes, no, no]),
        (Access::api().audience(OTHER_API), [no, no, no, yes, less]),
        (Access::organization_api("acme").audience(OTHER_API), [no, no, no, less, yes]),
    ] {
        // The second time they are remembered, and checked all the same.
        for round in 0..2 {
            for (token, expected) in tokens.iter().zip(expected) {
                assert_eq!(caller.judge(token, &access).await, expected, "{access:?} {round}");
            }
        }
    }
    let auth = caller.verifier.verify(&tokens[2], &Access::organization_api("acme")).await.unwrap();
    assert_eq!((auth.client_id(), auth.organization_id()), ("local-app", Some("acme")));
    assert_eq!(auth.scopes().collect::<Vec<_>>(), ["read:x", "write:x"]);
}

#[tokio::test]
async fn no_other_token_of_logto_is_an_access_token() {
    let caller = Caller::signed_in().await;
    let id_token = caller.stage.item(logto_storage_core::keys::ID_TOKEN).await.unwrap();
    let refresh_token = caller.stage.item(logto_storage_core::keys::REFRESH_TOKEN).await.unwrap();
    let opaque = caller.token(TokenTarget::user_info()).await;
    let posing_logout_token = caller
        .stage
        .emulator
        .logout_token("local-app", "alice", None, |claims| {
            claims.insert("aud".to_owned(), API.into());
            claims.insert("client_id".to_owned(), "local-app".into());
        })
        .unwrap();
    let long = "x".repeat(MAX_TOKEN_BYTES + 1);
    for token in [
        id_token.as_str(),
        &refresh_token,
        &opaque,
        &posing_logout_token,
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        &long,
        &format!("{long}.{long}.{long}"),
    ] {
        assert_eq!(caller.enters(token).await, Err(AccessErrorKind::InvalidToken));
    }
}

#[tokio::test]
async fn a_token_of_another_logto_is_refused() {
    let (caller, other) = (Caller::signed_in().await, Caller::signed_in().await);
    let foreign = other.token(API).await;
    assert_eq!(caller.enters(&foreign).await, Err(AccessErrorKind::InvalidToken));
    assert_eq!(other.enters(&foreign).await, Ok(()));
}

#[tokio::test]
async fn the_api_starts_without_the_provider_and_works_when_it_comes() {
    let caller = Caller::signed_in().await;
    let token = caller.token(API).await;
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        caller.stage.emulator.set_failure(endpoint, Some(Failure::Status(503)));
        let error: AccessError = caller.verifier.verify(&token, &Access::api()).await.unwrap_err();
        assert_eq!(error.kind(), AccessErrorKind::Unavailable);
        let answer = error.answer();
        assert_eq!((answer.status, answer.www_authenticate), (503, None));
        assert!(answer.retry_after.is_some());
        caller.stage.emulator.set_failure(endpoint, None);
        caller.stage.advance(Duration::from_secs(5));
    }
    assert_eq!(caller.enters(&token).await, Ok(()));
}

#[tokio::test]
async fn a_token_by_a_new_key_is_accepted_at_once_and_one_by_the_old_key_still() {
    let caller = Caller::signed_in().await;
    let old = caller.token(API).await;
    assert_eq!(caller.enters(&old).await, Ok(()));
    caller.stage.emulator.rotate_keys().unwrap();
    caller.stage.clock.advance(Duration::from_secs(1));
    let new = caller.token(TokenTarget::resource(API).forced()).await;
    let (_, before) = caller.fetches();
    assert_eq!((caller.enters(&new).await, caller.enters(&old).await), (Ok(()), Ok(())));
    assert_eq!(caller.fetches().1, before + 1);
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_within_ten_minutes_and_its_remembered_tokens_with_it() {
    for most in [10_000, 0] {
        let caller = Caller::calling(|config| config.remembered_tokens(most)).await;
        let token = caller.token(API).await;
        assert_eq!(caller.enters(&token).await, Ok(()));
        // The local Logto publishes two keys: the first one is gone.
        caller.stage.emulator.rotate_keys().unwrap();
        caller.stage.emulator.rotate_keys().unwrap();
        let mut refused_after = None;
        for minute in 1..=20 {
            caller.stage.advance(Duration::from_secs(60));
            match caller.enters(&token).await {
                Ok(()) => assert_eq!(refused_after, None, "what was refused comes back"),
                Err(kind) => {
                    assert_eq!(kind, AccessErrorKind::InvalidToken);
                    refused_after.get_or_insert(minute);
                }
            }
        }
        assert!(refused_after.is_some_and(|minutes| minutes <= 10), "{refused_after:?}");
        let new = caller.token(TokenTarget::resource(API).forced()).await;
        assert_eq!(caller.enters(&new).await, Ok(()));
        assert_eq!(caller.enters(&token).await, Err(AccessErrorKind::InvalidToken));
    }
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_by_who_comes_first_after_ten_minutes_of_quiet() {
    let caller = Caller::signed_in().await;
    let token = caller.token(API).await;
    assert_eq!(caller.enters(&token).await, Ok(()));
    caller.stage.emulator.rotate_keys().unwrap();
    caller.stage.emulator.rotate_keys().unwrap();
    caller.stage.advance(Duration::from_secs(600));
    caller.stage.emulator.set_latency(Endpoint::Jwks, Duration::from_millis(30));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (caller.verifier.clone(), token.clone());
            tokio::spawn(async move { verifier.verify(&token, &Access::api()).await.is_err() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
}

#[tokio::test]
async fn a_remembered_token_is_refused_when_it_has_expired() {
    for most in [10_000, 0] {
        let caller = Caller::calling(|config| config.remembered_tokens(most)).await;
        let token = caller.token(API).await;
        for (wait, expected) in [
            (0, Ok(())),
            (3598, Ok(())),
            // The clocks may differ by a minute.
            (60, Ok(())),
            (3, Err(AccessErrorKind::InvalidToken)),
        ] {
            caller.stage.advance(Duration::from_secs(wait));
            assert_eq!(caller.enters(&token).await, expected, "{wait}");
        }
        let error = caller.verifier.verify(&token, &Access::api()).await.unwrap_err();
        assert!(error.to_string().contains("`exp`"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tokens_by_unknown_keys_make_three_fetches_a_minute_and_harm_no_good_token() {
    let caller = Caller::signed_in().await;
    let good = caller.token(API).await;
    assert_eq!(caller.enters(&good).await, Ok(()));
    let (discoveries, before) = caller.fetches();
    let flood: Vec<_> = (0..100)
        .map(|batch| {
            let (verifier, good) = (caller.verifier.clone(), good.clone());
            tokio::spawn(async move {
                for number in 0..100 {
                    let token = by_unknown_key(&good, batch * 100 + number);
                    let error = verifier.verify(&token, &Access::api()).await.unwrap_err();
                    assert_eq!(error.kind(), AccessErrorKind::InvalidToken);
                }
            })
        })
        .collect();
    let mut served = 0;
    while !flood.iter().all(tokio::task::JoinHandle::is_finished) || served < 100 {
        assert_eq!(caller.enters(&good).await, Ok(()));
        served += 1;
        tokio::task::yield_now().await;
    }
    for task in flood {
        task.await.unwrap();
    }
    // The first fetch of the minute was that of the good token.
    assert_eq!(caller.fetches(), (discoveries, before + 2));
    caller.stage.advance(Duration::from_secs(60));
    caller.stage.emulator.rotate_keys().unwrap();
    let new = caller.token(TokenTarget::resource(API).forced()).await;
    assert_eq!(caller.enters(&new).await, Ok(()), "a minute later a new key is found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_first_requests_at_once_make_one_discovery_and_one_key_fetch() {
    let caller = Caller::signed_in().await;
    let tokens = [caller.token(API).await, caller.token(TokenTarget::resource(API).forced()).await];
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        caller.stage.emulator.set_latency(endpoint, Duration::from_millis(30));
    }
    let (discoveries, keys) = caller.fetches();
    let tasks: Vec<_> = (0..1000)
        .map(|number| {
            let (verifier, token) = (caller.verifier.clone(), tokens[number % 2].clone());
            tokio::spawn(async move { verifier.verify(&token, &Access::api()).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(caller.fetches(), (discoveries + 1, keys + 1));
}

#[tokio::test]
async fn while_the_keys_cannot_be_had_a_thousand_tokens_make_five_fetches_in_ten_seconds() {
    let caller = Caller::signed_in().await;
    let token = caller.token(API).await;
    let (_, before) = caller.fetches();
    caller.stage.emulator.set_failure(Endpoint::Jwks, Some(Failure::Status(503)));
    for _ in 0..20 {
        let batch: Vec<_> = (0..50)
            .map(|_| {
                let (verifier, token) = (caller.verifier.clone(), token.clone());
                tokio::spawn(async move { verifier.verify(&token, &Access::api()).await.map(drop) })
            })
            .collect();
        for judged in batch {
            assert_eq!(judged.await.unwrap().unwrap_err().kind(), AccessErrorKind::Unavailable);
        }
        caller.stage.advance(Duration::from_millis(500));
    }
    let fetches = caller.fetches().1 - before;
    assert!((4..=5).contains(&fetches), "{fetches} fetches");
    caller.stage.emulator.set_failure(Endpoint::Jwks, None);
    caller.stage.advance(Duration::from_secs(4));
    assert_eq!(caller.enters(&token).await, Ok(()));
}

#[tokio::test]
async fn with_known_keys_no_token_is_refused_while_the_key_service_is_away_for_a_day() {
    let caller = Caller::signed_in().await;
    assert_eq!(caller.enters(&caller.token(API).await).await, Ok(()));
    let mut refusals = 0;
    for half_hour in 0..48 {
        let failure = [Failure::Status(500), Failure::NotJson, Failure::Disconnect][half_hour % 3];
        caller.stage.emulator.set_failure(Endpoint::Jwks, Some(failure));
        caller.stage.emulator.set_failure(Endpoint::Discovery, Some(failure));
        caller.stage.advance(Duration::from_secs(1800));
        let token = caller.token(API).await;
        for _ in 0..10 {
            refusals += usize::from(caller.enters(&token).await.is_err());
        }
    }
    assert_eq!(refusals, 0);
    // It hangs from now on: nobody waits for it.
    caller.stage.emulator.set_failure(Endpoint::Jwks, Some(Failure::Hang));
    caller.stage.advance(Duration::from_secs(10));
    let token = caller.token(API).await;
    let prompt = tokio::time::timeout(Duration::from_secs(2), caller.enters(&token));
    assert_eq!(prompt.await.unwrap(), Ok(()));
    // Keys are used no longer than stated, by remembered tokens neither.
    caller.stage.emulator.set_failure(Endpoint::Jwks, Some(Failure::Status(500)));
    caller.stage.advance(Duration::from_secs(600));
    assert_eq!(caller.enters(&token).await, Err(AccessErrorKind::Unavailable));
    for endpoint in [Endpoint::Jwks, Endpoint::Discovery] {
        caller.stage.emulator.set_failure(endpoint, None);
    }
    caller.stage.advance(Duration::from_secs(5));
    assert_eq!(caller.enters(&token).await, Ok(()));
}

#[tokio::test]
async fn an_endpoint_inside_the_network_serves_the_keys_of_the_one_outside() {
    let emulator = Emulator::builder().endpoint("https://login.example.test").start().await.unwrap();
    let inside = format!("http://{}", emulator.address());
    let within = inside.clone();
    let stage =
        Stage::over(emulator, |_| with_apis(config("https://login.example.test")).internal_endpoint(within));
    stage.sign_in().await;
    let token = stage.session().access_token(API).await.unwrap();
    let outside = ApiConfig::new("https://login.example.test").audience(API);
    let verifier = AccessTokenVerifier::new(outside.internal_endpoint(inside)).unwrap();
    assert!(verifier.verify(token.expose(), &Access::api()).await.is_ok());
}
