//! Sign-ins that end by themselves: at an age, and what the next person finds.

use crate::stage::Stage;
use logto_client::{ErrorKind, MemoryTokenStore};
use logto_emulator::{Endpoint, User};
use std::{sync::Arc, time::Duration};

const HOUR: Duration = Duration::from_secs(3600);
const API: &str = "https://api.example.test";

#[tokio::test]
async fn a_sign_in_ends_at_its_age_however_much_it_is_used() {
    let stage = Stage::with(|config| config.resources([API]).sign_in_absolute_lifetime(8 * HOUR)).await;
    stage.sign_in().await;
    for _ in 0..15 {
        stage.advance(HOUR / 2);
        assert!(stage.session().is_authenticated().await.unwrap());
        stage.session().access_token(API).await.unwrap();
    }
    stage.advance(HOUR / 2 - Duration::from_secs(1));
    assert!(stage.session().is_authenticated().await.unwrap());
    let calls = stage.emulator.count(Endpoint::Token);
    stage.advance(Duration::from_secs(1));
    let error = stage.session().access_token(API).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAuthenticated);
    assert!(!stage.session().is_authenticated().await.unwrap());
    assert_eq!(stage.emulator.count(Endpoint::Token), calls, "nothing is refreshed for who is not signed in");
    stage.client.shutdown().await;
    assert_eq!(stage.emulator.count(Endpoint::Revocation), 1);
}

#[tokio::test]
async fn a_sign_in_of_unknown_age_ends_where_sign_ins_end_at_an_age() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    let config = crate::stage::config(&stage.emulator.endpoint()).sign_in_absolute_lifetime(HOUR);
    let client = logto_client::LogtoClient::new(config).unwrap();
    assert!(!client.session(stage.storage.clone()).is_authenticated().await.unwrap());
}

#[tokio::test]
async fn who_signs_in_after_a_sign_in_that_ended_by_itself_is_told_apart_from_its_person() {
    for (username, another) in [("alice", false), ("bob", true)] {
        for aged in [false, true] {
            let stage = Stage::with(|config| config.resources([API]).sign_in_absolute_lifetime(HOUR)).await;
            stage.emulator.add_user(User::new("bob").password("bob"));
            stage.sign_in().await;
            if aged {
                stage.advance(HOUR);
            } else {
                stage.emulator.revoke_grants_of("alice");
                stage.session().access_token(API).await.unwrap_err();
            }
            assert!(!stage.session().is_authenticated().await.unwrap());
            let callback = stage.callback_of(logto_client::SignInOptions::new(), username).await;
            let signed_in = stage.complete(&callback).await.unwrap();
            assert_eq!(signed_in.replaced_person(), another, "{username}, aged: {aged}");
            let again = stage.callback_of(logto_client::SignInOptions::new(), username).await;
            assert!(!stage.complete(&again).await.unwrap().replaced_person(), "told once");
        }
    }
}

#[tokio::test]
async fn the_age_of_a_sign_in_is_kept_in_a_record_too() {
    let store = Arc::new(MemoryTokenStore::new());
    let stage = Stage::with(|config| config.sign_in_absolute_lifetime(HOUR).token_store(store)).await;
    let session = || stage.client.session(stage.client.storage(stage.storage.clone()));
    let url = session().sign_in(logto_client::SignInOptions::new()).await.unwrap();
    let callback = stage.emulator.approve(url.as_str(), "alice").unwrap();
    session().handle_sign_in_callback(&callback).await.unwrap();
    stage.advance(HOUR - Duration::from_secs(1));
    assert!(session().is_authenticated().await.unwrap());
    stage.advance(Duration::from_secs(1));
    assert!(!session().is_authenticated().await.unwrap());
}
