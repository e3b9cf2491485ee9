//! The configuration plan: metadata and keys.

use crate::{
    flow::{Application, Browser},
    relying_party::trial::{Trial, both_ways, with_parameter},
};
use logto_emulator::{Emulator, Endpoint, Failure, SigningKey};
use serde_json::Value;

/// A second provider: endpoints that only metadata can lead to.
async fn elsewhere() -> Emulator {
    Emulator::start().await.expect("another local Logto")
}

/// All endpoints are where the metadata say, and nothing is asked for where they usually are.
pub async fn oidcc_client_test_discovery_openid_config<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let (here, elsewhere) = (&trial.stage.emulator, elsewhere().await);
        let (issuer, other) = (here.issuer(), elsewhere.issuer());
        here.tamper_metadata(move |metadata| {
            for (name, value) in metadata.iter_mut() {
                if let Value::String(text) = value
                    && name != "issuer"
                {
                    *text = text.replace(&issuer, &other);
                }
            }
        });
        let issuer = here.issuer();
        elsewhere.tamper_id_token(move |claims| drop(claims.insert("iss".to_owned(), issuer.clone().into())));
        let browser = Browser::new();
        let authorization = trial.get(&browser, "/logto/sign-in").await.location();
        assert!(authorization.as_str().starts_with(&elsewhere.issuer()), "{authorization}");
        let callback = elsewhere.approve(authorization.as_str(), "alice").expect("a callback");
        let callback = callback.parse().expect("an address");
        let callback = with_parameter(&callback, "iss", Some(&here.issuer()));
        assert_eq!(browser.get(callback).await.status, 303);
        trial.is_signed_in(&browser).await;
        assert_eq!(trial.counts(), [1, 0, 0, 0, 0, 0, 0, 0], "metadata only");
        for endpoint in [Endpoint::Jwks, Endpoint::Token, Endpoint::UserInfo] {
            assert_eq!(elsewhere.count(endpoint), 1, "{endpoint:?}");
        }
        assert_eq!(elsewhere.count(Endpoint::Discovery), 0);
    })
    .await;
}

/// The keys are where `jwks_uri` of the metadata says.
pub async fn oidcc_client_test_discovery_jwks_uri_keys<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let (here, elsewhere) = (&trial.stage.emulator, elsewhere().await);
        let keys = Browser::new().get(format!("{}/jwks", here.issuer())).await.body;
        let keys: Value = serde_json::from_str(&keys).expect("JSON");
        elsewhere.tamper_published_keys(move |set| drop(set.insert("keys".to_owned(), keys["keys"].clone())));
        here.tamper_published_keys(|set| drop(set.insert("keys".to_owned(), Value::Array(Vec::new()))));
        let uri = format!("{}/jwks", elsewhere.issuer());
        here.tamper_metadata(move |metadata| {
            drop(metadata.insert("jwks_uri".to_owned(), uri.clone().into()));
        });
        trial.accepts().await;
        assert_eq!((here.count(Endpoint::Jwks), elsewhere.count(Endpoint::Jwks)), (1, 1));
    })
    .await;
}

/// The metadata name another issuer: no sign-in starts.
pub async fn oidcc_client_test_discovery_issuer_mismatch<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let (emulator, browser) = (&trial.stage.emulator, Browser::new());
        emulator.set_failure(Endpoint::Discovery, Some(Failure::WrongIssuer));
        let refused = trial.get(&browser, "/logto/sign-in").await;
        assert_eq!(refused.status, 502, "not refused: {}", refused.body);
        assert!(refused.header("location").is_none(), "not refused");
        assert_eq!(trial.counts(), [1, 0, 0, 0, 0, 0, 0, 0], "not refused: more is asked for");
        emulator.set_failure(Endpoint::Discovery, None);
        trial.stage.clock.advance(std::time::Duration::from_secs(5));
        trial.accepts().await;
    })
    .await;
}

/// Another key signs at the second sign-in: keys are fetched anew.
pub async fn oidcc_client_test_signing_key_rotation<A: Application>() {
    both_ways::<A>(SigningKey::Rsa, async |trial| {
        trial.accepts().await;
        rotate(&trial);
        trial.accepts().await;
        assert_eq!(trial.stage.emulator.count(Endpoint::Jwks), 2, "the keys are not fetched anew");
    })
    .await;
}

/// Another key signs than was published when the code was sent: keys are fetched anew within the sign-in.
pub async fn oidcc_client_test_signing_key_rotation_just_before_signing<A: Application>() {
    both_ways::<A>(SigningKey::Rsa, async |trial| {
        let emulator = &trial.stage.emulator;
        let callback = trial.callback(&trial.stage.browser).await;
        let tab = trial.stage.until_held(Endpoint::Token, callback).await;
        assert_eq!(emulator.count(Endpoint::Jwks), 1, "the keys are there before the code is sent");
        rotate(&trial);
        emulator.release(Endpoint::Token);
        let done = tab.await.expect("no panic");
        assert_eq!(done.status, 303, "not accepted: {}", done.body);
        trial.is_signed_in(&trial.stage.browser).await;
        assert_eq!(emulator.count(Endpoint::Jwks), 2, "the keys are not fetched anew");
        assert_eq!(emulator.count(Endpoint::Token), 1);
    })
    .await;
}

/// Another key signs from now on, and the former is published no more.
fn rotate(trial: &Trial) {
    trial.stage.emulator.rotate_keys().expect("a key");
    trial.stage.emulator.delete_previous_key();
}
