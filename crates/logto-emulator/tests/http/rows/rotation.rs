//! §6: rotation and reuse of refresh tokens.

use super::{builder, emulator, refreshed, text, tokens};
use crate::{answers::user_info, visitor::CALLBACK};
use logto_emulator::{Application, Emulator};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

async fn signed_in(emulator: &Emulator, client: &str) -> (String, String) {
    let body = tokens(emulator, client, &[]).await;
    (text(&body, "refresh_token").to_owned(), text(&body, "access_token").to_owned())
}

/// The refresh token that comes back.
async fn next(emulator: &Emulator, client: &str, refresh_token: &str) -> String {
    let answer = refreshed(emulator, client, refresh_token, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    text(&answer.json(), "refresh_token").to_owned()
}

async fn is_refused(emulator: &Emulator, client: &str, refresh_token: &str) -> bool {
    let answer = refreshed(emulator, client, refresh_token, &[]).await;
    answer.status == 400 && answer.json()["error"] == "invalid_grant"
}

#[tokio::test]
async fn a_confidential_application_gets_the_same_token_until_70_percent_of_its_life() {
    let emulator = emulator().await;
    let (token, _) = signed_in(&emulator, "web").await;
    for _ in 0..10 {
        assert_eq!(next(&emulator, "web", &token).await, token);
    }
    emulator.advance(DAY * 97 / 10);
    assert_eq!(next(&emulator, "web", &token).await, token, "9.7 of 14 days");
    emulator.advance(DAY / 5);
    assert_ne!(next(&emulator, "web", &token).await, token, "9.9 of 14 days");
}

#[tokio::test]
async fn a_public_application_gets_a_new_token_each_time() {
    let emulator = emulator().await;
    for client in ["spa", "native"] {
        let (token, _) = signed_in(&emulator, client).await;
        assert_ne!(next(&emulator, client, &token).await, token);
    }
}

#[tokio::test]
async fn an_application_without_rotation_keeps_its_token() {
    let still = Application::new("still").redirect_uri(CALLBACK).without_rotation();
    let emulator = builder().application(still).start().await.unwrap();
    let (token, _) = signed_in(&emulator, "still").await;
    emulator.advance(DAY * 10);
    assert_eq!(next(&emulator, "still", &token).await, token);
}

#[tokio::test]
async fn a_replaced_token_is_taken_within_three_seconds_and_after_them_ends_the_grant() {
    let emulator = emulator().await;
    for client in ["spa", "native"] {
        let (first, access_token) = signed_in(&emulator, client).await;
        next(&emulator, client, &first).await;
        emulator.advance(Duration::from_secs(2));
        let newest = next(&emulator, client, &first).await;
        assert_ne!(newest, first);
        emulator.advance(Duration::from_millis(3200));
        assert!(is_refused(&emulator, client, &first).await);
        assert!(is_refused(&emulator, client, &newest).await, "the newest, never used");
        assert_eq!(user_info(&emulator, &access_token).await.status, 401);
    }
}

#[tokio::test]
async fn an_aged_confidential_token_is_reused_as_a_public_one() {
    let emulator = emulator().await;
    let (first, _) = signed_in(&emulator, "web").await;
    emulator.advance(DAY * 10);
    let second = next(&emulator, "web", &first).await;
    assert_ne!(next(&emulator, "web", &first).await, second);
    emulator.advance(Duration::from_secs(4));
    assert!(is_refused(&emulator, "web", &first).await);
    assert!(is_refused(&emulator, "web", &second).await);
}

#[tokio::test]
async fn the_window_slides_with_each_reuse() {
    let emulator = emulator().await;
    let (first, _) = signed_in(&emulator, "spa").await;
    next(&emulator, "spa", &first).await;
    for _ in 0..4 {
        emulator.advance(Duration::from_secs(2));
        next(&emulator, "spa", &first).await;
    }
}

#[tokio::test]
async fn ten_at_once_get_ten_tokens_and_each_is_good_until_the_first_comes_late() {
    let emulator = emulator().await;
    let (first, _) = signed_in(&emulator, "spa").await;
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(next(&emulator, "spa", &first).await);
    }
    let mut distinct = all.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 10);
    for token in &mut all {
        *token = next(&emulator, "spa", token).await;
    }
    emulator.advance(Duration::from_secs(4));
    assert!(is_refused(&emulator, "spa", &first).await);
    for token in &all {
        assert!(is_refused(&emulator, "spa", token).await, "all are dead");
    }
}

#[tokio::test]
async fn a_single_page_applications_token_keeps_its_end_and_others_get_a_new_one() {
    let emulator = emulator().await;
    for (client, lives) in [("spa", false), ("native", true), ("web", true)] {
        let (token, _) = signed_in(&emulator, client).await;
        emulator.advance(DAY * 10);
        let token = next(&emulator, client, &token).await;
        emulator.advance(DAY * 5);
        assert_eq!(refreshed(&emulator, client, &token, &[]).await.status == 200, lives, "{client}");
    }
}

#[tokio::test]
async fn a_year_after_the_sign_in_nothing_is_replaced_any_more() {
    let emulator = emulator().await;
    let (mut token, _) = signed_in(&emulator, "native").await;
    for _ in 0..36 {
        emulator.advance(DAY * 10);
        token = next(&emulator, "native", &token).await;
    }
    emulator.advance(DAY * 6);
    assert_eq!(next(&emulator, "native", &token).await, token);
}

#[tokio::test]
async fn a_strangers_reuse_does_not_end_the_grant() {
    let emulator = emulator().await;
    let (first, _) = signed_in(&emulator, "spa").await;
    let second = next(&emulator, "spa", &first).await;
    emulator.advance(Duration::from_secs(10));
    assert!(is_refused(&emulator, "native", &first).await);
    next(&emulator, "spa", &second).await;
}
