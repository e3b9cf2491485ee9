//! Access tokens: what is asked for, held, served and refused.

use crate::stage::Stage;
use logto_client::{ContextOptions, ErrorKind, LogtoClient, LogtoConfig, SignInOptions, TokenTarget, scope};
use logto_emulator::{Application, Emulator, Endpoint, Failure};
use logto_storage_core::{MemoryStorage, Storage, keys};
use serde_json::json;
use std::time::Duration;

pub(crate) const API: &str = "https://api.example.test";
const OTHER: &str = "https://other.example.test";

/// With two APIs and an organization, configured and signed in.
pub(crate) async fn signed_in() -> Stage {
    let emulator = Emulator::builder()
        .resource(API, ["read:x", "write:x"])
        .resource(OTHER, ["y"])
        .resource("https://unasked.example.test", ["z"])
        .organization_scopes(["read:member"])
        .start()
        .await
        .unwrap();
    let stage = Stage::over(emulator, |config| {
        config.resources([API, OTHER]).scopes([scope::ORGANIZATIONS, "read:x", "write:x", "read:member"])
    });
    stage.sign_in().await;
    stage
}

#[tokio::test]
async fn a_token_is_for_a_resource_an_organization_both_or_user_info() {
    let stage = signed_in().await;
    let session = stage.session();
    let token = session.access_token(API).await.unwrap();
    assert_eq!(token.scopes().collect::<Vec<_>>(), ["read:x", "write:x"]);
    let claims = token.claims().unwrap();
    assert_eq!((claims.aud(), claims.client_id()), (Some(API), Some("local-app")));
    let claims = session.organization_token_claims("acme").await.unwrap();
    assert_eq!(claims.aud(), Some("urn:logto:organization:acme"));
    assert_eq!(claims.scopes().collect::<Vec<_>>(), ["read:member"]);
    let both = TokenTarget::resource(API).in_organization("acme");
    let claims = session.access_token_claims(both).await.unwrap();
    assert_eq!((claims.aud(), claims.organization_id()), (Some(API), Some("acme")));
    let narrower = session.access_token(TokenTarget::resource(API).scopes(["read:x"])).await.unwrap();
    assert_eq!(narrower.scopes().collect::<Vec<_>>(), ["read:x"]);
    let opaque = session.access_token(TokenTarget::user_info()).await.unwrap();
    assert!(opaque.claims().is_none(), "user info's token is opaque");
    assert!(!format!("{token:?} {claims:?}").contains(token.expose()));
    let calls = stage.emulator.count(Endpoint::Token);
    for target in [TokenTarget::resource(API), TokenTarget::organization("acme"), TokenTarget::user_info()] {
        session.access_token(target).await.unwrap();
    }
    assert_eq!(stage.emulator.count(Endpoint::Token), calls, "what is held costs no request");
}

#[tokio::test]
async fn the_refresh_is_sent_as_logtos_sdks_send_it() {
    let stage = signed_in().await;
    let refresh_token = stage.item(keys::REFRESH_TOKEN).await.unwrap();
    let target = TokenTarget::resource(API).in_organization("acme").scopes(["write:x", "read:x"]);
    stage.session().access_token(target).await.unwrap();
    let sent = stage.emulator.received(Endpoint::Token).unwrap();
    let pairs: Vec<(&str, &str)> =
        sent.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        pairs,
        [
            ("client_id", "local-app"),
            ("refresh_token", refresh_token.as_str()),
            ("grant_type", "refresh_token"),
            ("resource", API),
            ("organization_id", "acme"),
            ("scope", "read:x write:x"),
        ]
    );
    assert!(sent.authorization.unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn a_token_is_refreshed_half_a_minute_before_it_expires() {
    let stage = signed_in().await;
    let first = stage.session().access_token(API).await.unwrap();
    stage.advance(Duration::from_secs(3569));
    assert_eq!(stage.session().access_token(API).await.unwrap().expose(), first.expose());
    stage.advance(Duration::from_secs(1));
    let second = stage.session().access_token(API).await.unwrap();
    assert!(second.expose() != first.expose() && second.expires_at() > first.expires_at());
}

#[tokio::test]
async fn what_sign_in_did_not_ask_for_is_refused_before_any_request() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let calls = stage.emulator.count(Endpoint::Token);
    for (target, kind, code) in [
        (TokenTarget::resource(API), ErrorKind::InvalidTarget, "invalid_target"),
        (TokenTarget::organization("acme"), ErrorKind::InsufficientScope, "missing_scope_organizations"),
    ] {
        let error = stage.session().access_token(target).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code)));
    }
    assert_eq!(stage.emulator.count(Endpoint::Token), calls);
    let nobody = stage.client.session(MemoryStorage::new());
    let error = nobody.access_token(TokenTarget::user_info()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAuthenticated);
}

