//! §8: client credentials, token exchange, device flow.

use super::{
    API, Credentials, M2M, ORG_API, WEB, builder, claims, emulator, keys_of, refusal, refused, text, tokens,
};
use crate::{
    answers::token,
    visitor::{Answer, Visitor},
};
use logto_emulator::{Application, Emulator};
use serde_json::{Value, json};
use std::time::Duration;

const CLIENT_CREDENTIALS: (&str, &str) = ("grant_type", "client_credentials");
const EXCHANGE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
const ACCESS_TOKEN: (&str, &str) = ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token");

async fn machine(emulator: &Emulator, more: &[(&str, &str)]) -> Answer {
    token(emulator, M2M, &[&[CLIENT_CREDENTIALS], more].concat()).await
}

#[tokio::test]
async fn a_machines_token_has_the_scopes_that_are_asked_for_and_in_its_role() {
    let emulator = emulator().await;
    for (more, audience, scope, organization) in [
        (&[("resource", API)][..], API, None, None),
        (&[("resource", API), ("scope", "read:x")], API, Some("read:x"), None),
        (&[("resource", API), ("scope", "write:x")], API, None, None),
        (&[("resource", API), ("scope", "read:x write:x nope")], API, Some("read:x"), None),
        (&[("organization_id", "acme")], "urn:logto:organization:acme", Some(""), None),
        (
            &[("organization_id", "acme"), ("scope", "read:member invite:member")],
            "urn:logto:organization:acme",
            Some("read:member"),
            None,
        ),
        (
            &[("organization_id", "acme"), ("resource", ORG_API), ("scope", "read:o write:o")],
            ORG_API,
            Some("read:o"),
            Some("acme"),
        ),
        (&[("organization_id", "acme"), ("resource", API), ("scope", "read:x")], API, None, Some("acme")),
    ] {
        let answer = machine(&emulator, more).await;
        let body = answer.json();
        let claims = claims(&body, "access_token");
        assert_eq!((answer.status, &claims["aud"]), (200, &json!(audience)), "{more:?}");
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("m2m"), &json!("m2m")));
        let scope = scope.map(|scope| json!(scope));
        assert_eq!((body.get("scope"), claims.get("scope")), (scope.as_ref(), scope.as_ref()), "{more:?}");
        let organization = organization.map(|id: &str| json!(id));
        assert_eq!(claims.get("organization_id"), organization.as_ref());
    }
}

#[tokio::test]
async fn a_machine_is_refused_in_these_words() {
    let emulator = emulator().await;
    for (more, expected) in [
        (
            &[("organization_id", "other")][..],
            refused(403, "access_denied", "app has not associated with the organization"),
        ),
        (&[], refused(400, "invalid_target", "both `resource` and `organization_id` are not provided")),
        (
            &[("resource", "https://nope.example.test")],
            refused(400, "invalid_target", "resource indicator is missing, or unknown"),
        ),
    ] {
        assert_eq!(refusal(&machine(&emulator, more).await), expected);
    }
    let web = token(&emulator, WEB, &[CLIENT_CREDENTIALS, ("resource", API)]).await;
    let description = "requested grant type is not allowed for this client";
    assert_eq!(refusal(&web), refused(400, "invalid_request", description));
}

async fn exchanging() -> Emulator {
    builder().application(Application::new("exchanger").secret("s").token_exchange()).start().await.unwrap()
}

const EXCHANGER: Credentials = Some(("exchanger", "s"));

#[tokio::test]
async fn token_exchange_is_off_by_default() {
    let emulator = emulator().await;
    let subject = emulator.subject_token("alice").unwrap();
    let answer = token(&emulator, WEB, &[EXCHANGE, ACCESS_TOKEN, ("subject_token", &subject)]).await;
    let description = "requested grant type is not allowed for this client";
    assert_eq!(refusal(&answer), refused(400, "invalid_request", description));
}

