//! Client credentials: the rows of a recording of the server.

use crate::{
    answers::{LOCAL, payload, token},
    visitor::Answer,
};
use logto_emulator::{Application, Emulator};
use serde_json::{Map, Value, json};

pub(crate) const API: &str = "https://api.example.test";
pub(crate) const ORG_API: &str = "https://org-api.example.test";
const MANAGEMENT_API: &str = "https://default.logto.app/api";
const M2M: Option<(&str, &str)> = Some(("m2m", "m2m-secret"));

/// The applications, resources and organizations of the recorded server.
pub(crate) async fn emulator() -> Emulator {
    let machine = Application::new("m2m")
        .secret("m2m-secret")
        .machine_to_machine()
        .api_scopes(API, ["read:x"])
        .api_scopes(MANAGEMENT_API, ["all"])
        .organization("acme", ["read:member"])
        .organization_api_scopes("acme", ORG_API, ["read:o"])
        .token_exchange();
    Emulator::builder()
        .application(machine)
        .resource(API, ["read:x", "write:x"])
        .resource(ORG_API, ["read:o", "write:o"])
        .organization_scopes(["read:member", "invite:member"])
        .start()
        .await
        .unwrap()
}

async fn ask(emulator: &Emulator, credentials: Option<(&str, &str)>, form: &[(&str, &str)]) -> Answer {
    let mut all = vec![("grant_type", "client_credentials")];
    all.extend(form);
    token(emulator, credentials, &all).await
}

/// The claims of a token, and its answer without the token.
async fn issued(form: &[(&str, &str)]) -> (Map<String, Value>, Value) {
    let emulator = emulator().await;
    let answer = ask(&emulator, M2M, form).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text);
    let Value::Object(mut body) = answer.json() else { panic!("{}", answer.text) };
    let token = body.remove("access_token").unwrap();
    let Value::Object(claims) = payload(token.as_str().unwrap()) else { panic!("{token}") };
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("m2m"), &json!("m2m")));
    assert_eq!(claims["iss"], emulator.issuer());
    assert_eq!(claims["exp"].as_u64().unwrap(), claims["iat"].as_u64().unwrap() + 3600);
    assert!(claims["jti"].is_string());
    (claims, Value::Object(body))
}