#[tokio::test]
async fn what_the_provider_refuses_is_told_apart_and_signs_nobody_out() {
    let stage = signed_in().await;
    let session = stage.session();
    let error = session.organization_token("strangers").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("access_denied")));
    let wider = TokenTarget::resource(API).scopes(["phone"]);
    let error = session.access_token(wider).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InsufficientScope, Some("invalid_scope")));
    for (failure, kind) in [
        (Failure::Status(503), ErrorKind::Unavailable),
        (Failure::Disconnect, ErrorKind::Unavailable),
        (Failure::RetryAfter(9), ErrorKind::RateLimited),
        (Failure::Status(401), ErrorKind::ProviderMisbehaved),
        (Failure::Status(400), ErrorKind::ProviderMisbehaved),
        (Failure::NotJson, ErrorKind::ProviderMisbehaved),
        (Failure::TooLarge, ErrorKind::Unavailable),
    ] {
        stage.emulator.fail_next(Endpoint::Token, failure, 1);
        let error = session.access_token(API).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{failure:?}");
        assert_eq!(
            error.retry_after().is_some_and(|wait| wait.as_secs() == 9),
            kind == ErrorKind::RateLimited
        );
        assert!(session.is_authenticated().await.unwrap(), "{failure:?}");
    }
    session.access_token(API).await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_for_a_while_signs_nobody_out() {
    let stage = signed_in().await;
    let wrong = LogtoConfig::new(stage.emulator.endpoint(), "local-app").app_secret("wrong").resources([API]);
    let session = LogtoClient::new(wrong).unwrap().session(stage.storage.clone());
    let error = session.access_token(API).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Misconfigured, Some("invalid_client")));
    stage.session().access_token(API).await.unwrap();
}

#[tokio::test]
async fn a_401_for_metadata_or_keys_after_a_restart_signs_nobody_out() {
    let stage = signed_in().await;
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        stage.emulator.set_failure(endpoint, Some(Failure::Status(401)));
        let config = LogtoConfig::new(stage.emulator.endpoint(), "local-app").app_secret("local-secret");
        let session = LogtoClient::new(config.resources([API])).unwrap().session(stage.storage.clone());
        let error = session.access_token(API).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProviderMisbehaved);
        assert!(session.is_authenticated().await.unwrap());
        stage.emulator.set_failure(endpoint, None);
    }
}

#[tokio::test]
async fn while_the_provider_is_away_a_token_that_is_still_good_is_served() {
    let stage = signed_in().await;
    let token = stage.session().access_token(API).await.unwrap();
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::Status(503)));
    stage.advance(Duration::from_secs(3590));
    assert_eq!(stage.session().access_token(API).await.unwrap().expose(), token.expose());
    stage.advance(Duration::from_secs(20));
    assert_eq!(stage.session().access_token(API).await.unwrap_err().kind(), ErrorKind::Unavailable);
    stage.emulator.set_failure(Endpoint::Token, None);
    stage.session().access_token(API).await.unwrap();
}

