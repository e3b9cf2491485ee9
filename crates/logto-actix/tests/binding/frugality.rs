//! What the adapter leaves alone, and what it measures.

use actix_session::{Session, SessionExt, SessionStatus};
use actix_web::test::TestRequest;
use logto_actix::SessionStorage;
use logto_storage_core::{Changes, Storage, StorageErrorKind, keys};

fn session() -> Session {
    TestRequest::default().to_http_request().get_session()
}

#[tokio::test]
async fn reading_and_removing_what_is_absent_leave_the_session_unmodified() {
    let session = session();
    let storage = SessionStorage::new(session.clone());
    assert_eq!(storage.get(keys::ID_TOKEN).await.unwrap(), None);
    storage.remove(keys::SIGN_IN_SESSION).await.unwrap();
    storage.apply(&Changes::new().remove(keys::REFRESH_TOKEN)).await.unwrap();
    assert_eq!(session.status(), SessionStatus::Unchanged);
    storage.set(keys::ID_TOKEN, "value").await.unwrap();
    assert_eq!(session.status(), SessionStatus::Changed);
}

#[tokio::test]
async fn in_a_cookie_session_what_does_not_fit_is_an_error_and_is_not_written() {
    let storage = SessionStorage::for_cookie_session(session());
    storage.set(keys::ID_TOKEN, &"i".repeat(2000)).await.unwrap();
    // A value is a JSON text within a JSON text: with six bytes of quotes, a colon, and a comma.
    let around = keys::ID_TOKEN.len() + keys::REFRESH_TOKEN.len() + 2 * (2 + 6 + 1) + 1 + 2;
    let room = 2900 - 2000 - around;
    for fits in [false, true] {
        let value = "r".repeat(if fits { room } else { room + 1 });
        let changes = Changes::new().set(keys::REFRESH_TOKEN, &value);
        for outcome in [storage.set(keys::REFRESH_TOKEN, &value).await, storage.apply(&changes).await] {
            match outcome {
                Ok(()) => assert!(fits),
                Err(error) => {
                    assert_eq!(
                        (error.kind(), error.key()),
                        (StorageErrorKind::TooLarge, keys::REFRESH_TOKEN)
                    );
                    assert!(!fits && storage.get(keys::REFRESH_TOKEN).await.unwrap().is_none());
                }
            }
        }
    }
}

#[tokio::test]
async fn in_a_cookie_session_what_the_application_keeps_counts_too() {
    let session = session();
    session.insert("cart", "c".repeat(2000)).unwrap();
    let storage = SessionStorage::for_cookie_session(session);
    let error = storage.set(keys::ID_TOKEN, &"i".repeat(1000)).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::TooLarge);
    // Each quote of a JSON item takes four bytes in the cookie.
    let error = storage.set(keys::ACCESS_TOKEN_MAP, &"\"".repeat(230)).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::TooLarge);
    storage.set(keys::ID_TOKEN, &"i".repeat(800)).await.unwrap();
}

#[tokio::test]
async fn something_else_under_a_key_of_ours_is_corrupt_and_stays() {
    let session = session();
    session.insert(keys::ID_TOKEN, 7).unwrap();
    let error = SessionStorage::new(session.clone()).get(keys::ID_TOKEN).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Corrupt);
    assert_eq!(session.get::<u8>(keys::ID_TOKEN).unwrap(), Some(7));
}

#[tokio::test]
async fn dropping_other_items_keeps_logtos() {
    let session = session();
    session.insert("cart", "full").unwrap();
    let storage = SessionStorage::new(session.clone());
    storage.set(keys::ID_TOKEN, "value").await.unwrap();
    storage.drop_other_items().unwrap();
    assert_eq!(session.get::<String>("cart").unwrap(), None);
    assert_eq!(storage.get(keys::ID_TOKEN).await.unwrap().as_deref(), Some("value"));
}
