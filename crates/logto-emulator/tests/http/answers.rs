//! The endpoints for programs: answers and errors as a real server gives them.

use crate::visitor::{Answer, CALLBACK, FORM, VERIFIER, Visitor, authorization, encoded, parameter};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_emulator::{Application, Emulator, Endpoint, Failure};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) fn code(emulator: &Emulator, changes: &[(&str, &str)]) -> String {
    parameter(&emulator.approve(&authorization(emulator, changes), "alice").unwrap(), "code").unwrap()
}

pub(crate) async fn token(
    emulator: &Emulator,
    credentials: Option<(&str, &str)>,
    form: &[(&str, &str)],
) -> Answer {
    Visitor::new().post_as(credentials, &format!("{}/token", emulator.issuer()), form).await
}

pub(crate) const LOCAL: Option<(&str, &str)> = Some(("local-app", "local-secret"));

pub(crate) async fn exchange(emulator: &Emulator, code: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    token(emulator, LOCAL, &form).await
}

pub(crate) async fn user_info(emulator: &Emulator, token: &str) -> Answer {
    let visitor = Visitor::new();
    visitor.send(visitor.client().get(format!("{}/me", emulator.issuer())).bearer_auth(token)).await
}

pub(crate) fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn discovery_and_keys_are_those_of_the_server() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    let discovery = format!("{}/.well-known/openid-configuration", emulator.issuer());
    let metadata = visitor.get(&discovery).await.json();
    assert_eq!(metadata["issuer"], emulator.issuer());
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let keys = visitor.get(metadata["jwks_uri"].as_str().unwrap()).await;
    assert_eq!(keys.header("cache-control"), "no-cache, max-age=0, must-revalidate");
    let key = &keys.json()["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("EC"), &json!("P-384"), &json!("ES384")));
    emulator.rotate_keys().unwrap();
    let keys = visitor.get(metadata["jwks_uri"].as_str().unwrap()).await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "the previous key stays published");
}

#[tokio::test]
async fn a_code_brings_tokens_and_they_bring_user_info() {
    let emulator = Emulator::start().await.unwrap();
    let answer = exchange(&emulator, &code(&emulator, &[])).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let body = answer.json();
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(3600), &json!("Bearer")));
    assert_eq!(body["refresh_token"].as_str().unwrap().len(), 43);
    let claims = payload(body["id_token"].as_str().unwrap());
    assert_eq!((&claims["aud"], &claims["nonce"]), (&json!("local-app"), &json!("no")));
    assert_eq!((&claims["username"], &claims["picture"]), (&json!("alice"), &Value::Null));
    assert!(claims["updated_at"].as_u64().unwrap() > 1_000_000_000_000, "milliseconds");
    let info = user_info(&emulator, body["access_token"].as_str().unwrap()).await.json();
    assert_eq!((&info["sub"], &info["custom_data"]["plan"]), (&claims["sub"], &json!("pro")));
}

#[tokio::test]
async fn without_prompt_consent_no_refresh_token_comes() {
    let emulator = Emulator::start().await.unwrap();
    let body = exchange(&emulator, &code(&emulator, &[("prompt", "login")])).await.json();
    assert_eq!(body.get("refresh_token"), None);
}

#[tokio::test]
async fn a_code_is_good_once_and_its_second_use_revokes() {
    let emulator = Emulator::start().await.unwrap();
    let code = code(&emulator, &[]);
    let first = exchange(&emulator, &code).await.json();
    let (access, refresh) =
        (first["access_token"].as_str().unwrap(), first["refresh_token"].as_str().unwrap());
    assert!(emulator.accepts_refresh_token(refresh));
    let second = exchange(&emulator, &code).await;
    assert_eq!((second.status, &second.json()["error"]), (400, &json!("invalid_grant")));
    assert!(!emulator.accepts_refresh_token(refresh));
    assert_eq!(user_info(&emulator, access).await.status, 401);
}

