//! §9: errors.

use super::{
    Credentials, WEB, emulator, exchange, keys_of, refreshed, refusal, refused, request, text, tokens,
};
use crate::{
    answers::{token, user_info},
    visitor::{Answer, CALLBACK, FORM, VERIFIER, Visitor, encoded, parameter},
};
use logto_emulator::Emulator;
use serde_json::json;

async fn post(
    emulator: &Emulator,
    query: &str,
    headers: &[(&str, &str)],
    credentials: Credentials,
    form: &[(&str, &str)],
) -> Answer {
    let visitor = Visitor::new();
    let mut request = visitor.client().post(format!("{}/token{query}", emulator.issuer()));
    request = request.header("content-type", FORM).body(encoded(form));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    visitor
        .send(match credentials {
            Some((id, secret)) => request.basic_auth(id, Some(secret)),
            None => request,
        })
        .await
}

const DEAD: [(&str, &str); 2] = [("grant_type", "refresh_token"), ("refresh_token", "nope")];

#[tokio::test]
async fn an_error_has_code_message_error_and_description_and_invalid_grant_a_link() {
    let emulator = emulator().await;
    let body = post(&emulator, "", &[], WEB, &DEAD).await.json();
    assert_eq!(
        body,
        json!({
            "code": "oidc.invalid_grant", "message": "Grant request is invalid.",
            "error": "invalid_grant", "error_description": "grant request is invalid",
            "error_uri": "https://openid.sh/debug/invalid_grant",
        })
    );
    let body = post(&emulator, "", &[], WEB, &[("foo", "bar")]).await.json();
    assert_eq!(keys_of(&body), ["code", "error", "error_description", "message"]);
}

#[tokio::test]
async fn parse_error_false_gives_what_oauth_says() {
    let emulator = emulator().await;
    let body = post(&emulator, "?parse_error=false", &[], WEB, &DEAD).await.json();
    assert_eq!(body, json!({"error": "invalid_grant", "error_description": "grant request is invalid"}));
}

#[tokio::test]
async fn the_message_is_in_the_language_of_the_request() {
    let emulator = emulator().await;
    let body = post(&emulator, "", &[("accept-language", "fr")], WEB, &DEAD).await.json();
    assert_eq!(body["message"], "La requête de consentement est invalide.");
    let body = post(&emulator, "", &[("accept", "text/html")], WEB, &DEAD).await.json();
    assert_eq!(body["message"], "Grant request is invalid.");
}

