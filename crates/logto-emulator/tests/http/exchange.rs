//! Token exchange: the rows of a recording of the server, for a web application and a machine alike.

use crate::{
    answers::{code, payload, token, user_info},
    machine::{API, ORG_API},
    visitor::{Answer, CALLBACK, VERIFIER},
};
use logto_emulator::{Application, Emulator};
use serde_json::{Value, json};
use std::time::Duration;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const PERSONAL: &str = "urn:logto:token-type:personal_access_token";
const CLIENTS: [(&str, &str); 2] = [("web", "web-secret"), ("m2m", "m2m-secret")];

async fn emulator() -> Emulator {
    let emulator = crate::machine::emulator().await;
    emulator.add_application(Application::new("web").secret("web-secret").token_exchange());
    emulator
}

async fn exchange(
    emulator: &Emulator,
    client: (&str, &str),
    (subject_token, kind): (&str, &str),
    more: &[(&str, &str)],
) -> Answer {
    let mut form =
        vec![("grant_type", GRANT), ("subject_token", subject_token), ("subject_token_type", kind)];
    form.extend(more);
    token(emulator, Some(client), &form).await
}

/// An opaque access token of alice, with these scopes.
async fn opaque(emulator: &Emulator, scope: &str) -> String {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code(emulator, &[("client_id", "web"), ("scope", scope)])),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let body = token(emulator, Some(("web", "web-secret")), &form).await.json();
    body["access_token"].as_str().unwrap().to_owned()
}

fn invalid_grant(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(
        answer.json(),
        json!({
            "code": "oidc.invalid_grant", "message": "Grant request is invalid.", "error": "invalid_grant",
            "error_uri": "https://openid.sh/debug/invalid_grant",
            "error_description": "grant request is invalid",
        })
    );
}

const READ: [(&str, &str); 2] = [("resource", API), ("scope", "read:x")];

#[tokio::test]
async fn an_application_that_is_not_allowed_to_exchange() {
    let emulator = crate::machine::emulator().await;
    let subject = emulator.subject_token("alice").unwrap();
    let answer = exchange(&emulator, ("local-app", "local-secret"), (&subject, ACCESS_TOKEN), &READ).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({
            "code": "oidc.invalid_request", "message": "Request is invalid.", "error": "invalid_request",
            "error_description": "requested grant type is not allowed for this client",
        })
    );
    let allowed = exchange(&emulator, CLIENTS[1], (&subject, ACCESS_TOKEN), &READ).await;
    assert_eq!(allowed.status, 200, "the subject token is not spent by a refusal");
}

#[tokio::test]
async fn a_subject_token_for_an_api_is_good_once() {
    let emulator = emulator().await;
    for client in CLIENTS {
        let subject = emulator.subject_token("alice").unwrap();
        let answer = exchange(&emulator, client, (&subject, ACCESS_TOKEN), &READ).await;
        let Value::Object(body) = answer.json() else { panic!("{}", answer.text) };
        assert_eq!(
            body.keys().collect::<Vec<_>>(),
            ["access_token", "expires_in", "scope", "token_type"],
            "no refresh token, no ID token, no issued_token_type"
        );
        assert_eq!(body["scope"], "read:x");
        let claims = payload(body["access_token"].as_str().unwrap());
        assert_eq!((&claims["aud"], &claims["scope"]), (&json!(API), &json!("read:x")));
        assert_eq!(claims["client_id"], client.0);
        assert_ne!(claims["sub"], client.0, "it speaks of the person");
        assert_eq!(claims.get("act"), None);
        invalid_grant(&exchange(&emulator, client, (&subject, ACCESS_TOKEN), &READ).await);
    }
}

#[tokio::test]
async fn a_subject_token_lives_600_seconds() {
    let emulator = emulator().await;
    let (early, late) = (emulator.subject_token("alice").unwrap(), emulator.subject_token("alice").unwrap());
    emulator.advance(Duration::from_secs(598));
    assert_eq!(exchange(&emulator, CLIENTS[1], (&early, ACCESS_TOKEN), &READ).await.status, 200);
    emulator.advance(Duration::from_secs(2));
    invalid_grant(&exchange(&emulator, CLIENTS[1], (&late, ACCESS_TOKEN), &READ).await);
}

#[tokio::test]
async fn without_resource_an_opaque_token_for_user_info() {
    let emulator = emulator().await;
    for client in CLIENTS {
        let subject = emulator.subject_token("alice").unwrap();
        let answer =
            exchange(&emulator, client, (&subject, ACCESS_TOKEN), &[("scope", "openid profile nope")]).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["scope"]), (200, &json!("openid profile")));
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(token.len(), 43);
        assert_eq!(user_info(&emulator, token).await.json()["username"], "alice");
    }
}

