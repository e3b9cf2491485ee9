//! §4: the token answer, and tokens.

use super::{
    ALL, API, SECOND, builder, claims, emulator, exchange, header, keys_of, refusal, refused, request, text,
    tokens,
};
use crate::{
    answers::{token, user_info},
    visitor::{CALLBACK, VERIFIER, Visitor, parameter},
};
use logto_emulator::{Application, Emulator};
use serde_json::{Map, Value, json};
use std::time::Duration;

async fn code_exchange(
    emulator: &Emulator,
    asked: &[(&str, &str)],
    more: &[(&str, &str)],
) -> crate::visitor::Answer {
    let callback = emulator.approve(&request(emulator, "web", asked), "alice").unwrap();
    exchange(emulator, "web", &callback, more).await
}

#[tokio::test]
async fn the_answer_has_these_members_and_is_not_stored() {
    let emulator = emulator().await;
    let answer = code_exchange(&emulator, &[], &[]).await;
    let body = answer.json();
    assert_eq!(
        keys_of(&body),
        ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]
    );
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(3600), &json!("Bearer")));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    for name in ["access_token", "refresh_token"] {
        assert_eq!(text(&body, name).len(), 43);
    }
}

#[tokio::test]
async fn a_client_authenticates_by_basic_or_by_post_with_any_of_its_secrets_or_by_json() {
    let emulator = builder()
        .application(Application::new("two-secrets").secret("one").secret("two").redirect_uri(CALLBACK))
        .start()
        .await
        .unwrap();
    for (basic, post) in [(Some("one"), None), (Some("two"), None), (None, Some("one")), (None, Some("two"))]
    {
        let callback = emulator.approve(&request(&emulator, "two-secrets", &[]), "alice").unwrap();
        let code = parameter(&callback, "code").unwrap();
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
        if let Some(secret) = post {
            form.extend([("client_id", "two-secrets"), ("client_secret", secret)]);
        }
        let answer = token(&emulator, basic.map(|secret| ("two-secrets", secret)), &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let visitor = Visitor::new();
    let request = visitor.client().post(format!("{}/token", emulator.issuer()));
    let request = request.header("content-type", "application/json").basic_auth("web", Some("web-secret"));
    let answer = visitor.send(request.body(r#"{"grant_type":"refresh_token","refresh_token":"nope"}"#)).await;
    assert_eq!(refusal(&answer), refused(400, "invalid_grant", "grant request is invalid"));
}

#[tokio::test]
async fn an_id_token_has_these_claims_and_no_others() {
    let emulator = emulator().await;
    let body = tokens(&emulator, "web", &[("scope", ALL), ("nonce", "n-0S6_WzA2Mj")]).await;
    let id_token = text(&body, "id_token");
    assert_eq!(keys_of(&header(id_token)), ["alg", "kid"]);
    assert_eq!(header(id_token)["alg"], "ES384");
    let claims = claims(&body, "id_token");
    assert_eq!(
        keys_of(&claims),
        [
            "aud",
            "created_at",
            "email",
            "email_verified",
            "exp",
            "family_name",
            "given_name",
            "iat",
            "iss",
            "name",
            "nonce",
            "organization_roles",
            "organizations",
            "picture",
            "preferred_username",
            "sub",
            "updated_at",
            "username"
        ]
    );
    assert_eq!(claims["picture"], Value::Null, "null is there as null");
    assert!(claims["updated_at"].as_u64().unwrap() > 1_000_000_000_000, "milliseconds");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
    assert_eq!((&claims["aud"], &claims["nonce"]), (&json!("web"), &json!("n-0S6_WzA2Mj")));
    assert_eq!(claims["organization_roles"], json!(["acme:org-admin"]));
    let body = tokens(&emulator, "web", &[("scope", "openid phone roles")]).await;
    let claims = super::claims(&body, "id_token");
    assert_eq!((&claims["phone_number"], &claims["phone_number_verified"]), (&Value::Null, &json!(false)));
    assert_eq!(claims["roles"], json!(["x-user"]));
}

#[tokio::test]
async fn an_id_token_names_the_session_only_where_back_channel_logout_requires_it() {
    let told = Application::new("told")
        .secret("s")
        .redirect_uri(CALLBACK)
        .back_channel_logout_uri("http://127.0.0.1:9/")
        .back_channel_logout_session_required();
    let emulator = builder().application(told).start().await.unwrap();
    let callback = emulator.approve(&request(&emulator, "told", &[]), "alice").unwrap();
    let code = parameter(&callback, "code").unwrap();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let body = token(&emulator, Some(("told", "s")), &form).await.json();
    assert_eq!(claims(&body, "id_token")["sid"].as_str().unwrap().len(), 43);
    let body = tokens(&emulator, "web", &[]).await;
    assert_eq!(claims(&body, "id_token").get("sid"), None);
}

#[tokio::test]
async fn an_access_token_for_a_resource_is_a_jwt_with_these_claims() {
    let emulator = emulator().await;
    let asked = [("resource", API), ("scope", "openid offline_access read:x")];
    let body = code_exchange(&emulator, &asked, &[("resource", API)]).await.json();
    let head = header(text(&body, "access_token"));
    assert_eq!((&head["alg"], &head["typ"]), (&json!("ES384"), &json!("at+jwt")));
    let claims = claims(&body, "access_token");
    assert_eq!(keys_of(&claims), ["aud", "client_id", "exp", "iat", "iss", "jti", "scope", "sub"]);
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(API), &json!("read:x")));
    assert_eq!(body["scope"], "read:x");
}

#[tokio::test]
async fn a_code_without_resource_brings_an_opaque_token_and_with_it_a_jwt() {
    let emulator = emulator().await;
    let body = code_exchange(&emulator, &[("resource", API)], &[]).await.json();
    assert_eq!(text(&body, "access_token").len(), 43);
    assert_eq!(user_info(&emulator, text(&body, "access_token")).await.status, 200);
    let body = code_exchange(&emulator, &[("resource", API)], &[("resource", API)]).await.json();
    assert_eq!(
        (&claims(&body, "access_token")["scope"], &body["scope"]),
        (&json!(""), &json!("")),
        "no API scope was granted"
    );
    let bare = [("resource", API), ("scope", "offline_access read:x")];
    let body = code_exchange(&emulator, &bare, &[]).await.json();
    assert_eq!(claims(&body, "access_token")["aud"], API, "without openid and with one resource");
    assert_eq!(body.get("id_token"), None);
}

#[tokio::test]
async fn a_code_brings_no_token_for_a_resource_that_was_not_asked_for() {
    let emulator = emulator().await;
    for resource in [SECOND, "https://nope.example.test"] {
        let answer = code_exchange(&emulator, &[("resource", API)], &[("resource", resource)]).await;
        let expected = refused(400, "invalid_target", "resource indicator is missing, or unknown");
        assert_eq!(refusal(&answer), expected);
    }
}

#[tokio::test]
async fn the_code_grant_ignores_an_organization() {
    let emulator = emulator().await;
    let asked = [("scope", "openid offline_access urn:logto:scope:organizations")];
    let body = code_exchange(&emulator, &asked, &[("organization_id", "acme")]).await.json();
    assert_eq!(text(&body, "access_token").len(), 43);
}

#[tokio::test]
async fn the_lifetime_of_a_resource_is_that_of_its_tokens() {
    let emulator = emulator().await;
    let body = code_exchange(&emulator, &[("resource", SECOND)], &[("resource", SECOND)]).await.json();
    assert_eq!(body["expires_in"], 600);
    let claims = claims(&body, "access_token");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
}

#[tokio::test]
async fn an_application_may_have_lifetimes_of_its_own() {
    let brief = Application::new("brief")
        .redirect_uri(CALLBACK)
        .id_token_lifetime(Duration::from_secs(60))
        .refresh_token_lifetime(Duration::from_secs(86_400));
    let emulator = builder().application(brief).start().await.unwrap();
    let body = tokens(&emulator, "brief", &[]).await;
    let claims = claims(&body, "id_token");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
    emulator.advance(Duration::from_secs(86_401));
    let late = super::refreshed(&emulator, "brief", text(&body, "refresh_token"), &[]).await;
    assert_eq!(late.status, 400);
}

#[tokio::test]
async fn custom_claims_are_added_do_not_override_and_may_deny() {
    let emulator = emulator().await;
    emulator.customize_access_tokens(|context| {
        assert_eq!((context.username.as_deref(), &*context.client_id), (Some("alice"), "web"));
        let claims = json!({"tier": "gold", "n": 7, "sub": "evil", "iss": "evil"});
        Ok(claims.as_object().unwrap().clone())
    });
    let asked = [("resource", API), ("scope", "openid offline_access read:x")];
    let body = code_exchange(&emulator, &asked, &[("resource", API)]).await.json();
    let claims = claims(&body, "access_token");
    assert_eq!((&claims["tier"], &claims["n"]), (&json!("gold"), &json!(7)));
    assert_eq!(claims["iss"], emulator.issuer());
    assert_ne!(claims["sub"], "evil");
    emulator.customize_access_tokens(|_| Err::<Map<String, Value>, _>("no entry".to_owned()));
    let denied = code_exchange(&emulator, &asked, &[("resource", API)]).await;
    assert_eq!(refusal(&denied), refused(400, "access_denied", "no entry"));
}
