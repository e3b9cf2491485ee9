//! What was recorded of a real server, row by row: one file for each section, a test for each row.

mod errors;
mod machines;
mod metadata;
mod refresh;
mod rotation;
mod sign_in;
mod sign_out;
mod tokens;
mod webhooks;

use crate::{
    answers::{payload, token},
    pages::uid_in,
    visitor::{Answer, CALLBACK, VERIFIER, Visitor, authorization, parameter},
};
use logto_emulator::{Application, Builder, Emulator, Organization, OrganizationRole, Resource, Role, User};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const API: &str = "https://api.example.test";
pub(crate) const SECOND: &str = "https://second.example.test";
pub(crate) const ORG_API: &str = "https://org-api.example.test";
pub(crate) const ORGANIZATIONS: &str = "urn:logto:resource:organizations";
pub(crate) const ORGANIZATIONS_SCOPE: &str = "urn:logto:scope:organizations";
/// What all scopes of the server itself are.
pub(crate) const ALL: &str = "openid offline_access profile email custom_data identities \
    urn:logto:scope:organizations urn:logto:scope:organization_roles";

pub(crate) type Credentials = Option<(&'static str, &'static str)>;
pub(crate) const WEB: Credentials = Some(("web", "web-secret"));
pub(crate) const M2M: Credentials = Some(("m2m", "m2m-secret"));

/// Set up as the server of the recordings.
pub(crate) fn builder() -> Builder {
    let registered = |id: &str| {
        Application::new(id).redirect_uri(CALLBACK).post_logout_redirect_uri("http://localhost:3000/")
    };
    Emulator::empty()
        .application(registered("web").secret("web-secret").always_issue_refresh_token())
        .application(registered("web2").secret("web2-secret"))
        .application(registered("spa"))
        .application(registered("native").native())
        .application(Application::new("device").device_flow())
        .application(
            Application::new("m2m")
                .secret("m2m-secret")
                .machine_to_machine()
                .api_scopes(API, ["read:x"])
                .organization("acme", ["read:member"])
                .organization_api_scopes("acme", ORG_API, ["read:o"]),
        )
        .api_resource(Resource::new(API).scopes(["read:x", "write:x"]))
        .api_resource(Resource::new(SECOND).scopes(["admin:y"]).lifetime(Duration::from_secs(600)))
        .api_resource(Resource::new(ORG_API).scopes(["read:o", "write:o"]))
        .role(Role::new("x-user").scopes(API, ["read:x", "write:x"]))
        .organization(Organization::new("acme").name("Acme").description("acme"))
        .organization(Organization::new("other").name("Other"))
        .organization_role(
            OrganizationRole::new("org-admin")
                .scopes(["read:member", "invite:member"])
                .api_scopes(ORG_API, ["read:o"]),
        )
        .user(
            User::new("alice")
                .password("alice")
                .name("Alice Example")
                .email("alice@example.test")
                .custom_data(json!({"plan": "pro", "seats": 3}))
                .role("x-user")
                .organization_role("acme", "org-admin"),
        )
}

pub(crate) async fn emulator() -> Emulator {
    builder().start().await.unwrap()
}

/// The parameters of an authorization request of this application.
pub(crate) fn request(emulator: &Emulator, client: &str, more: &[(&str, &str)]) -> String {
    let mut changes = vec![("client_id", client), ("nonce", "")];
    changes.retain(|(name, _)| !more.iter().any(|(changed, _)| changed == name));
    changes.extend(more);
    authorization(emulator, &changes)
}

/// Alice signs in at the page with this browser, or needs not; the answer at the end.
pub(crate) async fn sign_in(visitor: &Visitor, emulator: &Emulator, url: &str) -> Answer {
    let answer = visitor.visit(emulator, url).await;
    if answer.status != 200 {
        return answer;
    }
    let form = [("uid", uid_in(&answer)), ("username", "alice"), ("password", "alice")];
    let done = visitor.post(&format!("{}/sign-in", emulator.endpoint()), &form).await;
    visitor.follow(emulator, done).await
}

fn secret_of(client: &str) -> Credentials {
    match client {
        "web" => WEB,
        "web2" => Some(("web2", "web2-secret")),
        _ => None,
    }
}

/// Exchanges the code of a callback.
pub(crate) async fn exchange(
    emulator: &Emulator,
    client: &str,
    callback: &str,
    more: &[(&str, &str)],
) -> Answer {
    let code = parameter(callback, "code").unwrap_or_else(|| panic!("no code: {callback}"));
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    if secret_of(client).is_none() {
        form.push(("client_id", client));
    }
    form.extend(more);
    token(emulator, secret_of(client), &form).await
}

/// The tokens of a sign-in of a browser of its own.
pub(crate) async fn tokens(emulator: &Emulator, client: &str, more: &[(&str, &str)]) -> Value {
    let callback = emulator.approve(&request(emulator, client, more), "alice").unwrap();
    let answer = exchange(emulator, client, &callback, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

pub(crate) async fn refreshed(
    emulator: &Emulator,
    client: &str,
    refresh_token: &str,
    more: &[(&str, &str)],
) -> Answer {
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    if secret_of(client).is_none() {
        form.push(("client_id", client));
    }
    form.extend(more);
    token(emulator, secret_of(client), &form).await
}

pub(crate) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}"))
}

pub(crate) fn claims(body: &Value, name: &str) -> Value {
    payload(text(body, name))
}

pub(crate) fn header(token: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

pub(crate) fn keys_of(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// An error: its status, `error` and `error_description`.
pub(crate) fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    (answer.status, text(&body, "error").to_owned(), text(&body, "error_description").to_owned())
}

pub(crate) fn refused(status: u16, error: &str, description: &str) -> (u16, String, String) {
    (status, error.to_owned(), description.to_owned())
}
