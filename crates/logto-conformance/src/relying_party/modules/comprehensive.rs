//! What the comprehensive plan has beyond the others.

use super::forged_tokens_are_refused;
use crate::{
    flow::Application,
    relying_party::{forge, trial::both_ways},
};
use logto_emulator::{Endpoint, SigningKey};

/// The ID token has a MAC by the application's secret in the place of a signature, a wrong one and a right one.
pub async fn oidcc_client_test_invalid_sig_hs256<A: Application>() {
    let right = |token: &str| forge::hs256(token, "local-secret");
    forged_tokens_are_refused::<A>(SigningKey::Rsa, move |token| forge::broken(&right(token))).await;
    forged_tokens_are_refused::<A>(SigningKey::Rsa, right).await;
}

/// The ID token is signed by ES256, and a bit of the signature is wrong.
pub async fn oidcc_client_test_invalid_sig_es256<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.publish(vec![forge::ec_jwk()]);
        trial.forge_id_tokens(forge::es256);
        trial.accepts().await;
        trial.forge_id_tokens(|token| forge::broken(&forge::es256(token)));
        trial.refuses_tokens().await;
    })
    .await;
}

/// User info is asked for with the access token in the header, and nowhere else.
pub async fn oidcc_client_test_userinfo_bearer_header<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.accepts().await;
        let received = trial.stage.emulator.received(Endpoint::UserInfo).expect("a request");
        assert_eq!(received.authorization, Some(format!("Bearer {}", trial.issued("access_token"))));
        assert_eq!(received.parameters, [], "neither a query nor a form");
    })
    .await;
}