#[tokio::test]
async fn a_forced_token_is_new_and_clearing_makes_the_next_one_new() {
    let stage = signed_in().await;
    let session = stage.session();
    let first = session.access_token(API).await.unwrap();
    let second = session.access_token(TokenTarget::resource(API).forced()).await.unwrap();
    assert_ne!(first.expose(), second.expose());
    assert_eq!(session.access_token(API).await.unwrap().expose(), second.expose(), "it takes the place");
    session.clear_access_token().await.unwrap();
    assert_eq!(stage.item(keys::ACCESS_TOKEN_MAP).await, None);
    assert_ne!(session.access_token(API).await.unwrap().expose(), second.expose());
    session.clear_all_tokens().await.unwrap();
    assert!(stage.items().await.is_empty() && !session.is_authenticated().await.unwrap());
}

#[tokio::test]
async fn the_stored_map_holds_what_is_good_and_nothing_else() {
    let stage = signed_in().await;
    stage.session().access_token(API).await.unwrap();
    stage.advance(Duration::from_secs(3601));
    stage.session().access_token(OTHER).await.unwrap();
    let map = stage.item(keys::ACCESS_TOKEN_MAP).await.unwrap();
    assert!(map.contains(OTHER) && !map.contains(API), "{map}");
}

#[tokio::test]
async fn without_openid_the_one_resource_is_found_by_its_name() {
    let emulator = Emulator::builder().application(Application::new("app")).start().await.unwrap();
    let stage = Stage::over(emulator, |config| {
        config.include_reserved_scopes(false).scopes(["offline_access"]).resources([API])
    });
    stage.sign_in().await;
    let token = stage.session().access_token(API).await.unwrap();
    assert_eq!(token.claims().unwrap().aud(), Some(API));
    assert_eq!(stage.emulator.count(Endpoint::Token), 1, "it came with the sign-in");
    stage.advance(Duration::from_secs(3600));
    assert_eq!(stage.session().access_token(API).await.unwrap().claims().unwrap().aud(), Some(API));
    assert!(!stage.session().is_authenticated().await.unwrap(), "nobody is known without an ID token");
}

#[tokio::test]
async fn without_a_refresh_token_the_error_says_what_to_ask_for() {
    let stage = Stage::with(|config| config.prompt([logto_client::Prompt::Login])).await;
    stage.sign_in().await;
    assert_eq!(stage.item(keys::REFRESH_TOKEN).await, None);
    stage.session().fetch_user_info().await.unwrap();
    stage.advance(Duration::from_secs(3600));
    let error = stage.session().access_token(TokenTarget::user_info()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAuthenticated);
    assert!(error.to_string().contains("offline_access"), "{error}");
}

