//! The person's data.

use crate::stage::Stage;
use logto_client::ErrorKind;
use logto_emulator::{Endpoint, Failure};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn claims_and_user_info_are_those_of_the_person_as_logto_sends_them() {
    let stage = Stage::with(|config| config.scopes(["email", "custom_data"])).await;
    stage.sign_in().await;
    let claims = stage.session().id_token_claims().await.unwrap();
    assert_eq!((claims.name(), claims.email()), (Some("Alice Example"), Some("alice@example.test")));
    assert!(claims.get("picture").unwrap().is_null());
    assert!(claims.get("updated_at").unwrap().as_u64().unwrap() > 1_000_000_000_000, "milliseconds, as sent");
    let info = stage.session().fetch_user_info().await.unwrap();
    assert_eq!(info.sub(), claims.sub());
    assert_eq!(info.get("custom_data").unwrap(), &json!({"plan": "pro", "seats": 3}));
    let sent = stage.emulator.received(Endpoint::UserInfo).unwrap();
    assert!(sent.authorization.unwrap().starts_with("Bearer ") && sent.parameters.is_empty());
}

#[tokio::test]
async fn user_info_of_another_person_is_refused() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    for sub in [json!("somebody-else"), json!(null), json!(7), json!("")] {
        stage.emulator.tamper_user_info(move |info| drop(info.insert("sub".to_owned(), sub.clone())));
        let error = stage.session().fetch_user_info().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::ProviderMisbehaved, Some("fetch_user_info_failed"))
        );
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so_without_a_request() {
    let stage = Stage::set().await;
    for error in [
        stage.session().id_token_claims().await.unwrap_err(),
        stage.session().fetch_user_info().await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotAuthenticated, Some("not_authenticated")));
    }
    assert_eq!(stage.emulator.count(Endpoint::Discovery), 0);
}

#[tokio::test]
async fn an_id_token_past_its_exp_is_still_a_session_and_an_expired_access_token_is_refreshed() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    stage.advance(Duration::from_secs(7200));
    assert!(stage.session().is_authenticated().await.unwrap());
    assert_eq!(stage.session().id_token_claims().await.unwrap().username(), Some("alice"));
    stage.session().fetch_user_info().await.unwrap();
    assert_eq!((stage.emulator.count(Endpoint::Token), stage.emulator.count(Endpoint::UserInfo)), (2, 1));
}

#[tokio::test]
async fn a_token_that_user_info_does_not_take_is_refreshed_once() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    stage.emulator.fail_next(Endpoint::UserInfo, Failure::Status(401), 1);
    stage.session().fetch_user_info().await.unwrap();
    assert_eq!(stage.emulator.count(Endpoint::Token), 2);
    stage.emulator.set_failure(Endpoint::UserInfo, Some(Failure::Status(401)));
    let error = stage.session().fetch_user_info().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAuthenticated);
    assert_eq!(stage.emulator.count(Endpoint::Token), 3);
}

#[tokio::test]
async fn failures_of_the_user_info_endpoint_are_told_apart_and_sign_nobody_out() {
    let stage = Stage::set().await;
    stage.sign_in().await;
    for (failure, kind) in [
        (Failure::Status(500), ErrorKind::Unavailable),
        (Failure::RetryAfter(3), ErrorKind::RateLimited),
        (Failure::NotJson, ErrorKind::ProviderMisbehaved),
        (Failure::TooLarge, ErrorKind::Unavailable),
        (Failure::Disconnect, ErrorKind::Unavailable),
    ] {
        stage.emulator.fail_next(Endpoint::UserInfo, failure, 1);
        assert_eq!(stage.session().fetch_user_info().await.unwrap_err().kind(), kind, "{failure:?}");
        assert!(stage.session().is_authenticated().await.unwrap());
    }
    stage.session().fetch_user_info().await.unwrap();
}
