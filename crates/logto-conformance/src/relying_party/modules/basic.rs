//! The basic plan.

use super::{
    a_missing_claim_is_refused, a_wrong_claim_is_refused, changed_claims_are_refused,
    forged_tokens_are_refused,
};
use crate::{
    flow::{Application, Browser},
    relying_party::{
        forge,
        trial::{USER_INFO, alice, both_ways, parameter},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use logto_emulator::{Claim, Endpoint, Failure, SigningKey};
use serde_json::{Value, json};

/// The whole code flow, then user info.
pub async fn oidcc_client_test<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let browser = Browser::new();
        let authorization = trial.get(&browser, "/logto/sign-in").await.location();
        assert_eq!(parameter(&authorization, "response_type").as_deref(), Some("code"));
        assert_eq!(parameter(&authorization, "code_challenge_method").as_deref(), Some("S256"));
        for name in ["state", "nonce", "code_challenge"] {
            assert!(parameter(&authorization, name).is_some_and(|value| value.len() >= 43), "{name}");
        }
        trial.accepts().await;
        assert_eq!(trial.counts(), [1, 1, 1, 1, 0, 0, 0, 0], "metadata, keys, tokens, user info");
    })
    .await;
}

/// `iss` of the ID token is another issuer.
pub async fn oidcc_client_test_invalid_iss<A: Application>() {
    a_wrong_claim_is_refused::<A>("iss", "https://wrong.example.test/oidc").await;
}

/// The ID token has no `sub`.
pub async fn oidcc_client_test_missing_sub<A: Application>() {
    a_missing_claim_is_refused::<A>("sub").await;
}

/// The ID token is for another application.
pub async fn oidcc_client_test_invalid_aud<A: Application>() {
    a_wrong_claim_is_refused::<A>("aud", "another-app").await;
}

/// The ID token does not say when it was issued.
pub async fn oidcc_client_test_missing_iat<A: Application>() {
    a_missing_claim_is_refused::<A>("iat").await;
}

/// The ID token names no key, and one is published.
pub async fn oidcc_client_test_kid_absent_single_jwks<A: Application>() {
    both_ways::<A>(SigningKey::Rsa, async |trial| {
        trial.stage.emulator.set_failure(Endpoint::Token, Some(Failure::MissingClaim(Claim::Kid)));
        trial.accepts().await;
        assert_eq!(forge::header(&trial.issued("id_token")).get("kid"), None);
    })
    .await;
}

/// The ID token names no key, and several are published, of one kind and of others: the right one is found at
/// whatever place.
pub async fn oidcc_client_test_kid_absent_multiple_jwks<A: Application>() {
    for last in [false, true] {
        both_ways::<A>(SigningKey::Rsa, async |trial| {
            trial.stage.emulator.rotate_keys().expect("a key");
            trial.stage.emulator.set_failure(Endpoint::Token, Some(Failure::MissingClaim(Claim::Kid)));
            trial.stage.emulator.tamper_published_keys(move |set| {
                if let Some(Value::Array(keys)) = set.get_mut("keys") {
                    keys.extend([forge::rsa_jwk(), forge::ec_jwk()]);
                    if last {
                        keys.reverse();
                    }
                }
            });
            trial.accepts().await;
            assert_eq!(forge::header(&trial.issued("id_token")).get("kid"), None);
        })
        .await;
    }
}

/// The ID token is signed by RS256.
pub async fn oidcc_client_test_idtoken_sig_rs256<A: Application>() {
    both_ways::<A>(SigningKey::Rsa, async |trial| {
        trial.accepts().await;
        assert_eq!(forge::header(&trial.issued("id_token"))["alg"], "RS256");
    })
    .await;
}

/// The ID token is not signed.
pub async fn oidcc_client_test_idtoken_sig_none<A: Application>() {
    forged_tokens_are_refused::<A>(SigningKey::Rsa, forge::unsigned).await;
}

/// The ID token is signed by RS256, and a bit of the signature is wrong.
pub async fn oidcc_client_test_invalid_sig_rs256<A: Application>() {
    forged_tokens_are_refused::<A>(SigningKey::Rsa, forge::broken).await;
}

/// User info is of another person.
pub async fn oidcc_client_test_userinfo_invalid_sub<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let browser = trial.accepts().await;
        for sub in [Some("mallory"), None] {
            trial.stage.emulator.tamper_user_info(move |info| {
                info.remove("sub");
                info.extend(sub.map(|sub| ("sub".to_owned(), sub.into())));
                info.insert("name".to_owned(), "Mallory".into());
            });
            let mut due = trial.counts();
            due[USER_INFO] += 1;
            let refused = trial.ask(&browser, "/user-info").await;
            assert_eq!(refused.status, 502, "not refused: {}", refused.body);
            assert!(!refused.body.contains("allory"), "not refused: {}", refused.body);
            assert_eq!(trial.who(&browser).await, alice());
            assert_eq!(trial.counts(), due, "not refused: more is asked for");
        }
        trial.stage.emulator.tamper_user_info(|_| ());
        trial.is_signed_in(&browser).await;
    })
    .await;
}

/// The nonce of the ID token is another sign-in's.
pub async fn oidcc_client_test_nonce_invalid<A: Application>() {
    a_wrong_claim_is_refused::<A>("nonce", "of-another-sign-in").await;
    // One character more, and one less.
    changed_claims_are_refused::<A>(|claims| {
        if let Some(Value::String(nonce)) = claims.get_mut("nonce") {
            nonce.push('A');
        }
    })
    .await;
    changed_claims_are_refused::<A>(|claims| {
        if let Some(Value::String(nonce)) = claims.get_mut("nonce") {
            nonce.pop();
        }
    })
    .await;
}

/// Profile, e-mail, phone and address are asked for, and what comes of them is handed on.
pub async fn oidcc_client_test_scope_userinfo_claims<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let emulator = &trial.stage.emulator;
        emulator.update_user("alice", |alice| alice.phone("15550100"));
        // No person of the emulator has an address.
        let address = json!({ "street_address": "1 Main St", "locality": "Springfield" });
        let told = address.clone();
        emulator.tamper_user_info(move |info| drop(info.insert("address".to_owned(), told.clone())));
        let browser = Browser::new();
        let authorization = trial.get(&browser, "/logto/sign-in").await.location();
        let scope = parameter(&authorization, "scope").expect("a scope");
        for wanted in ["openid", "profile", "email", "phone", "address"] {
            assert!(scope.split(' ').any(|scope| scope == wanted), "{wanted} is not in {scope}");
        }
        let browser = trial.accepts().await;
        let info = trial.ask(&browser, "/user-info").await;
        let info: Value = serde_json::from_str(&info.body).expect("JSON");
        assert_eq!(info["name"], "Alice Example");
        assert_eq!(info["email"], "alice@example.test");
        assert_eq!(info["phone_number"], "15550100");
        assert_eq!(info["address"], address);
    })
    .await;
}

/// The application proves itself by HTTP Basic, and its secret stands nowhere else.
pub async fn oidcc_client_test_client_secret_basic<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.accepts().await;
        let received = trial.stage.emulator.received(Endpoint::Token).expect("a token request");
        let authorization = received.authorization.expect("an authorization");
        let pair = STANDARD.decode(authorization.strip_prefix("Basic ").expect("HTTP Basic"));
        assert_eq!(pair.expect("base64"), b"local-app:local-secret");
        for (name, value) in received.parameters {
            assert!(name != "client_secret" && !value.contains("local-secret"), "{name}");
        }
    })
    .await;
}