#[tokio::test]
async fn for_an_organization_and_for_a_resource_within_it() {
    let emulator = emulator().await;
    for client in CLIENTS {
        let subject = emulator.subject_token("alice").unwrap();
        let form = [("organization_id", "acme"), ("scope", "urn:logto:scope:organizations read:member")];
        let body = exchange(&emulator, client, (&subject, ACCESS_TOKEN), &form).await.json();
        let claims = payload(body["access_token"].as_str().unwrap());
        assert_eq!(
            (&claims["aud"], &claims["scope"]),
            (&json!("urn:logto:organization:acme"), &json!("read:member"))
        );
        let subject = emulator.subject_token("alice").unwrap();
        let form = [("organization_id", "acme"), ("resource", ORG_API)];
        let body = exchange(&emulator, client, (&subject, ACCESS_TOKEN), &form).await.json();
        let claims = payload(body["access_token"].as_str().unwrap());
        assert_eq!((&claims["aud"], &claims["organization_id"]), (&json!(ORG_API), &json!("acme")));
        assert_eq!((&claims["scope"], &body["scope"]), (&json!(""), &json!("")));
    }
}

#[tokio::test]
async fn with_an_actor_token_the_claim_act() {
    let emulator = emulator().await;
    let (acting, without_openid) =
        (opaque(&emulator, "openid").await, opaque(&emulator, "offline_access").await);
    for client in CLIENTS {
        let subject = emulator.subject_token("alice").unwrap();
        for (actor, kind) in
            [(without_openid.as_str(), ACCESS_TOKEN), ("nope", ACCESS_TOKEN), (&acting, "urn:nope")]
        {
            let form = [READ[0], ("actor_token", actor), ("actor_token_type", kind)];
            invalid_grant(&exchange(&emulator, client, (&subject, ACCESS_TOKEN), &form).await);
        }
        let form = [READ[0], READ[1], ("actor_token", acting.as_str()), ("actor_token_type", ACCESS_TOKEN)];
        let body = exchange(&emulator, client, (&subject, ACCESS_TOKEN), &form).await.json();
        let claims = payload(body["access_token"].as_str().unwrap());
        assert_eq!(claims["act"], json!({ "sub": claims["sub"] }));
    }
}

#[tokio::test]
async fn a_users_opaque_access_token_as_subject() {
    let emulator = emulator().await;
    let subject = opaque(&emulator, "openid").await;
    for client in CLIENTS {
        for _ in 0..2 {
            let answer = exchange(&emulator, client, (&subject, ACCESS_TOKEN), &READ).await;
            assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("read:x")));
        }
    }
    emulator.revoke_grant(&subject);
    invalid_grant(&exchange(&emulator, CLIENTS[0], (&subject, ACCESS_TOKEN), &READ).await);
}

#[tokio::test]
async fn a_personal_access_token_as_subject() {
    let emulator = emulator().await;
    let (eternal, short) = (
        emulator.personal_access_token("alice", None).unwrap(),
        emulator.personal_access_token("alice", Some(Duration::from_secs(100))).unwrap(),
    );
    for client in CLIENTS {
        for token in [&eternal, &short] {
            let answer = exchange(&emulator, client, (token, PERSONAL), &READ).await;
            assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("read:x")));
        }
    }
    emulator.advance(Duration::from_secs(100));
    assert_eq!(exchange(&emulator, CLIENTS[0], (&eternal, PERSONAL), &READ).await.status, 200);
    invalid_grant(&exchange(&emulator, CLIENTS[0], (&short, PERSONAL), &READ).await);
}

#[tokio::test]
async fn a_bad_type_and_garbage() {
    let emulator = emulator().await;
    let (subject, personal) =
        (emulator.subject_token("alice").unwrap(), emulator.personal_access_token("alice", None).unwrap());
    for client in CLIENTS {
        for (token, kind) in [
            (subject.as_str(), "urn:nope"),
            (&subject, PERSONAL),
            (&personal, ACCESS_TOKEN),
            ("sub_nope", ACCESS_TOKEN),
            ("pat_nope", PERSONAL),
        ] {
            invalid_grant(&exchange(&emulator, client, (token, kind), &[("resource", API)]).await);
        }
    }
    let missing = token(&emulator, Some(CLIENTS[0]), &[("grant_type", GRANT), ("subject_token", "x")]).await;
    assert_eq!(
        (missing.status, &missing.json()["error_description"]),
        (400, &json!("missing required parameter 'subject_token_type'"))
    );
}

#[tokio::test]
async fn an_organization_of_others_and_an_unknown_resource_do_not_spend_the_subject_token() {
    let emulator = emulator().await;
    let subject = emulator.subject_token("alice").unwrap();
    for (form, status, error) in [
        (("organization_id", "strangers"), 403, "access_denied"),
        (("resource", "https://nope.example.test"), 400, "invalid_target"),
    ] {
        let answer = exchange(&emulator, CLIENTS[0], (&subject, ACCESS_TOKEN), &[form]).await;
        assert_eq!((answer.status, &answer.json()["error"]), (status, &json!(error)));
    }
    assert_eq!(exchange(&emulator, CLIENTS[0], (&subject, ACCESS_TOKEN), &READ).await.status, 200);
}