#[tokio::test]
async fn a_code_lives_one_minute() {
    let emulator = Emulator::start().await.unwrap();
    let code = code(&emulator, &[]);
    emulator.advance(Duration::from_secs(61));
    assert_eq!(exchange(&emulator, &code).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_refresh_brings_tokens_and_a_revocation_ends_them() {
    let emulator = Emulator::start().await.unwrap();
    let body = exchange(&emulator, &code(&emulator, &[])).await.json();
    let refresh = body["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let answer = token(&emulator, LOCAL, &form).await.json();
    assert!(answer["access_token"].is_string() && answer["access_token"] != body["access_token"]);

    let visitor = Visitor::new();
    let revocation = format!("{}/token/revocation", emulator.issuer());
    let request = visitor.client().post(&revocation).basic_auth("local-app", Some("local-secret"));
    let request = request.header("content-type", FORM).body(encoded(&[("token", refresh)]));
    assert_eq!(visitor.send(request).await.status, 200);
    assert_eq!(token(&emulator, LOCAL, &form).await.json()["error"], "invalid_grant");
    assert_eq!(user_info(&emulator, answer["access_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn errors_of_the_token_endpoint_are_those_of_the_server() {
    let emulator = Emulator::builder().application(Application::new("spa")).start().await.unwrap();
    let good = code(&emulator, &[]);
    let (wrong, nobody) = (Some(("local-app", "wrong")), Some(("nope", "x")));
    let grant = ("grant_type", "authorization_code");
    let (uri, verifier) = (("redirect_uri", CALLBACK), ("code_verifier", VERIFIER));
    let code = ("code", good.as_str());
    let other = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    for (credentials, form, status, error, description) in [
        (wrong, vec![grant], 401, "invalid_client", "client authentication failed"),
        (nobody, vec![grant], 400, "invalid_client", "invalid client nope"),
        (
            None,
            vec![grant, ("client_id", "local-app")],
            401,
            "invalid_client",
            "client authentication failed",
        ),
        (None, vec![grant], 400, "invalid_request", "no client authentication mechanism provided"),
        (
            LOCAL,
            vec![grant, ("client_id", "local-app"), ("client_secret", "local-secret")],
            400,
            "invalid_request",
            "client authentication must only be provided using one mechanism",
        ),
        (
            None,
            vec![grant, code, uri, verifier, ("client_id", "spa")],
            400,
            "invalid_grant",
            "grant request is invalid",
        ),
        (
            LOCAL,
            vec![grant, code, ("redirect_uri", "http://localhost:3000/other"), verifier],
            400,
            "invalid_grant",
            "grant request is invalid",
        ),
        (LOCAL, vec![grant, code, uri], 400, "invalid_grant", "grant request is invalid"),
        (
            LOCAL,
            vec![grant, code, uri, ("code_verifier", other)],
            400,
            "invalid_grant",
            "grant request is invalid",
        ),
        (
            LOCAL,
            vec![grant, code, uri, ("code_verifier", "short")],
            400,
            "invalid_request",
            "code_verifier must be a string with a minimum length of 43 characters",
        ),
        (LOCAL, vec![grant, ("code", "nope"), uri], 400, "invalid_grant", "grant request is invalid"),
        (LOCAL, vec![grant], 400, "invalid_request", "missing required parameter 'code'"),
        (
            LOCAL,
            vec![("grant_type", "refresh_token")],
            400,
            "invalid_request",
            "missing required parameter 'refresh_token'",
        ),
        (
            LOCAL,
            vec![("grant_type", "password")],
            400,
            "unsupported_grant_type",
            "unsupported grant_type requested",
        ),
        (LOCAL, vec![("foo", "bar")], 400, "invalid_request", "missing required parameter 'grant_type'"),
    ] {
        let answer = token(&emulator, credentials, &form).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["error"]), (status, &json!(error)), "{form:?}");
        assert_eq!(body["error_description"], description, "{form:?}");
        assert_eq!(body["code"], format!("oidc.{error}"));
        assert_eq!(answer.header("www-authenticate").starts_with("Basic realm="), credentials == wrong);
    }
    assert_eq!(exchange(&emulator, &good).await.status, 200, "no failed attempt spends the code");
}

#[tokio::test]
async fn errors_of_the_authorization_endpoint_are_those_of_the_server() {
    let emulator = Emulator::builder().application(Application::new("spa")).start().await.unwrap();
    let visitor = Visitor::new();
    for (changes, error) in [
        (&[("client_id", "nope")][..], "invalid_client"),
        (&[("redirect_uri", "https://evil.example")], "invalid_redirect_uri"),
    ] {
        let answer = visitor.get(&authorization(&emulator, changes)).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["error"]), (400, &json!(error)), "shown, not redirected");
        assert_eq!((&body["state"], &body["iss"]), (&json!("st"), &json!(emulator.issuer())));
    }
    for (changes, error, description) in [
        (
            &[("client_id", "spa"), ("code_challenge", ""), ("code_challenge_method", "")][..],
            "invalid_request",
            Some("Authorization Server policy requires PKCE to be used for this request"),
        ),
        (&[("code_challenge_method", "")], "invalid_request", Some("code_challenge_method must be provided")),
        (
            &[("code_challenge_method", "plain")],
            "invalid_request",
            Some("not supported value of code_challenge_method"),
        ),
        (&[("resource", "nope")], "invalid_target", Some("resource indicator must be an absolute URI")),
        (&[("prompt", "none")], "login_required", Some("End-User authentication is required")),
        (&[("prompt", "junk")], "invalid_request", Some("unsupported prompt value requested")),
        (&[("request", "abc")], "request_not_supported", None),
    ] {
        let answer = visitor.get(&authorization(&emulator, changes)).await;
        let location = answer.header("location");
        assert!(answer.status == 303 && location.starts_with(CALLBACK), "{location}");
        assert_eq!(parameter(location, "error").as_deref(), Some(error));
        assert_eq!(parameter(location, "error_description").as_deref(), description);
        assert_eq!(parameter(location, "state").as_deref(), Some("st"));
        assert_eq!(parameter(location, "iss"), Some(emulator.issuer()));
    }
    let answer = visitor.get(&authorization(&emulator, &[("response_type", "token")])).await;
    assert!(answer.header("location").starts_with("http://localhost:3000/callback#error=unsupported"));
    for (changes, place) in [
        (
            &[("direct_sign_in", "social:google")][..],
            "/direct/social/google?app_id=local-app&fallback=sign-in",
        ),
        (&[("ui_locales", "fr-CA fr")], "/sign-in?app_id=local-app&ui_locales=fr-CA+fr"),
        (
            &[("identifier", "username"), ("login_hint", "alice")],
            "/sign-in?app_id=local-app&login_hint=alice&identifier=username",
        ),
    ] {
        let answer = visitor.get(&authorization(&emulator, changes)).await;
        assert_eq!((answer.status, answer.header("location")), (303, place));
    }
}

#[tokio::test]
async fn errors_of_user_info_and_unknown_routes_are_those_of_the_server() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    let none = visitor.get(&format!("{}/me", emulator.issuer())).await;
    assert_eq!((none.status, &none.json()["error_description"]), (401, &json!("no access token provided")));
    let wrong = user_info(&emulator, "nope").await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (401, &json!("invalid_token")));
    assert!(wrong.header("www-authenticate").contains("error=\"invalid_token\""));
    let body = exchange(&emulator, &code(&emulator, &[("scope", "offline_access")])).await.json();
    assert_eq!(body.get("id_token"), None);
    let refused = user_info(&emulator, body["access_token"].as_str().unwrap()).await;
    assert_eq!((refused.status, &refused.json()["scope"]), (403, &json!("openid")));
    let unknown = visitor.get(&format!("{}/nope", emulator.issuer())).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(
        unknown.json()["error_description"],
        "unrecognized route or not allowed method (GET on /nope)"
    );
}

