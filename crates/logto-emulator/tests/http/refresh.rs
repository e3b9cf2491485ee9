//! The refresh grant: what it brings, and when a refresh token is replaced.

use crate::{
    answers::{LOCAL, code, exchange, payload, token, user_info},
    visitor::{Answer, CALLBACK, VERIFIER},
};
use logto_emulator::{Application, Emulator, Rotation, TokenCall};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const API: &str = "https://api.example.test";
const ORGANIZATIONS: &str = "urn:logto:resource:organizations";
const SCOPE: &str =
    "openid offline_access profile email read:x write:x read:member urn:logto:scope:organizations";

/// What of it a token for the server itself has.
const OIDC_SCOPE: &str = "openid offline_access profile email urn:logto:scope:organizations";

async fn emulator() -> Emulator {
    Emulator::builder()
        .application(Application::new("spa"))
        .resource(API, ["read:x", "write:x", "admin:x"])
        .resource("https://other.example.test", ["y"])
        .organization_scopes(["read:member", "delete:member"])
        .start()
        .await
        .unwrap()
}

/// The refresh token of a sign-in.
async fn signed_in(emulator: &Emulator, scope: &str, resources: &[&str]) -> String {
    let mut asked = vec![("scope", scope)];
    asked.extend(resources.iter().map(|resource| ("resource", *resource)));
    let answer = exchange(emulator, &code(emulator, &asked)).await.json();
    answer["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh(emulator: &Emulator, refresh_token: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    form.extend(more);
    token(emulator, LOCAL, &form).await
}

#[tokio::test]
async fn a_refresh_brings_what_is_asked_for() {
    let emulator = emulator().await;
    let good = signed_in(&emulator, SCOPE, &[API, ORGANIZATIONS]).await;
    for (form, audience, scope, organization, id_token) in [
        (&[][..], None, OIDC_SCOPE, None, true),
        (&[("resource", API)], Some(API), "read:x write:x", None, true),
        (&[("organization_id", "acme")], Some("urn:logto:organization:acme"), "read:member", None, true),
        (&[("organization_id", "acme"), ("resource", API)], Some(API), "read:x write:x", Some("acme"), true),
        (&[("resource", ORGANIZATIONS)], Some(ORGANIZATIONS), "read:member", None, true),
        (&[("resource", API), ("scope", "openid read:x")], Some(API), "read:x", None, true),
        (&[("resource", API), ("scope", "read:x")], Some(API), "read:x", None, false),
        (&[("scope", "openid profile")], None, "openid profile", None, true),
        (&[("resource", API), ("resource", ORGANIZATIONS)], None, OIDC_SCOPE, None, true),
    ] {
        let answer = refresh(&emulator, &good, form).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["scope"]), (200, &json!(scope)), "{form:?}");
        assert_eq!(body.get("id_token").is_some(), id_token, "{form:?}");
        assert_eq!(body["refresh_token"], good, "a confidential application's stays the same");
        let access_token = body["access_token"].as_str().unwrap();
        match audience {
            Some(audience) => {
                let claims = payload(access_token);
                assert_eq!((&claims["aud"], &claims["scope"]), (&json!(audience), &json!(scope)));
                let organization = organization.map_or(Value::Null, |id| json!(id));
                assert_eq!(claims["organization_id"], organization);
            }
            None => assert_eq!(user_info(&emulator, access_token).await.status, 200),
        }
    }
    let narrow = refresh(&emulator, &good, &[("scope", "openid")]).await.json();
    assert_eq!(payload(narrow["id_token"].as_str().unwrap()).get("email"), None);
}