#[tokio::test]
async fn all_causes_of_invalid_grant_look_the_same() {
    let emulator = emulator().await;
    let callback = emulator.approve(&request(&emulator, "web", &[]), "alice").unwrap();
    let code = parameter(&callback, "code").unwrap();
    let grant = ("grant_type", "authorization_code");
    let other = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    let refresh_token = tokens(&emulator, "web", &[]).await["refresh_token"].as_str().unwrap().to_owned();
    let web2: Credentials = Some(("web2", "web2-secret"));
    for (credentials, form) in [
        (WEB, vec![grant, ("code", "nope"), ("code_verifier", VERIFIER)]),
        (WEB, vec![grant, ("code", &*code), ("code_verifier", other)]),
        (WEB, vec![grant, ("code", &*code)]),
        (
            WEB,
            vec![
                grant,
                ("code", &*code),
                ("code_verifier", VERIFIER),
                ("redirect_uri", "http://localhost:3000/other"),
            ],
        ),
        (web2, vec![grant, ("code", &*code), ("code_verifier", VERIFIER)]),
        (WEB, DEAD.to_vec()),
        (web2, vec![DEAD[0], ("refresh_token", &*refresh_token)]),
    ] {
        let answer = token(&emulator, credentials, &form).await;
        assert_eq!(refusal(&answer), refused(400, "invalid_grant", "grant request is invalid"), "{form:?}");
    }
    let answer = exchange(&emulator, "web", &callback, &[]).await;
    assert_eq!(answer.status, 200, "a wrong verifier does not burn the code");
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_the_first_brought() {
    let emulator = emulator().await;
    let callback = emulator.approve(&request(&emulator, "web", &[]), "alice").unwrap();
    let body = exchange(&emulator, "web", &callback, &[]).await.json();
    let again = exchange(&emulator, "web", &callback, &[]).await;
    assert_eq!(refusal(&again), refused(400, "invalid_grant", "grant request is invalid"));
    assert_eq!(refreshed(&emulator, "web", text(&body, "refresh_token"), &[]).await.status, 400);
    assert_eq!(user_info(&emulator, text(&body, "access_token")).await.status, 401);
}

#[tokio::test]
async fn client_authentication_fails_in_these_words() {
    let emulator = emulator().await;
    let grant = ("grant_type", "authorization_code");
    let (wrong, nobody): (Credentials, Credentials) = (Some(("web", "wrong")), Some(("nope", "x")));
    for (credentials, form, expected, challenged) in [
        (wrong, vec![grant], refused(401, "invalid_client", "client authentication failed"), true),
        (
            None,
            vec![grant, ("client_id", "web"), ("client_secret", "wrong")],
            refused(401, "invalid_client", "client authentication failed"),
            false,
        ),
        (
            None,
            vec![grant, ("client_id", "web")],
            refused(401, "invalid_client", "client authentication failed"),
            false,
        ),
        (
            Some(("spa", "x")),
            vec![grant],
            refused(401, "invalid_client", "client authentication failed"),
            true,
        ),
        (nobody, vec![grant], refused(400, "invalid_client", "invalid client nope"), false),
        (
            None,
            vec![grant, ("client_id", "nope"), ("client_secret", "x")],
            refused(400, "invalid_client", "invalid client nope"),
            false,
        ),
        (
            None,
            vec![grant],
            refused(400, "invalid_request", "no client authentication mechanism provided"),
            false,
        ),
        (
            WEB,
            vec![grant, ("client_id", "web"), ("client_secret", "web-secret")],
            refused(
                400,
                "invalid_request",
                "client authentication must only be provided using one mechanism",
            ),
            false,
        ),
    ] {
        let answer = token(&emulator, credentials, &form).await;
        assert_eq!(refusal(&answer), expected, "{form:?}");
        let challenge = format!(
            "Basic realm=\"{}\", error=\"invalid_client\", error_description=\"client authentication failed\"",
            emulator.issuer()
        );
        assert_eq!(answer.header("www-authenticate"), if challenged { &*challenge } else { "" });
    }
}

#[tokio::test]
async fn missing_and_malformed_parameters_are_named() {
    let emulator = emulator().await;
    for (form, expected) in [
        (
            vec![("grant_type", "authorization_code"), ("redirect_uri", CALLBACK)],
            refused(400, "invalid_request", "missing required parameter 'code'"),
        ),
        (
            vec![("grant_type", "refresh_token")],
            refused(400, "invalid_request", "missing required parameter 'refresh_token'"),
        ),
        (vec![("foo", "bar")], refused(400, "invalid_request", "missing required parameter 'grant_type'")),
        (
            vec![("grant_type", "password")],
            refused(400, "unsupported_grant_type", "unsupported grant_type requested"),
        ),
        (
            vec![("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", "short")],
            refused(
                400,
                "invalid_request",
                "code_verifier must be a string with a minimum length of 43 characters",
            ),
        ),
    ] {
        assert_eq!(refusal(&token(&emulator, WEB, &form).await), expected);
    }
    let visitor = Visitor::new();
    let plain =
        visitor.client().post(format!("{}/token", emulator.issuer())).header("content-type", "text/plain");
    let answer = visitor.send(plain.body("grant_type=refresh_token")).await;
    let description =
        "only application/x-www-form-urlencoded content-type bodies are supported on POST /token";
    assert_eq!(refusal(&answer), refused(400, "invalid_request", description));
}

#[tokio::test]
async fn an_unknown_route_or_method_is_404() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    for path in ["token", "nope"] {
        let answer = visitor.get(&format!("{}/{path}", emulator.issuer())).await;
        let description = format!("unrecognized route or not allowed method (GET on /{path})");
        assert_eq!(refusal(&answer), refused(404, "invalid_request", &description));
        assert_eq!((answer.header("cache-control"), answer.header("etag")), ("", ""));
    }
}

#[tokio::test]
async fn a_page_of_a_registered_origin_may_ask_and_a_foreign_one_may_not() {
    let emulator = emulator().await;
    let refresh_token = tokens(&emulator, "spa", &[]).await["refresh_token"].as_str().unwrap().to_owned();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*refresh_token), ("client_id", "spa")];
    let foreign = post(&emulator, "", &[("origin", "https://evil.example")], None, &form).await;
    let description = "origin https://evil.example not allowed for client: spa";
    assert_eq!(refusal(&foreign), refused(400, "invalid_request", description));
    let own = post(&emulator, "", &[("origin", "http://localhost:3000")], None, &form).await;
    assert_eq!((own.status, own.header("access-control-allow-origin")), (200, "http://localhost:3000"));
    assert_eq!(own.header("vary"), "Accept-Encoding, Origin");
    let visitor = Visitor::new();
    let preflight = visitor
        .client()
        .request(reqwest::Method::OPTIONS, format!("{}/token", emulator.issuer()))
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "POST");
    let answer = visitor.send(preflight).await;
    assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, "POST"));
}
