//! Logto's three models, with tokens that the local Logto issues, and what else an API is asked.

use super::{
    Application,
    stage::{METADATA, Stage},
    tokens::{API, Token},
};
use logto_client::{MachineClient, MachineConfig, TokenTarget};
use logto_emulator::{Application as App, Emulator};
use reqwest::Method;
use std::sync::atomic::Ordering;

/// A machine with a role in each of the models.
struct Caller {
    machine: MachineClient,
    stage: Stage,
    _emulator: Emulator,
}

impl Caller {
    async fn set<A: Application>() -> Self {
        let machine = App::new("machine").secret("secret").machine_to_machine();
        let machine = machine
            .api_scopes(API, ["read:orders", "write:orders"])
            .organization("acme", ["read:member"])
            .organization_api_scopes("acme", API, ["read:orders"])
            .organization("umbrella", ["read:member"])
            .organization_api_scopes("umbrella", API, ["read:orders"]);
        let builder = Emulator::builder().application(machine).resource(API, ["read:orders", "write:orders"]);
        let emulator = builder.start().await.expect("the local Logto starts");
        let config = MachineConfig::new(emulator.endpoint(), "machine", "secret");
        let machine = MachineClient::new(config).expect("a machine");
        let stage = Stage::at::<A>(emulator.endpoint()).await;
        Self { machine, stage, _emulator: emulator }
    }

    async fn token(&self, target: TokenTarget) -> String {
        self.machine.access_token(target).await.expect("a token").expose().to_owned()
    }

    async fn status(&self, path: &str, token: &str, headers: &[(&str, &str)]) -> u16 {
        let authorization = format!("Bearer {token}");
        let headers: Vec<_> =
            headers.iter().copied().chain([("authorization", authorization.as_str())]).collect();
        self.stage.send(Method::GET, path, &headers, None).await.status
    }
}

fn api(scope: &str) -> TokenTarget {
    TokenTarget::resource(API).scopes([scope])
}

fn organization(id: &str) -> TokenTarget {
    TokenTarget::organization(id).scopes(["read:member"])
}

/// Tokens of each model are taken by its routes, and refused by all others.
///
/// # Panics
///
/// Where they are not.
pub async fn each_model_takes_its_own_tokens_and_no_others<A: Application>() {
    let caller = Caller::set::<A>().await;
    let tokens = [
        caller.token(api("read:orders")).await,
        caller.token(organization("acme")).await,
        caller.token(api("read:orders").in_organization("acme")).await,
    ];
    for (path, expected) in [
        ("/route/orders", [200, 401, 403]),
        ("/signature/orders", [200, 401, 403]),
        ("/plain", [200, 401, 403]),
        ("/route/organizations/acme/members", [401, 200, 401]),
        ("/signature/organizations/acme/members", [401, 200, 401]),
        ("/route/closure?organization=acme", [403, 401, 200]),
        ("/signature/closure?organization=acme", [403, 401, 200]),
    ] {
        // The second time they are remembered.
        for _ in 0..2 {
            for (token, expected) in tokens.iter().zip(expected) {
                assert_eq!(caller.status(path, token, &[]).await, expected, "{path}");
            }
        }
    }
    let answer = caller.stage.get("/route/organizations/acme/members", &tokens[1]).await;
    assert_eq!(answer.body.trim_end(), "machine machine acme read:member");
}