#[tokio::test]
async fn requests_are_counted_delayed_and_failed_per_endpoint() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    let jwks = format!("{}/jwks", emulator.issuer());
    emulator.fail_next(Endpoint::Jwks, Failure::Status(503), 1);
    assert_eq!(visitor.get(&jwks).await.status, 503);
    assert_eq!(visitor.get(&jwks).await.status, 200);
    emulator.set_failure(Endpoint::Jwks, Some(Failure::RetryAfter(7)));
    let limited = visitor.get(&jwks).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    emulator.set_failure(Endpoint::Jwks, Some(Failure::Disconnect));
    let answer = visitor.client().get(&jwks).send().await.unwrap();
    assert!(answer.bytes().await.is_err(), "the connection breaks");
    emulator.set_failure(Endpoint::Jwks, None);
    emulator.set_latency(Endpoint::Jwks, Duration::from_millis(60));
    let since = std::time::Instant::now();
    assert_eq!(visitor.get(&jwks).await.status, 200);
    assert!(since.elapsed() >= Duration::from_millis(60));
    assert_eq!((emulator.count(Endpoint::Jwks), emulator.count(Endpoint::Token)), (5, 0));
}

#[tokio::test]
async fn a_held_endpoint_counts_and_answers_when_it_is_released() {
    let emulator = Emulator::start().await.unwrap();
    let jwks = format!("{}/jwks", emulator.issuer());
    emulator.hold(Endpoint::Jwks);
    let waiting = tokio::spawn(reqwest::get(jwks));
    while emulator.count(Endpoint::Jwks) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    emulator.release(Endpoint::Jwks);
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn it_is_gone_when_it_is_dropped() {
    let emulator = Emulator::start().await.unwrap();
    let address = emulator.endpoint().replace("http://", "");
    tokio::net::TcpStream::connect(&address).await.unwrap();
    drop(emulator);
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
