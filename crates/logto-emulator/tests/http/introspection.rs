//! Introspection: the rows of a recording of the server.

use crate::{
    answers::{LOCAL, code, exchange, token},
    visitor::{Answer, Visitor},
};
use logto_emulator::{Application, Emulator};
use serde_json::{Value, json};

const SCOPE: &str = "openid offline_access profile";

async fn introspect(emulator: &Emulator, credentials: Option<(&str, &str)>, form: &[(&str, &str)]) -> Answer {
    Visitor::new().post_as(credentials, &format!("{}/token/introspection", emulator.issuer()), form).await
}

async fn signed_in() -> (Emulator, Value) {
    let emulator = Emulator::builder().application(Application::new("spa")).start().await.unwrap();
    let code = code(&emulator, &[("scope", SCOPE), ("resource", "https://api.example.test")]);
    let body = exchange(&emulator, &code).await.json();
    (emulator, body)
}

const MACHINE: Option<(&str, &str)> = Some(("local-machine", "local-machine-secret"));

#[tokio::test]
async fn an_opaque_access_token_and_a_refresh_token_for_any_confidential_application() {
    let (emulator, body) = signed_in().await;
    for credentials in [LOCAL, MACHINE] {
        for (name, life) in [("access_token", 3600), ("refresh_token", 14 * 86_400)] {
            let answer = introspect(&emulator, credentials, &[("token", body[name].as_str().unwrap())]).await;
            let told = answer.json();
            assert_eq!((answer.status, &told["active"]), (200, &json!(true)));
            assert_eq!((&told["client_id"], &told["scope"]), (&json!("local-app"), &json!(SCOPE)));
            assert_eq!(told["iss"], emulator.issuer());
            assert_eq!(told["exp"].as_u64().unwrap() - told["iat"].as_u64().unwrap(), life);
            assert!(told["sub"].is_string());
            let bearer = (name == "access_token").then(|| json!("Bearer"));
            assert_eq!(told.get("token_type"), bearer.as_ref());
        }
    }
    emulator.revoke_grants_of("alice");
    let answer = introspect(&emulator, LOCAL, &[("token", body["access_token"].as_str().unwrap())]).await;
    assert_eq!(answer.json(), json!({ "active": false }));
}

#[tokio::test]
async fn garbage_and_a_public_application_learn_nothing() {
    let (emulator, body) = signed_in().await;
    let opaque = body["access_token"].as_str().unwrap();
    let answer = introspect(&emulator, LOCAL, &[("token", "garbage")]).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "active": false })));
    let answer = introspect(&emulator, None, &[("token", opaque), ("client_id", "spa")]).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "active": false })));
    let answer = introspect(&emulator, None, &[("token", opaque)]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error_description"], "no client authentication mechanism provided");
}

#[tokio::test]
async fn a_structured_token_is_refused() {
    let (emulator, body) = signed_in().await;
    let refresh_token = body["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("resource", "https://api.example.test"),
    ];
    let jwt = token(&emulator, LOCAL, &form).await.json()["access_token"].as_str().unwrap().to_owned();
    let answer = introspect(&emulator, LOCAL, &[("token", &jwt)]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({
            "code": "oidc.unsupported_token_type",
            "message": "An OIDC error occurred: oidc.unsupported_token_type.",
            "error": "unsupported_token_type",
            "error_description":
                "Structured JWT Tokens cannot be introspected via the introspection_endpoint",
        })
    );
}
