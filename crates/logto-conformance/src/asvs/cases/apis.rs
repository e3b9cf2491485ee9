//! V10.3: what an API decides by.

use crate::asvs::{
    Binding,
    api::{API, Api},
};
use logto_client::{MachineClient, MachineConfig, TokenTarget};
use logto_emulator::{Application, Emulator, Endpoint};
use serde_json::{Value, json};

const OTHER: &str = "https://other.example.test";

/// Tokens whose audience is this API, and those of no other, whoever issued them and for whatever.
pub async fn v10_3_1_an_api_takes_tokens_for_itself_alone<B: Binding>() {
    let machine = Application::new("machine").secret("secret").machine_to_machine();
    let machine = machine.api_scopes(API, ["read:orders"]).api_scopes(OTHER, ["read:orders"]);
    let builder = Emulator::builder().application(machine);
    let builder = builder.resource(API, ["read:orders"]).resource(OTHER, ["read:orders"]);
    let emulator = builder.start().await.expect("the local Logto starts");
    let api = Api::set::<B>(&emulator).await;
    let status = async |audience: Value| {
        let token = emulator.sign(Some("at+jwt"), api.claims(json!({"aud": audience})));
        api.answer(&token).await.status
    };
    assert_eq!(status(json!(API)).await, 200);
    assert_eq!(status(json!([OTHER, API])).await, 200);
    let (longer, shorter) = (format!("{API}/orders"), &API[..API.len() - 1]);
    for other in [
        json!(OTHER),
        json!(longer),
        json!(shorter),
        json!(API.to_uppercase()),
        json!([OTHER]),
        json!([]),
        json!("app"),
        json!("urn:logto:organization:acme"),
        json!(7),
        Value::Null,
    ] {
        assert_eq!(status(other.clone()).await, 401, "{other}");
    }
    let config = MachineConfig::new(emulator.endpoint(), "machine", "secret");
    let machine = MachineClient::new(config).expect("a machine");
    for (resource, expected) in [(API, 200), (OTHER, 401)] {
        let target = TokenTarget::resource(resource).scopes(["read:orders"]);
        let token = machine.access_token(target).await.expect("a token");
        assert_eq!(api.answer(token.expose()).await.status, expected, "{resource}");
    }
    assert_eq!(emulator.count(Endpoint::Introspection), 0);
}

/// Scope, organization and subject are part of the decision; what lacks is named by 403.
pub async fn v10_3_2_an_api_decides_by_scope_and_organization<B: Binding>() {
    let emulator = Emulator::start().await.expect("the local Logto starts");
    let api = Api::set::<B>(&emulator).await;
    let token = |changes| emulator.sign(Some("at+jwt"), api.claims(changes));
    for (changes, expected) in [
        (json!({"scope": "read:orders"}), 200),
        (json!({"scope": "write:orders read:orders admin"}), 200),
        (json!({"scope": "write:orders"}), 403),
        (json!({"scope": "read:orders2 read read: READ:ORDERS read:order"}), 403),
        (json!({"scope": "read:orders,write:orders"}), 403),
        (json!({"scope": ""}), 403),
        (json!({"scope": null}), 403),
        (json!({"organization_id": "acme"}), 403),
        (json!({"sub": null}), 401),
        (json!({"sub": ""}), 401),
        (json!({"client_id": null}), 401),
    ] {
        let page = api.answer(&token(changes.clone())).await;
        assert_eq!(page.status, expected, "{changes}: {}", page.body);
    }
    let member = json!({"aud": "urn:logto:organization:acme", "scope": "read:member"});
    let guest = json!({"aud": "urn:logto:organization:acme", "scope": "read:lobby"});
    for (changes, organization, expected) in [
        (&member, "acme", 200),
        (&member, "umbrella", 403),
        (&member, "ACME", 403),
        (&guest, "acme", 403),
        (&json!({"scope": "read:member"}), "acme", 401),
    ] {
        let path = format!("/organizations/{organization}/members");
        let page = api.get(&path, &token(changes.clone())).await;
        assert_eq!(page.status, expected, "{changes} at {organization}: {}", page.body);
    }
}

/// A person is who the issuer's `sub` says, whatever else of them is the same as another's.
pub async fn v10_3_3_an_api_knows_people_by_issuer_and_sub<B: Binding>() {
    let emulator = Emulator::start().await.expect("the local Logto starts");
    let api = Api::set::<B>(&emulator).await;
    let token = |changes| emulator.sign(Some("at+jwt"), api.claims(changes));
    let who = async |changes| {
        let page = api.answer(&token(changes)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        page.body.split(' ').next().unwrap_or_default().to_owned()
    };
    let same = |sub: &str, name: &str| json!({"sub": sub, "username": name, "email": format!("{name}@example.test"), "name": name});
    assert_eq!(who(same("one", "alice")).await, "one");
    assert_eq!(who(same("two", "alice")).await, "two", "the names of another");
    assert_eq!(who(same("one", "renamed")).await, "one", "other names");
    let elsewhere = format!("{}/", emulator.issuer());
    for changes in [
        json!({"iss": elsewhere}),
        json!({"iss": "https://other.example/oidc"}),
        json!({"iss": emulator.issuer().to_uppercase()}),
        json!({"iss": null}),
        json!({"sub": null, "username": "alice"}),
        json!({"sub": "", "username": "alice"}),
        json!({"sub": 7}),
        json!({"sub": ["one"]}),
    ] {
        assert_eq!(api.answer(&token(changes.clone())).await.status, 401, "{changes}");
    }
}
