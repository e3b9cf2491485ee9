//! What a callback must be, and what becomes of the tokens.

use crate::stage::{CALLBACK, Stage, parameter};
use logto_client::{ErrorKind, LogtoError, SignInOptions};
use logto_emulator::{Endpoint, Failure, User};
use logto_storage_core::{
    Changes, MemoryStorage, Operation, SendStorage, Storage, StorageError, StorageErrorKind, keys,
};
use serde_json::{Map, Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

#[tokio::test]
async fn the_address_is_compared_exactly_and_the_sign_in_stays_pending() {
    let stage = Stage::set().await;
    let callback = stage.callback().await;
    for other in [
        "https://localhost:3000/logto/sign-in-callback",
        "http://localhost:3001/logto/sign-in-callback",
        "http://localhost/logto/sign-in-callback",
        "http://127.0.0.1:3000/logto/sign-in-callback",
        "http://localhost.evil.example:3000/logto/sign-in-callback",
        "http://localhost:3000/logto/sign-in-callback/",
        "http://localhost:3000/logto/Sign-In-Callback",
        "http://localhost:3000/logto//sign-in-callback",
        "http://localhost:3000/sign-in-callback",
        "http://user@localhost:3000/logto/sign-in-callback",
    ] {
        let error = stage.complete(&callback.replace(CALLBACK, other)).await.unwrap_err();
        assert_eq!(error.code(), Some("callback_uri_verification.redirect_uri_mismatched"), "{other}");
    }
    assert_eq!(stage.emulator.count(Endpoint::Token), 0);
    stage.complete(&callback.replace("http://localhost:3000", "")).await.unwrap();
}

#[tokio::test]
async fn a_callback_that_answers_something_else_is_refused_before_the_code_is_spent() {
    let stage = Stage::set().await;
    for (name, value) in [("code", "x"), ("state", "x"), ("iss", "x"), ("error", "a&error=b")] {
        let twice = format!("{}&{name}={value}", stage.callback().await);
        let error = stage.complete(&twice).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CallbackRejected, "{name}");
        assert!(error.to_string().contains(&format!("`{name}` twice")), "{error}");
    }
    let issuer = parameter(&stage.callback().await, "iss");
    let encoded = url::form_urlencoded::byte_serialize(issuer.as_bytes()).collect::<String>();
    for (iss, replacement) in
        [("another", "&iss=https%3A%2F%2Fevil.example%2Foidc"), ("none", ""), ("empty", "&iss=")]
    {
        let callback = stage.callback().await.replace(&format!("&iss={encoded}"), replacement);
        assert_eq!(stage.complete(&callback).await.unwrap_err().kind(), ErrorKind::CallbackRejected, "{iss}");
    }
    let callback = stage.callback().await;
    let without = |name: &str| callback.replace(&format!("{name}={}", parameter(&callback, name)), "x=y");
    for (name, code) in [
        ("state", "callback_uri_verification.missing_state"),
        ("code", "callback_uri_verification.missing_code"),
    ] {
        assert_eq!(stage.complete(&without(name)).await.unwrap_err().code(), Some(code));
    }
    let implicit = format!("{}&access_token=x", stage.callback().await);
    assert_eq!(stage.complete(&implicit).await.unwrap_err().kind(), ErrorKind::CallbackRejected);
    for nonsense in ["", "::", "\0", &"x".repeat(20_000), "http://"] {
        assert!(stage.complete(nonsense).await.is_err());
    }
    assert_eq!(stage.emulator.count(Endpoint::Token), 0);
    assert!(!stage.session().is_authenticated().await.unwrap());
}

#[tokio::test]
async fn the_providers_errors_keep_their_code_and_description() {
    let stage = Stage::set().await;
    for (error, kind) in [
        ("access_denied", ErrorKind::ConsentRefused),
        ("oidc.aborted", ErrorKind::ConsentRefused),
        ("login_required", ErrorKind::ProviderRefused),
        ("session.verification_blocked", ErrorKind::ProviderRefused),
        ("temporarily_unavailable", ErrorKind::Unavailable),
    ] {
        let callback = stage.callback().await;
        let code = format!("code={}", parameter(&callback, "code"));
        let answer = callback.replace(&code, &format!("error={error}&error_description=told+so"));
        let told = stage.complete(&answer).await.unwrap_err();
        assert_eq!((told.kind(), told.code(), told.description()), (kind, Some(error), Some("told so")));
        let again = stage.complete(&callback).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::SignInSessionNotFound, "the sign-in is over");
    }
    let bare = stage.complete(CALLBACK).await.unwrap_err();
    assert_eq!((bare.kind(), bare.code()), (ErrorKind::ConsentRefused, Some("user_cancelled")));
}

#[tokio::test]
async fn without_a_pending_sign_in_the_error_lists_the_likely_causes() {
    let stage = Stage::set().await;
    let callback = stage.callback().await;
    let stranger = stage.client.session(MemoryStorage::new());
    let error = stranger.handle_sign_in_callback(&callback).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::SignInSessionNotFound, Some("sign_in_session.not_found"))
    );
    for cause in ["session layer", "SameSite=Strict", "tower-sessions", "another browser", "opened twice"] {
        assert!(error.to_string().contains(cause), "{cause}");
    }
}

