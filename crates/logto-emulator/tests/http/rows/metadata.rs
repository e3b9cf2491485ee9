//! §2: discovery and the published keys.

use super::{Credentials, WEB, builder, emulator, header, keys_of, request, text, tokens};
use crate::visitor::{Visitor, encoded, parameter};
use logto_emulator::SigningKey;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn discovery_lists_the_endpoints_and_what_they_support() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let answer = visitor.get(&format!("{}/.well-known/openid-configuration", emulator.issuer())).await;
    let metadata = answer.json();
    for (name, path) in [
        ("authorization_endpoint", "/auth"),
        ("device_authorization_endpoint", "/device/auth"),
        ("token_endpoint", "/token"),
        ("userinfo_endpoint", "/me"),
        ("jwks_uri", "/jwks"),
        ("end_session_endpoint", "/session/end"),
        ("revocation_endpoint", "/token/revocation"),
        ("introspection_endpoint", "/token/introspection"),
        ("pushed_authorization_request_endpoint", "/request"),
    ] {
        assert_eq!(metadata[name], format!("{}{path}", emulator.issuer()));
    }
    for (name, value) in [
        ("id_token_signing_alg_values_supported", json!(["ES384"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("claims_parameter_supported", json!(false)),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
        ("authorization_response_iss_parameter_supported", json!(true)),
    ] {
        assert_eq!(metadata[name], value, "{name}");
    }
    for absent in ["dpop_signing_alg_values_supported", "registration_endpoint", "check_session_iframe"] {
        assert_eq!(metadata.get(absent), None);
    }
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!((answer.header("cache-control"), answer.header("etag").is_empty()), ("", false));
}

#[tokio::test]
async fn published_keys_have_their_type_no_cache_and_an_etag() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let url = format!("{}/jwks", emulator.issuer());
    let answer = visitor.get(&url).await;
    assert_eq!(answer.header("content-type"), "application/jwk-set+json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-cache, max-age=0, must-revalidate");
    assert_eq!(keys_of(&answer.json()["keys"][0]), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    let again = visitor.client().get(&url).header("if-none-match", answer.header("etag"));
    assert_eq!(visitor.send(again).await.status, 304);
}

#[tokio::test]
async fn a_rotation_takes_effect_at_once_and_rsa_keys_name_no_algorithm() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let jwks = format!("{}/jwks", emulator.issuer());
    emulator.rotate_keys_to(SigningKey::Rsa).unwrap();
    let keys = visitor.get(&jwks).await.json()["keys"].clone();
    assert_eq!(keys_of(&keys[0]), ["e", "kid", "kty", "n", "use"], "current first, without alg");
    assert_eq!((&keys[0]["kty"], &keys[1]["alg"]), (&json!("RSA"), &json!("ES384")));
    let body = tokens(&emulator, "web", &[]).await;
    let head = header(text(&body, "id_token"));
    assert_eq!((&head["alg"], &head["kid"]), (&json!("RS256"), &keys[0]["kid"]));
    let metadata =
        visitor.get(&format!("{}/.well-known/openid-configuration", emulator.issuer())).await.json();
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["PS256", "RS256", "ES384"]));
    emulator.delete_previous_key();
    assert_eq!(visitor.get(&jwks).await.json()["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_tenant_may_begin_with_an_rsa_key() {
    let emulator = builder().signing_key(SigningKey::Rsa).start().await.unwrap();
    let body = tokens(&emulator, "web", &[]).await;
    assert_eq!(header(text(&body, "id_token"))["alg"], "RS256");
}

async fn push(
    emulator: &logto_emulator::Emulator,
    credentials: Credentials,
    form: &[(&str, &str)],
) -> crate::visitor::Answer {
    Visitor::new().post_as(credentials, &format!("{}/request", emulator.issuer()), form).await
}

#[tokio::test]
async fn a_pushed_request_needs_client_authentication_and_lives_a_minute() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let query = request(&emulator, "web", &[]);
    let query = url::Url::parse(&query).unwrap();
    let pairs: Vec<(String, String)> = query.query_pairs().into_owned().collect();
    let form: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let refused = push(&emulator, None, &form).await;
    assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("invalid_client")));
    let pushed = push(&emulator, WEB, &form).await;
    let body = pushed.json();
    assert_eq!((pushed.status, &body["expires_in"]), (201, &json!(60)));
    let uri = text(&body, "request_uri");
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{uri}");
    let asked =
        format!("{}/auth?{}", emulator.issuer(), encoded(&[("client_id", "web"), ("request_uri", uri)]));
    let answer = visitor.get(&asked).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in?app_id=web"));
    let callback = emulator.approve(&asked, "alice").unwrap();
    assert!(parameter(&callback, "code").is_some());
    emulator.advance(Duration::from_secs(61));
    assert_eq!(visitor.get(&asked).await.status, 400);
}