/// The organization in the path, a header or the query is compared with that of the token.
///
/// # Panics
///
/// Where it is not.
pub async fn the_organization_is_compared_wherever_it_stands<A: Application>() {
    let caller = Caller::set::<A>().await;
    let acme = caller.token(organization("acme")).await;
    let umbrella = caller.token(organization("umbrella")).await;
    let in_acme = caller.token(api("read:orders").in_organization("acme")).await;
    for form in ["/route", "/signature"] {
        let members = |id: &str| format!("{form}/organizations/{id}/members");
        for (path, token, expected) in [
            (members("acme"), &acme, 200),
            (members("umbrella"), &umbrella, 200),
            (members("umbrella"), &acme, 403),
            (members("acme"), &umbrella, 403),
            (members("ACME"), &acme, 403),
            (members("acm%65"), &acme, 200),
            (members("acme%2Fx"), &acme, 403),
            (members("%20"), &acme, 403),
        ] {
            assert_eq!(caller.status(&path, token, &[]).await, expected, "{path}");
        }
        let (header, name) = (format!("{form}/header"), "x-organization-id");
        for (headers, expected) in [
            (&[(name, "acme")][..], 200),
            (&[("X-Organization-ID", "acme")], 200),
            (&[(name, "umbrella")], 403),
            (&[(name, "acme"), (name, "umbrella")], 400),
            (&[(name, "")], 400),
            (&[], 400),
        ] {
            assert_eq!(caller.status(&header, &in_acme, headers).await, expected, "{headers:?}");
        }
        let closure = format!("{form}/closure");
        assert_eq!(caller.status(&format!("{closure}?organization=acme"), &in_acme, &[]).await, 200);
        assert_eq!(caller.status(&format!("{closure}?organization=umbrella"), &in_acme, &[]).await, 403);
        assert_eq!(caller.status(&closure, &in_acme, &[]).await, 400);
    }
}

/// Of several scopes one is needed, and all are named where none is there.
///
/// # Panics
///
/// Where that is not so.
pub async fn one_of_several_scopes_suffices<A: Application>() {
    let caller = Caller::set::<A>().await;
    let (read, write) = (caller.token(api("read:orders")).await, caller.token(api("write:orders")).await);
    assert_eq!(caller.status("/route/any", &write, &[]).await, 200);
    let refused = caller.stage.get("/route/any", &read).await;
    assert_eq!((refused.status, &refused.json()["scope"]), (403, &"write:orders admin".into()));
    assert!(refused.challenge.unwrap_or_default().contains(", scope=\"write:orders admin\""));
}

/// What is read of a form to look for a token is handed on.
///
/// # Panics
///
/// Where a byte is missing.
pub async fn a_form_without_a_token_reaches_the_handler_whole<A: Application>() {
    let stage = Stage::set::<A>().await;
    let form = format!("a=b&c={}", "x".repeat(100_000));
    let authorization = format!("Bearer {}", Token::good().signed());
    for content_type in ["application/x-www-form-urlencoded", "text/plain"] {
        let headers = [("authorization", authorization.as_str()), ("content-type", content_type)];
        let answer = stage.send(Method::POST, "/route/orders", &headers, Some(form.clone())).await;
        assert_eq!(answer.status, 200, "{content_type}");
        assert_eq!(answer.body, format!("person app none read:orders+write:x {form}"));
    }
}

/// A form that is too long to look through is refused, and only where the token is good.
///
/// # Panics
///
/// Where it is not.
pub async fn a_form_over_the_limit_is_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    let form = "x".repeat(logto_client::web::MOST_FORM_BYTES + 1);
    let authorization = format!("Bearer {}", Token::good().signed());
    let headers =
        [("authorization", authorization.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let answer = stage.send(Method::POST, "/route/orders", &headers, Some(form)).await;
    assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_request".into()), "{answer:?}");
}

/// The document of RFC 9728 is served to anybody, scripts of other sites included.
///
/// # Panics
///
/// Where it is not.
pub async fn what_the_api_is_is_served_to_anybody<A: Application>() {
    let stage = Stage::set::<A>().await;
    let path = METADATA.strip_prefix("https://api.example.test").unwrap_or_default();
    let answer = stage.send(Method::GET, path, &[("origin", "https://other.example")], None).await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let document = answer.json();
    assert_eq!(document["resource"], API);
    assert_eq!(document["authorization_servers"][0], super::tokens::ISSUER);
}

/// Without keys no token can be judged: 503, and nothing that asks for another token.
///
/// # Panics
///
/// Where it is anything else.
pub async fn while_the_keys_cannot_be_had_it_says_when_to_come_again<A: Application>() {
    let stage = Stage::set::<A>().await;
    stage.provider.is_away.store(true, Ordering::SeqCst);
    for path in ["/route/orders", "/signature/orders"] {
        let answer = stage.get(path, &Token::good().signed()).await;
        assert_eq!((answer.status, answer.challenge.as_deref()), (503, None), "{path}");
        assert_eq!(answer.json()["error"], "unavailable", "{path}");
    }
}