#[tokio::test]
async fn a_sign_in_is_pending_for_one_hour() {
    let stage = Stage::set().await;
    let (early, late) = (stage.callback().await, stage.callback().await);
    stage.clock.advance(Duration::from_secs(3599));
    // The code itself lives a minute at the provider; here its own clock stands still.
    stage.complete(&early).await.unwrap();
    stage.clock.advance(Duration::from_secs(2));
    assert_eq!(stage.complete(&late).await.unwrap_err().kind(), ErrorKind::SignInSessionNotFound);
}

#[tokio::test]
async fn sixteen_sign_ins_may_be_pending_and_the_oldest_goes_first() {
    let stage = Stage::set().await;
    let mut callbacks = Vec::new();
    for _ in 0..17 {
        callbacks.push(stage.callback().await);
    }
    let pending = Storage::get(&stage.storage, keys::SIGN_IN_SESSION).await.unwrap().unwrap();
    assert_eq!(pending.matches("\"state\"").count(), 16);
    assert!(!pending.contains(&parameter(&callbacks[0], "state")));
    for callback in &callbacks[1..] {
        stage.complete(callback).await.unwrap();
    }
}

/// Changes the claims of an ID token.
type Spoil = fn(&mut Map<String, Value>);

fn set(claims: &mut Map<String, Value>, name: &str, value: Value) {
    claims.insert(name.to_owned(), value);
}

#[tokio::test]
async fn nothing_is_stored_of_an_answer_that_is_not_verified() {
    let spoiled: [(&str, Spoil); 9] = [
        ("nonce", |claims| set(claims, "nonce", json!("other"))),
        ("no nonce", |claims| drop(claims.remove("nonce"))),
        ("audience", |claims| set(claims, "aud", json!("other-app"))),
        ("audiences without azp", |claims| set(claims, "aud", json!(["local-app", "other-app"]))),
        ("issuer", |claims| set(claims, "iss", json!("https://evil.example/oidc"))),
        ("expired", |claims| set(claims, "exp", json!(1_000_000_000))),
        ("not yet", |claims| set(claims, "iat", json!(9_000_000_000_u64))),
        ("no subject", |claims| drop(claims.remove("sub"))),
        ("at_hash", |claims| set(claims, "at_hash", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))),
    ];
    for (name, spoil) in spoiled {
        let stage = Stage::set().await;
        stage.emulator.tamper_id_token(spoil);
        let callback = stage.callback().await;
        let error = stage.complete(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{name}: {error}");
        assert_eq!(stage.emulator.count(Endpoint::UserInfo), 0, "nothing is asked with it");
        assert_eq!(stage.items().await, [keys::SIGN_IN_SESSION; 0], "{name}");
    }
    let answers: [(&str, Spoil); 4] = [
        ("no id token", |answer| drop(answer.remove("id_token"))),
        ("no access token", |answer| drop(answer.remove("access_token"))),
        ("another token type", |answer| set(answer, "token_type", json!("mac"))),
        ("an odd lifetime", |answer| set(answer, "expires_in", json!("soon"))),
    ];
    for (name, spoil) in answers {
        let stage = Stage::set().await;
        stage.emulator.tamper_token_answer(spoil);
        let callback = stage.callback().await;
        let error = stage.complete(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProviderMisbehaved, "{name}: {error}");
        assert_eq!(stage.items().await, [keys::SIGN_IN_SESSION; 0], "{name}");
    }
}

#[tokio::test]
async fn a_max_age_that_was_asked_for_is_checked() {
    let stage = Stage::set().await;
    let asked = || SignInOptions::new().extra_param("max_age", "60");
    let callback = stage.callback_of(asked(), "alice").await;
    let error = stage.complete(&callback).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidToken, "the ID token has no auth_time: {error}");
    stage.emulator.tamper_id_token(|claims| {
        let now = claims["iat"].clone();
        set(claims, "auth_time", now);
    });
    let callback = stage.callback_of(asked(), "alice").await;
    stage.complete(&callback).await.unwrap();
}

#[tokio::test]
async fn failures_of_the_token_endpoint_say_what_to_do_and_a_passing_one_may_be_tried_again() {
    let stage = Stage::set().await;
    for (failure, kind) in [
        (Failure::Status(503), ErrorKind::Unavailable),
        (Failure::Disconnect, ErrorKind::Unavailable),
        (Failure::RetryAfter(7), ErrorKind::RateLimited),
    ] {
        let callback = stage.callback().await;
        stage.emulator.fail_next(Endpoint::Token, failure, 1);
        let error = stage.complete(&callback).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{failure:?}");
        assert_eq!(
            error.retry_after().is_some_and(|wait| wait.as_secs() == 7),
            kind == ErrorKind::RateLimited
        );
        stage.complete(&callback).await.unwrap();
    }
    for failure in [Failure::NotJson, Failure::Status(302), Failure::Status(400)] {
        let callback = stage.callback().await;
        stage.emulator.fail_next(Endpoint::Token, failure, 1);
        let error = stage.complete(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProviderMisbehaved, "{failure:?}");
        let calls = stage.emulator.count(Endpoint::Token);
        assert_eq!(stage.complete(&callback).await.unwrap_err().kind(), ErrorKind::ProviderMisbehaved);
        assert_eq!(stage.emulator.count(Endpoint::Token), calls, "a reload hears the same");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_of_configuration() {
    let stage = Stage::with(|config| config.app_secret("wrong")).await;
    let callback = stage.callback().await;
    let error = stage.complete(&callback).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Misconfigured, Some("invalid_client")));
}