#[tokio::test]
async fn a_subject_token_is_good_once_and_the_answer_has_four_members() {
    let emulator = exchanging().await;
    let subject = emulator.subject_token("alice").unwrap();
    assert_eq!((subject.len(), &subject[..4]), (25, "sub_"));
    let form = [EXCHANGE, ACCESS_TOKEN, ("subject_token", &*subject), ("resource", API), ("scope", "read:x")];
    let body = token(&emulator, EXCHANGER, &form).await.json();
    assert_eq!(keys_of(&body), ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!(claims(&body, "access_token")["client_id"], "exchanger");
    let again = token(&emulator, EXCHANGER, &form).await;
    assert_eq!(refusal(&again), refused(400, "invalid_grant", "grant request is invalid"));
}

#[tokio::test]
async fn opaque_tokens_personal_access_tokens_and_actors_are_exchanged() {
    let emulator = exchanging().await;
    let body = tokens(&emulator, "web", &[]).await;
    let opaque = text(&body, "access_token");
    let target = [("resource", API), ("scope", "read:x")];
    let form = [&[EXCHANGE, ACCESS_TOKEN, ("subject_token", opaque)], &target[..]].concat();
    assert_eq!(token(&emulator, EXCHANGER, &form).await.json()["scope"], "read:x");
    let pat = emulator.personal_access_token("alice", None).unwrap();
    let kind = ("subject_token_type", "urn:logto:token-type:personal_access_token");
    let form = [&[EXCHANGE, kind, ("subject_token", &*pat)], &target[..]].concat();
    assert_eq!(token(&emulator, EXCHANGER, &form).await.json()["scope"], "read:x");
    let subject = emulator.subject_token("alice").unwrap();
    let actor_type = ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token");
    let acting = [EXCHANGE, ACCESS_TOKEN, ("subject_token", &*subject), ("actor_token", opaque), actor_type];
    let body = token(&emulator, EXCHANGER, &[&acting, &target[..]].concat()).await.json();
    assert!(claims(&body, "access_token")["act"]["sub"].is_string());
    for (kind, subject) in [("urn:nope", opaque), (ACCESS_TOKEN.1, "sub_nope")] {
        let form = [EXCHANGE, ("subject_token_type", kind), ("subject_token", subject)];
        let answer = token(&emulator, EXCHANGER, &form).await;
        assert_eq!(refusal(&answer), refused(400, "invalid_grant", "grant request is invalid"));
    }
}

#[tokio::test]
async fn an_exchange_without_resource_is_opaque_and_one_for_an_organization_has_its_audience() {
    let emulator = exchanging().await;
    for (more, opaque, scope) in [
        (&[("scope", "openid profile")][..], true, "openid profile"),
        (
            &[("organization_id", "acme"), ("scope", "urn:logto:scope:organizations read:member")],
            false,
            "read:member",
        ),
    ] {
        let subject = emulator.subject_token("alice").unwrap();
        let form = [&[EXCHANGE, ACCESS_TOKEN, ("subject_token", &*subject)], more].concat();
        let body = token(&emulator, EXCHANGER, &form).await.json();
        assert_eq!((&body["scope"], text(&body, "access_token").len() == 43), (&json!(scope), opaque));
    }
}

async fn device_authorization(
    emulator: &Emulator,
    credentials: Credentials,
    form: &[(&str, &str)],
) -> Answer {
    Visitor::new().post_as(credentials, &format!("{}/device/auth", emulator.issuer()), form).await
}

async fn device(emulator: &Emulator) -> Value {
    let form = [("client_id", "device"), ("scope", "openid offline_access profile")];
    let answer = device_authorization(emulator, None, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn poll(emulator: &Emulator, started: &Value) -> Answer {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", text(started, "device_code")),
        ("client_id", "device"),
    ];
    token(emulator, None, &form).await
}

#[tokio::test]
async fn a_device_starts_with_these_members_and_waits() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let started = device(&emulator).await;
    assert_eq!(
        keys_of(&started),
        ["device_code", "expires_in", "user_code", "verification_uri", "verification_uri_complete"]
    );
    assert_eq!(started["expires_in"], 600);
    let code = text(&started, "user_code");
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    assert_eq!(started["verification_uri"], format!("{}/device", emulator.endpoint()));
    let description = "authorization request is still pending as the end-user hasn't yet completed the user interaction steps";
    assert_eq!(refusal(&poll(&emulator, &started).await), refused(400, "authorization_pending", description));
    let page = visitor.get(text(&started, "verification_uri_complete")).await;
    assert_eq!((page.status, page.header("location")), (302, &*format!("/oidc/device?user_code={code}")));
}

#[tokio::test]
async fn only_an_application_for_devices_starts_one() {
    let emulator = emulator().await;
    let description = "urn:ietf:params:oauth:grant-type:device_code is not allowed for this client";
    let expected = refused(400, "invalid_request", description);
    let native = device_authorization(&emulator, None, &[("client_id", "native")]).await;
    assert_eq!(refusal(&native), expected);
    assert_eq!(refusal(&device_authorization(&emulator, WEB, &[("scope", "openid")]).await), expected);
}

#[tokio::test]
async fn a_device_that_is_approved_gets_tokens_once() {
    let emulator = emulator().await;
    let started = device(&emulator).await;
    emulator.approve_device(text(&started, "user_code"), "alice").unwrap();
    let answer = poll(&emulator, &started).await;
    let body = answer.json();
    assert_eq!((answer.status, &body["scope"]), (200, &json!("openid offline_access profile")));
    assert!(body.get("id_token").is_some() && body.get("refresh_token").is_some());
    assert_eq!(poll(&emulator, &started).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_person_connects_a_device_at_its_page() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let started = device(&emulator).await;
    let page = visitor.visit(&emulator, text(&started, "verification_uri_complete")).await;
    assert!(page.text.contains(text(&started, "user_code")));
    let form = [("user_code", text(&started, "user_code"))];
    let asked = visitor.post(&format!("{}/device", emulator.issuer()), &form).await;
    let page = visitor.follow(&emulator, asked).await;
    let form = [("uid", crate::pages::uid_in(&page)), ("username", "alice"), ("password", "alice")];
    let done = visitor.post(&format!("{}/sign-in", emulator.endpoint()), &form).await;
    let done = visitor.follow(&emulator, done).await;
    assert!(done.text.contains("Device connected"), "{}", done.text);
    assert_eq!(poll(&emulator, &started).await.status, 200);
}

#[tokio::test]
async fn a_device_code_lives_ten_minutes() {
    let emulator = emulator().await;
    let started = device(&emulator).await;
    emulator.advance(Duration::from_secs(601));
    assert_eq!(poll(&emulator, &started).await.json()["error"], "expired_token");
    assert!(emulator.approve_device(text(&started, "user_code"), "alice").is_err());
}
