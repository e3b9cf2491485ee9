//! What FAPI 2 adds: authorization responses, audiences, times, algorithms, token answers.

use super::{
    a_missing_claim_is_refused, a_wrong_claim_is_refused, changed_claims_are_refused,
    forged_tokens_are_refused,
};
use crate::{
    flow::{Application, Browser},
    relying_party::{
        forge,
        trial::{both_ways, parameter, with_parameter},
    },
};
use logto_emulator::{Endpoint, Failure, SigningKey};
use serde_json::json;
use url::Url;

/// A sign-in is accepted; one whose callback is changed in this way is refused, and no code is sent.
async fn a_changed_callback_is_refused<A: Application>(change: impl Fn(&Url) -> Url) {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.accepts().await;
        let browser = Browser::new();
        let callback = trial.callback(&browser).await;
        trial.refuses_callback(&browser, &change(&callback), 0).await;
    })
    .await;
}

/// `iss` of the authorization response is another issuer; also one that only looks the same.
pub async fn invalid_authorization_response_iss<A: Application>() {
    a_changed_callback_is_refused::<A>(|callback| {
        with_parameter(callback, "iss", Some("https://wrong.example.test/oidc"))
    })
    .await;
    a_changed_callback_is_refused::<A>(|callback| {
        let iss = parameter(callback, "iss").expect("an issuer");
        with_parameter(callback, "iss", Some(&format!("{iss}/")))
    })
    .await;
}

/// The authorization response has no `iss`, though the metadata say that it is sent.
pub async fn remove_authorization_response_iss<A: Application>() {
    a_changed_callback_is_refused::<A>(|callback| with_parameter(callback, "iss", None)).await;
}

/// `state` of the authorization response is of no sign-in here.
pub async fn ensure_authorization_response_with_invalid_state_fails<A: Application>() {
    a_changed_callback_is_refused::<A>(|callback| {
        let state = parameter(callback, "state").expect("a state");
        with_parameter(callback, "state", Some(&format!("{state}A")))
    })
    .await;
}

/// The authorization response has no `state`.
pub async fn ensure_authorization_response_with_invalid_missing_state_fails<A: Application>() {
    a_changed_callback_is_refused::<A>(|callback| with_parameter(callback, "state", None)).await;
}

/// The ID token is for another application too, and does not say that this one asked for it.
pub async fn invalid_secondary_aud<A: Application>() {
    let audiences = json!(["local-app", "another-app"]);
    a_wrong_claim_is_refused::<A>("aud", audiences.clone()).await;
    let two = audiences.clone();
    changed_claims_are_refused::<A>(move |claims| {
        claims.insert("aud".to_owned(), two.clone());
        claims.insert("azp".to_owned(), "another-app".into());
    })
    .await;
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let two = audiences.clone();
        trial.stage.emulator.tamper_id_token(move |claims| {
            claims.insert("aud".to_owned(), two.clone());
            claims.insert("azp".to_owned(), "local-app".into());
        });
        trial.accepts().await;
    })
    .await;
}

/// The audience is a list of this application alone.
pub async fn valid_aud_as_array<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let emulator = &trial.stage.emulator;
        emulator.tamper_id_token(|claims| drop(claims.insert("aud".to_owned(), json!(["local-app"]))));
        trial.accepts().await;
    })
    .await;
}

/// The ID token has expired more than five minutes ago.
pub async fn invalid_expired_exp<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.accepts().await;
        let exp = trial.now() - 301;
        trial.stage.emulator.tamper_id_token(move |claims| {
            claims.insert("iat".to_owned(), (exp - 600).into());
            claims.insert("exp".to_owned(), exp.into());
        });
        trial.refuses_tokens().await;
    })
    .await;
}

/// The ID token does not say when it expires.
pub async fn invalid_missing_exp<A: Application>() {
    a_missing_claim_is_refused::<A>("exp").await;
}

/// The ID token does not say for whom it is.
pub async fn invalid_missing_aud<A: Application>() {
    a_missing_claim_is_refused::<A>("aud").await;
}

/// The ID token does not say who issued it.
pub async fn invalid_missing_iss<A: Application>() {
    a_missing_claim_is_refused::<A>("iss").await;
}

/// The ID token has no nonce, though one was sent.
pub async fn invalid_missing_nonce<A: Application>() {
    a_missing_claim_is_refused::<A>("nonce").await;
}

/// The ID token is signed by another algorithm than the provider's keys are for: RS256 where they are for
/// ES384, and PS256 by a key that is published for RS256.
pub async fn invalid_alternate_alg<A: Application>() {
    forged_tokens_are_refused::<A>(SigningKey::Ec, forge::rs256).await;
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.publish(vec![forge::rsa_jwk()]);
        trial.forge_id_tokens(forge::rs256);
        trial.accepts().await;
        trial.forge_id_tokens(forge::ps256);
        trial.refuses_tokens().await;
    })
    .await;
}

/// The token answer does not say for how long the access token lives.
pub async fn token_endpoint_response_without_expires_in<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.stage.emulator.set_failure(Endpoint::Token, Some(Failure::WithoutExpiresIn));
        trial.accepts().await;
    })
    .await;
}

/// The token answer spells its token type in another case.
pub async fn token_type_case_insensitivity<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.answer_with(|answer| drop(answer.insert("token_type".to_owned(), "bEARER".into())));
        trial.accepts().await;
    })
    .await;
}