#[tokio::test]
async fn a_shutdown_waits_for_the_exchange_of_a_request_that_is_gone() {
    let stage = Stage::set().await;
    let callback = stage.callback().await;
    let gone = stage.until_held(|session| {
        let callback = callback.clone();
        async move { drop(session.handle_sign_in_callback(&callback).await) }
    });
    gone.await.abort();
    stage.emulator.release(Endpoint::Token);
    stage.client.shutdown().await;
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::Status(500)));
    stage.complete(&callback).await.unwrap();
    assert_eq!(stage.emulator.count(Endpoint::Token), 1, "the outcome was there already");
}

#[tokio::test]
async fn who_knows_the_state_and_not_the_code_joins_nobodys_sign_in() {
    let stage = Stage::set().await;
    let callback = stage.callback().await;
    let forged = callback.replace(&parameter(&callback, "code"), "x");
    let right = callback.clone();
    let signing_in = stage
        .until_held(|session| async move { drop(session.handle_sign_in_callback(&right).await.unwrap()) })
        .await;
    stage.emulator.release(Endpoint::Token);
    let error = stage.complete(&forged).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::CallbackRejected, Some("invalid_grant")));
    signing_in.await.unwrap();
    assert!(stage.complete(&forged).await.is_err());
    assert!(stage.session().is_authenticated().await.unwrap());
}

#[tokio::test]
async fn earlier_tokens_go_when_the_sign_in_succeeds_and_not_before() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let map = r#"{"@https://api.example":{"token":"kept","scope":"","expiresAt":99999999999}}"#;
    let keep = || async { Storage::set(&stage.storage, keys::ACCESS_TOKEN_MAP, map).await.unwrap() };
    let kept = || async {
        Storage::get(&stage.storage, keys::ACCESS_TOKEN_MAP).await.unwrap().unwrap().contains("kept")
    };
    keep().await;
    let callback = stage.callback().await;
    assert!(stage.session().is_authenticated().await.unwrap() && kept().await);
    stage.complete(&callback).await.unwrap();
    assert!(!kept().await);

    keep().await;
    let callback = stage.callback_of(SignInOptions::new().clear_tokens(false), "alice").await;
    stage.complete(&callback).await.unwrap();
    assert!(kept().await, "asked to keep them");

    stage.emulator.add_user(User::new("bob"));
    let callback = stage.callback_of(SignInOptions::new().clear_tokens(false), "bob").await;
    let signed_in = stage.complete(&callback).await.unwrap();
    assert!(signed_in.replaced_person() && !kept().await, "another person's go whatever was asked");
}

/// Fails at every write while the switch is on.
#[derive(Clone)]
struct Failing(MemoryStorage, Arc<AtomicBool>);

impl Failing {
    fn check(&self, operation: Operation, key: &str) -> Result<(), StorageError> {
        match self.1.load(Ordering::SeqCst) {
            true => Err(StorageError::new(StorageErrorKind::Unavailable, operation, key)),
            false => Ok(()),
        }
    }
}

impl SendStorage for Failing {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        Storage::get(&self.0, key).await
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        self.check(Operation::Set, key)?;
        Storage::set(&self.0, key, value).await
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        self.check(Operation::Remove, key)?;
        Storage::remove(&self.0, key).await
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        self.check(Operation::Apply, "several items")?;
        Storage::apply(&self.0, changes).await
    }
}

#[tokio::test]
async fn a_store_that_fails_while_tokens_are_saved_loses_nothing() {
    let stage = Stage::set().await;
    let broken = Arc::new(AtomicBool::new(false));
    let session = stage.client.session(Failing(stage.storage.clone(), Arc::clone(&broken)));
    let callback = stage.callback().await;
    let verified = session.verify_sign_in_callback(&callback).await.unwrap();
    broken.store(true, Ordering::SeqCst);
    let error: LogtoError = session.save_sign_in(verified).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    let started = session.sign_in(SignInOptions::new()).await.unwrap_err();
    assert_eq!(started.kind(), ErrorKind::Storage);
    broken.store(false, Ordering::SeqCst);
    session.handle_sign_in_callback(&callback).await.unwrap();
    assert_eq!(stage.emulator.count(Endpoint::Token), 1, "a reload hears the outcome of the exchange");
}
