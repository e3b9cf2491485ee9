//! V10.5: what a relying party checks of ID tokens, metadata and logout tokens.

use crate::asvs::{
    Binding, Keeping, Stage,
    forge::{Claims, changed, now},
    receivers::{Receiver, Receivers},
};
use logto_emulator::{Emulator, Endpoint, Failure, User};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// An ID token is good for the sign-in whose nonce it holds, and for no other.
pub async fn v10_5_1_an_id_token_is_good_for_one_sign_in<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    let (stage, callback) = (&receivers.stage, [Receiver::Callback]);
    receivers.take_good_ones(&callback).await;
    for nonce in [json!("another"), json!(""), json!(7), Value::Null] {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            them.signed(receiver, &changed(claims, json!({"nonce": nonce})))
        };
        receivers.refuse(&callback, &nonce, make).await;
    }
    // A genuine one, played back in another browser.
    let genuine = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&genuine);
    stage.emulator.tamper_token_answer(move |answer| {
        let token = answer["id_token"].as_str().unwrap_or_default();
        token.clone_into(&mut seen.lock().expect("no panic while a token is seen"));
    });
    stage.signed_in("alice").await;
    let genuine = genuine.lock().expect("no panic while a token is seen").clone();
    receivers.refuse(&callback, "a genuine token of before", |_, _, _| genuine.clone()).await;
}

/// Names and addresses of a person may change or be another's: who they are does not.
pub async fn v10_5_2_a_person_is_known_by_sub_alone<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        stage
            .emulator
            .update_user("alice", |alice| alice.id("alice-id").name("Alice").email("a@example.test"));
        let alice = stage.signed_in("alice").await;
        assert_eq!(alice, "alice-id");
        stage.get("/note?text=of-alice").await;
        stage.emulator.update_user("alice", |alice| alice.name("Renamed").email("new@example.test"));
        assert_eq!(stage.signed_in("alice").await, alice);
        assert_eq!(stage.get("/note").await.body, "of-alice", "the same person");
        // Somebody else takes over the old name and address.
        let namesake =
            User::new("namesake").password("x").id("other-id").name("Alice").email("a@example.test");
        stage.emulator.add_user(namesake);
        assert_eq!(stage.signed_in("namesake").await, "other-id");
        assert_eq!(stage.get("/note").await.body, "none", "{keeping:?}: another person");
        assert_eq!(stage.get("/user-info").await.status, 200);
        stage.emulator.tamper_user_info(|info| drop(info.insert("sub".to_owned(), "alice-id".into())));
        let foreign = stage.get("/user-info").await;
        assert_ne!(foreign.status, 200, "{}", foreign.body);
        assert!(!foreign.body.contains("alice-id"));
    }
}

/// Metadata that name another issuer than the configured one are not used: nobody is sent anywhere by them.
pub async fn v10_5_3_metadata_of_another_issuer_are_refused<B: Binding>() {
    let impostor = Emulator::start().await.expect("another local Logto starts");
    let elsewhere = impostor.endpoint();
    let misled = Stage::with::<B>(Keeping::Session, |config| config.internal_endpoint(elsewhere)).await;
    let wrong = Stage::set::<B>(Keeping::Session).await;
    wrong.emulator.set_failure(Endpoint::Discovery, Some(Failure::WrongIssuer));
    for stage in [&misled, &wrong] {
        for path in ["/logto/sign-in", "/logto/sign-up"] {
            let refused = stage.get(path).await;
            assert!(refused.status >= 500 && refused.header("location").is_none(), "{refused:?}");
        }
        let callback = format!("/logto/sign-in-callback?code=c&state=s&iss={}", stage.client.issuer());
        assert!(stage.get(&callback).await.status >= 400);
        assert_eq!(stage.who().await, "nobody");
    }
    let asked = |emulator: &Emulator| emulator.count(Endpoint::Token) + emulator.count(Endpoint::Jwks);
    assert_eq!(asked(&impostor) + asked(&misled.emulator) + asked(&wrong.emulator), 0);
    wrong.emulator.clear_failures();
    wrong.advance(Duration::from_secs(60));
    wrong.signed_in("alice").await;
}

/// The audience is this client, and nobody beside it is trusted.
pub async fn v10_5_4_an_id_token_for_another_client_is_refused<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    let callback = [Receiver::Callback];
    receivers.take_good_ones(&callback).await;
    let alone = json!({"aud": ["local-app"]});
    let taken = receivers
        .takes(Receiver::Callback, |claims| receivers.signed(Receiver::Callback, &changed(claims, alone)));
    assert!(taken.await, "a list with this client alone");
    for parties in [
        json!({"aud": "another-app"}),
        json!({"aud": "local-app2"}),
        json!({"aud": "local-ap"}),
        json!({"aud": "LOCAL-APP"}),
        json!({"aud": ["another-app"]}),
        json!({"aud": ["local-app", "another-app"]}),
        json!({"aud": ["local-app", 7]}),
        json!({"aud": []}),
        json!({"aud": {"local-app": true}}),
        json!({"aud": null}),
        json!({"azp": "another-app"}),
    ] {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            them.signed(receiver, &changed(claims, parties.clone()))
        };
        receivers.refuse(&callback, &parties, make).await;
    }
}

/// In the strict mode: the type is said, the event is there, a nonce is not, and an old token ends nothing.
pub async fn v10_5_5_a_logout_token_is_of_its_type_and_ends_soon<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    let logout = [Receiver::Logout];
    receivers.take_good_ones(&logout).await;
    for typ in [None, Some(""), Some("JWT"), Some("at+jwt"), Some("logout"), Some("logout+jwt+x")] {
        let make = |them: &Receivers, _, claims: &Claims| them.stage.emulator.sign(typ, claims.clone());
        receivers.refuse(&logout, typ, make).await;
    }
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let now = now();
    for changes in [
        json!({"events": null}),
        json!({"events": {}}),
        json!({"events": {"http://schemas.openid.net/event/other": {}}}),
        json!({"events": [event]}),
        json!({"events": event}),
        json!({"events": {event: true}}),
        json!({"nonce": "n"}),
        json!({"nonce": null, "exp": null}),
        json!({"exp": now - 600}),
        json!({"iat": now - 7200, "exp": now + 7200}),
        json!({"sub": null}),
        json!({"jti": null}),
        json!({"iss": "https://other.example/oidc"}),
        json!({"aud": "another-app"}),
    ] {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            them.signed(receiver, &changed(claims, changes.clone()))
        };
        receivers.refuse(&logout, &changes, make).await;
    }
    // A token ends sessions once: played back it ends no later one.
    let stage = &receivers.stage;
    let token = receivers.signed(Receiver::Logout, &receivers.logout_claims());
    assert_eq!((stage.tell(&token).await, stage.who().await.as_str()), (200, "nobody"));
    let who = stage.signed_in("alice").await;
    assert_eq!((stage.tell(&token).await, stage.who().await), (200, who.clone()));
    stage.clock.advance(Duration::from_secs(900 + 1));
    assert_eq!((stage.tell(&token).await, stage.who().await), (400, who));
}