async fn refused(form: &[(&str, &str)]) -> (u16, Value) {
    let answer = ask(&emulator().await, M2M, form).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn api_resource_without_scope() {
    let (claims, body) = issued(&[("resource", API)]).await;
    assert_eq!(body, json!({"expires_in": 3600, "token_type": "Bearer"}), "no scope at all");
    assert_eq!(
        claims.keys().collect::<Vec<_>>(),
        ["aud", "client_id", "exp", "iat", "iss", "jti", "sub"],
        "nor in the claims"
    );
    assert_eq!(claims["aud"], API);
}

#[tokio::test]
async fn api_resource_with_scope_read_x() {
    let (claims, body) = issued(&[("resource", API), ("scope", "read:x")]).await;
    assert_eq!((&claims["scope"], &body["scope"]), (&json!("read:x"), &json!("read:x")));
}

#[tokio::test]
async fn api_resource_with_a_scope_that_is_not_in_the_role() {
    let (claims, body) = issued(&[("resource", API), ("scope", "write:x")]).await;
    assert_eq!((claims.get("scope"), body.get("scope")), (None, None), "dropped silently");
}

#[tokio::test]
async fn scopes_that_are_not_granted_and_openid_are_dropped_silently() {
    for scope in ["read:x write:x nope", "openid read:x"] {
        let (claims, body) = issued(&[("resource", API), ("scope", scope)]).await;
        assert_eq!((&claims["scope"], &body["scope"]), (&json!("read:x"), &json!("read:x")));
    }
}

#[tokio::test]
async fn management_api_with_and_without_scope_all() {
    let (claims, body) = issued(&[("resource", MANAGEMENT_API), ("scope", "all")]).await;
    assert_eq!((&claims["aud"], &body["scope"]), (&json!(MANAGEMENT_API), &json!("all")));
    let (claims, _) = issued(&[("resource", MANAGEMENT_API)]).await;
    assert_eq!(claims.get("scope"), None);
}

#[tokio::test]
async fn the_machine_that_is_always_there_has_the_management_api() {
    let emulator = Emulator::start().await.unwrap();
    let form = [("resource", MANAGEMENT_API), ("scope", "all")];
    let answer = ask(&emulator, Some(("local-machine", "local-machine-secret")), &form).await;
    assert_eq!(answer.json()["scope"], "all");
}

#[tokio::test]
async fn organization() {
    let (claims, body) = issued(&[("organization_id", "acme")]).await;
    assert_eq!((&claims["scope"], &body["scope"]), (&json!(""), &json!("")), "empty, and not absent");
    assert_eq!(claims["aud"], "urn:logto:organization:acme");
    assert_eq!(claims.get("organization_id"), None);
}

#[tokio::test]
async fn organization_with_scope() {
    let (claims, body) = issued(&[("organization_id", "acme"), ("scope", "read:member invite:member")]).await;
    assert_eq!((&claims["scope"], &body["scope"]), (&json!("read:member"), &json!("read:member")));
}

#[tokio::test]
async fn organization_and_resource() {
    let form = [("organization_id", "acme"), ("resource", ORG_API), ("scope", "read:o write:o")];
    let (claims, body) = issued(&form).await;
    assert_eq!((&claims["aud"], &claims["organization_id"]), (&json!(ORG_API), &json!("acme")));
    assert_eq!((&claims["scope"], &body["scope"]), (&json!("read:o"), &json!("read:o")));
}

#[tokio::test]
async fn within_an_organization_its_roles_count_and_not_the_global_ones() {
    let (claims, body) = issued(&[("organization_id", "acme"), ("resource", API), ("scope", "read:x")]).await;
    assert_eq!((claims.get("scope"), body.get("scope")), (None, None));
    assert_eq!(claims["organization_id"], "acme");
}

#[tokio::test]
async fn an_organization_that_the_application_is_not_in() {
    for form in
        [&[("organization_id", "other")][..], &[("organization_id", "other"), ("resource", "https://nope")]]
    {
        let (status, body) = refused(form).await;
        assert_eq!(status, 403);
        assert_eq!(
            body,
            json!({
                "code": "oidc.access_denied", "message": "Access denied.", "error": "access_denied",
                "error_description": "app has not associated with the organization",
            })
        );
    }
}

#[tokio::test]
async fn neither_resource_nor_organization() {
    let (status, body) = refused(&[]).await;
    assert_eq!(status, 400);
    assert_eq!(
        body,
        json!({
            "code": "oidc.invalid_target", "message": "Invalid resource indicator.", "error": "invalid_target",
            "error_description": "both `resource` and `organization_id` are not provided",
        })
    );
}

#[tokio::test]
async fn an_unknown_resource() {
    let unknown = json!({
        "code": "oidc.invalid_target", "message": "Invalid resource indicator.", "error": "invalid_target",
        "error_description": "resource indicator is missing, or unknown",
    });
    assert_eq!(refused(&[("resource", "https://nope.example.test")]).await, (400, unknown.clone()));
    let bare = Emulator::builder()
        .application(Application::new("m2m").secret("m2m-secret").machine_to_machine())
        .start()
        .await
        .unwrap();
    assert_eq!(ask(&bare, M2M, &[("resource", "no uri")]).await.json(), unknown);
    assert_eq!(ask(&bare, M2M, &[("resource", "https://any.example.test")]).await.status, 200);
}

#[tokio::test]
async fn several_resources_are_refused() {
    let (status, body) = refused(&[("resource", API), ("resource", ORG_API)]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_target")));
}

#[tokio::test]
async fn client_secret_post() {
    let emulator = emulator().await;
    let form =
        [("resource", API), ("scope", "read:x"), ("client_id", "m2m"), ("client_secret", "m2m-secret")];
    let answer = ask(&emulator, None, &form).await;
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("read:x")));
}

#[tokio::test]
async fn a_wrong_secret() {
    let answer = ask(&emulator().await, Some(("m2m", "wrong")), &[("resource", API)]).await;
    assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")));
    assert!(answer.header("www-authenticate").starts_with("Basic "));
}

#[tokio::test]
async fn a_web_application_may_not_and_a_machine_may_nothing_else() {
    let emulator = emulator().await;
    let not_allowed = json!({
        "code": "oidc.invalid_request", "message": "Request is invalid.", "error": "invalid_request",
        "error_description": "requested grant type is not allowed for this client",
    });
    let web = ask(&emulator, LOCAL, &[("resource", API)]).await;
    assert_eq!((web.status, web.json()), (400, not_allowed.clone()));
    for grant_type in ["authorization_code", "refresh_token"] {
        let answer = token(&emulator, M2M, &[("grant_type", grant_type), ("code", "x")]).await;
        assert_eq!((answer.status, answer.json()), (400, not_allowed.clone()));
    }
    let url = crate::visitor::authorization(&emulator, &[("client_id", "m2m")]);
    assert!(emulator.approve(&url, "alice").unwrap_err().contains("invalid_redirect_uri"));
}

#[tokio::test]
async fn a_role_that_is_given_later_counts_at_once() {
    let emulator = emulator().await;
    let form = [("resource", API), ("scope", "write:x")];
    assert_eq!(ask(&emulator, M2M, &form).await.json().get("scope"), None);
    let machine = Application::new("m2m").secret("m2m-secret").machine_to_machine();
    emulator.add_application(machine.api_scopes(API, ["write:x"]));
    assert_eq!(ask(&emulator, M2M, &form).await.json()["scope"], "write:x");
}