#[tokio::test]
async fn a_refresh_is_refused_as_at_the_server_and_the_token_stays_good() {
    let emulator = emulator().await;
    let good = signed_in(&emulator, SCOPE, &[API]).await;
    let plain = signed_in(&emulator, "openid offline_access", &[API]).await;
    for (refresh_token, form, status, error, scope) in [
        (&good, ("resource", "https://other.example.test"), 400, "invalid_target", Value::Null),
        (&good, ("resource", "nope"), 400, "invalid_target", Value::Null),
        (&good, ("scope", "openid phone"), 400, "invalid_scope", json!("phone")),
        (&good, ("organization_id", "strangers"), 403, "access_denied", Value::Null),
        (
            &plain,
            ("organization_id", "acme"),
            403,
            "insufficient_scope",
            json!("urn:logto:scope:organizations"),
        ),
    ] {
        let answer = refresh(&emulator, refresh_token, &[form]).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["error"], &body["scope"]), (status, &json!(error), &scope));
        assert_eq!(refresh(&emulator, refresh_token, &[]).await.status, 200);
    }
    let form = [("grant_type", "refresh_token"), ("refresh_token", &good), ("client_id", "spa")];
    let other = token(&emulator, None, &form);
    assert_eq!(other.await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_replaced_token_is_taken_again_for_three_seconds_that_begin_anew_with_each_use() {
    let emulator = emulator().await;
    emulator.set_rotation(Rotation::Always);
    let old = signed_in(&emulator, SCOPE, &[]).await;
    let mut newest = String::new();
    for _ in 0..3 {
        let answer = refresh(&emulator, &old, &[]).await.json();
        let new = answer["refresh_token"].as_str().unwrap().to_owned();
        assert!(new != old && new != newest);
        newest = new;
        emulator.advance(Duration::from_secs(2));
    }
    emulator.advance(Duration::from_secs(2));
    assert_eq!(refresh(&emulator, &old, &[]).await.json()["error"], "invalid_grant");
    assert_eq!(refresh(&emulator, &newest, &[]).await.status, 400, "the late use has ended the grant");

    emulator.set_reuse_interval(Duration::ZERO);
    let old = signed_in(&emulator, SCOPE, &[]).await;
    assert_eq!(refresh(&emulator, &old, &[]).await.status, 200);
    assert_eq!(refresh(&emulator, &old, &[]).await.status, 400);
}

#[tokio::test]
async fn rotation_follows_the_kind_of_application_and_the_age_of_the_token() {
    let emulator = emulator().await;
    let token = signed_in(&emulator, SCOPE, &[]).await;
    emulator.advance(Duration::from_secs(9 * 86_400));
    assert_eq!(refresh(&emulator, &token, &[]).await.json()["refresh_token"], token);
    emulator.advance(Duration::from_secs(86_400));
    let newer = refresh(&emulator, &token, &[]).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(newer, token, "older than 70 % of its fourteen days");
    emulator.advance(Duration::from_secs(13 * 86_400));
    assert_eq!(refresh(&emulator, &newer, &[]).await.status, 200, "the new one lives as long anew");
    emulator.set_rotation(Rotation::Never);
    emulator.advance(Duration::from_secs(15 * 86_400));
    assert_eq!(refresh(&emulator, &newer, &[]).await.json()["error"], "invalid_grant", "expired");
}

#[tokio::test]
async fn a_public_application_gets_a_new_token_each_time() {
    let emulator = emulator().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", &code(&emulator, &[("client_id", "spa")])),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let first = token(&emulator, None, &form).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let form = [("grant_type", "refresh_token"), ("client_id", "spa"), ("refresh_token", &first)];
    let second = token(&emulator, None, &form).await.json();
    assert_ne!(second["refresh_token"], first);
}

#[tokio::test]
async fn a_grant_that_is_revoked_is_invalid() {
    let emulator = emulator().await;
    let token = signed_in(&emulator, SCOPE, &[]).await;
    emulator.revoke_grant(&token);
    assert_eq!(refresh(&emulator, &token, &[]).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn whoever_watches_the_token_endpoint_sees_whose_token_is_used_twice() {
    let emulator = emulator().await;
    emulator.set_rotation(Rotation::Always);
    emulator.set_reuse_interval(Duration::ZERO);
    let seen = Arc::new(Mutex::new(Vec::<TokenCall>::new()));
    let calls = Arc::clone(&seen);
    emulator.watch_token_calls(move |call| calls.lock().unwrap().push(call.clone()));
    let first = signed_in(&emulator, SCOPE, &[API]).await;
    assert_eq!(emulator.living_grants_of("alice"), 1);
    refresh(&emulator, &first, &[("resource", API)]).await;
    refresh(&emulator, &first, &[]).await;
    assert_eq!(emulator.living_grants_of("alice"), 0);
    refresh(&emulator, "unknown", &[]).await;
    let seen = seen.lock().unwrap();
    let told: Vec<_> =
        seen.iter().map(|call| (call.username.as_deref(), call.used_before, call.error)).collect();
    let alice = Some("alice");
    assert_eq!(
        told,
        [
            (alice, false, None),
            (alice, false, None),
            (alice, true, Some("invalid_grant")),
            (None, false, Some("invalid_grant")),
        ]
    );
    assert_eq!((&*seen[0].grant_type, &*seen[1].grant_type), ("authorization_code", "refresh_token"));
    assert_eq!((seen[1].presented.as_str(), seen[1].resource.as_deref()), (first.as_str(), Some(API)));
    assert!(seen[1].issued.as_ref().is_some_and(|issued| *issued != first));
    assert!(!format!("{seen:?}").contains(&first));
}