#[tokio::test]
async fn the_context_has_what_was_asked_for_and_an_outage_is_no_sign_out() {
    let stage = signed_in().await;
    let nothing = stage.session().context(ContextOptions::new()).await.unwrap();
    assert!(nothing.is_authenticated && nothing.user_info.is_none() && nothing.access_token.is_none());
    let options = || ContextOptions::new().access_token(API).user_info().organization_tokens();
    let all = stage.session().context(options()).await.unwrap();
    assert_eq!(all.claims.unwrap().get("organizations"), Some(&json!(["acme"])));
    assert_eq!(all.user_info.unwrap().username(), Some("alice"));
    assert_eq!(all.access_token.unwrap().scopes().count(), 2);
    assert_eq!(all.organization_tokens.keys().collect::<Vec<_>>(), ["acme"]);
    stage.emulator.set_failure(Endpoint::UserInfo, Some(Failure::Status(500)));
    let error = stage.session().context(options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let nobody = stage.client.session(MemoryStorage::new());
    assert!(!nobody.context(options()).await.unwrap().is_authenticated);
}

#[tokio::test]
async fn a_refresh_keeps_what_its_answer_does_not_bring() {
    let stage = signed_in().await;
    let (refresh, id_token) = (stage.item(keys::REFRESH_TOKEN).await, stage.item(keys::ID_TOKEN).await);
    stage.advance(Duration::from_secs(2));
    stage.emulator.tamper_token_answer(|answer| {
        drop(answer.remove("refresh_token"));
        drop(answer.remove("id_token"));
    });
    stage.session().access_token(API).await.unwrap();
    assert_eq!(
        (stage.item(keys::REFRESH_TOKEN).await, stage.item(keys::ID_TOKEN).await),
        (refresh, id_token)
    );
}

/// OpenID Connect Core §12.2: what of a refreshed ID token must be as it was at the sign-in.
#[tokio::test]
async fn a_refreshed_id_token_that_does_not_follow_the_stored_one_is_refused() {
    let stage = signed_in().await;
    stage.emulator.tamper_id_token(|claims| drop(claims.insert("auth_time".to_owned(), json!(1_000))));
    stage.sign_in().await;
    let before = stage.item(keys::ID_TOKEN).await;
    let now = stage.now();
    for (claim, value) in [
        ("iss", json!("https://other.example/oidc")),
        ("sub", json!("mallory")),
        ("aud", json!("another-app")),
        ("aud", json!(["local-app", "another-app"])),
        ("azp", json!("another-app")),
        ("iat", json!(now - 301)),
        ("iat", json!(now + 301)),
        ("exp", json!(now - 301)),
        ("nonce", json!("another")),
        ("auth_time", json!(1_001)),
    ] {
        let told = value.clone();
        stage.emulator.tamper_id_token(move |claims| drop(claims.insert(claim.to_owned(), value.clone())));
        let error = stage.session().access_token(OTHER).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{claim}: {told}");
        assert_eq!(stage.item(keys::ID_TOKEN).await, before, "{claim}: {told}");
        assert!(!stage.item(keys::ACCESS_TOKEN_MAP).await.unwrap().contains(OTHER), "nothing of it is kept");
    }
    stage.emulator.tamper_token_answer(|answer| {
        let token = answer["id_token"].as_str().unwrap_or_default();
        let unsigned = token[..token.len() - 100].to_owned();
        answer.insert("id_token".to_owned(), unsigned.into());
    });
    assert_eq!(stage.session().access_token(OTHER).await.unwrap_err().kind(), ErrorKind::InvalidToken);
    stage.emulator.tamper_token_answer(|_| ());
    // Clocks of one provider may differ: such a token harms nothing and takes nobody's place.
    stage.emulator.tamper_id_token(move |claims| drop(claims.insert("iat".to_owned(), json!(now - 30))));
    stage.session().access_token(OTHER).await.unwrap();
    assert_eq!(stage.item(keys::ID_TOKEN).await, before);
}

#[tokio::test]
async fn an_id_token_replaces_the_stored_one_only_whole_and_of_the_same_person() {
    let stage = signed_in().await;
    let before = stage.item(keys::ID_TOKEN).await;
    stage.advance(Duration::from_secs(2));
    let narrow = TokenTarget::user_info().scopes(["openid"]);
    stage.session().access_token(narrow).await.unwrap();
    assert_eq!(stage.item(keys::ID_TOKEN).await, before, "a narrower one does not");
    stage.emulator.tamper_id_token(|claims| drop(claims.remove("username")));
    stage.session().access_token(API).await.unwrap();
    assert_eq!(stage.item(keys::ID_TOKEN).await, before, "one that lost a claim does not");
    stage.emulator.tamper_id_token(|_| ());
    stage.session().access_token(OTHER).await.unwrap();
    assert_ne!(stage.item(keys::ID_TOKEN).await, before, "a whole one does");
}

#[tokio::test]
async fn items_of_another_version_are_left_out_and_spoil_nothing() {
    let stage = signed_in().await;
    for map in ["", "[]", "{", "{\"@https://api.example.test\":{\"token1\":\"x\"}}"] {
        Storage::set(&stage.storage, keys::ACCESS_TOKEN_MAP, map).await.unwrap();
        stage.session().access_token(API).await.unwrap();
    }
    stage.session().sign_in(SignInOptions::new()).await.unwrap();
}
