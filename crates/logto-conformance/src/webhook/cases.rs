//! The cases, one function each.

use super::{
    Application,
    delivery::{Answer, BODY, LIMIT, SIGNATURE, Stage, sign},
};

/// A fixed answer, by which nobody learns what was wrong.
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (status, format!("{{\"error\":\"{error}\"}}").as_str())
    );
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
}

fn taken(answer: &Answer) {
    let told = "User.Created m3odtxgvmt9v3kh7n2k58 rt7vj85hotgm";
    assert_eq!((answer.status, answer.body.as_str()), (200, told));
}

/// A signed event of exactly so many bytes.
fn event_of(bytes: usize) -> String {
    let event = |filling: usize| {
        let filling = "x".repeat(filling);
        format!(r#"{{"event":"Moon.Landed","hookId":"h","createdAt":"t","filling":"{filling}"}}"#)
    };
    event(bytes - event(0).len())
}

/// As it was recorded from a server, also where the body comes in pieces.
pub async fn a_recorded_delivery_reaches_the_handler<A: Application>() {
    let stage = Stage::set::<A>().await;
    taken(&stage.deliver(&[SIGNATURE], BODY).await);
    let ascii = event_of(300);
    let answer = stage.deliver_in_pieces(&sign(&ascii), &ascii, 7).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "Moon.Landed h none"));
}

/// An event that no version knows yet.
pub async fn an_unknown_event_reaches_the_handler<A: Application>() {
    let stage = Stage::set::<A>().await;
    let body = r#"{"event":"Moon.Landed","hookId":"h","createdAt":"2026-11-23T02:47:49.794Z"}"#;
    let answer = stage.deliver(&[&sign(body)], body).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "Moon.Landed h none"));
}

/// One character more, less, or another.
pub async fn a_changed_body_is_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    for body in [BODY.replace("bob_e", "bob_f"), format!("{BODY} "), BODY.replacen(' ', "", 1), String::new()]
    {
        refused(&stage.deliver(&[SIGNATURE], &body).await, 401, "invalid_signature");
    }
    taken(&stage.deliver(&[SIGNATURE], BODY).await);
}

/// The vector of the server's own tests has the key `foo`.
pub async fn a_signature_of_another_key_is_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    let signature = "436958f1dbfefab37712fb3927760490fbf7757da8c0b2306ee7b485f0360eee";
    let answer = stage.deliver(&[signature], r#"{"bar":"bar","foo":"foo"}"#).await;
    refused(&answer, 401, "invalid_signature");
}

/// Nobody has signed.
pub async fn a_missing_signature_is_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    refused(&stage.deliver(&[], BODY).await, 401, "invalid_signature");
}

/// Also where one of them, or each, is good.
pub async fn two_signatures_are_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    for signatures in [[SIGNATURE, SIGNATURE], [SIGNATURE, "0"], ["0", SIGNATURE]] {
        refused(&stage.deliver(&signatures, BODY).await, 401, "invalid_signature");
    }
}

/// Upper case, too short, too long, prefixed, empty, no ASCII.
pub async fn signatures_of_a_wrong_form_are_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    let (upper, long) = (SIGNATURE.to_uppercase(), format!("{SIGNATURE}0"));
    let (prefixed, bytes) = (format!("sha256={SIGNATURE}"), "é".repeat(32));
    for signature in [&upper, &SIGNATURE[..63], &long, &prefixed, &bytes, "", "0"] {
        refused(&stage.deliver(&[signature], BODY).await, 401, "invalid_signature");
    }
}

/// The limit is that of the verifier, to the byte.
pub async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_taken<A: Application>() {
    let stage = Stage::set::<A>().await;
    let (most, more) = (event_of(LIMIT), event_of(LIMIT + 1));
    assert_eq!(stage.deliver(&[&sign(&most)], &most).await.status, 200);
    refused(&stage.deliver(&[&sign(&more)], &more).await, 413, "too_large");
    refused(&stage.deliver(&[], &more).await, 413, "too_large");
}

/// Who does not say how long it is may not send more either.
pub async fn a_body_in_pieces_over_the_limit_is_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    let (most, more) = (event_of(LIMIT), event_of(LIMIT + 1));
    assert_eq!(stage.deliver_in_pieces(&sign(&most), &most, 1000).await.status, 200);
    refused(&stage.deliver_in_pieces(&sign(&more), &more, 1000).await, 413, "too_large");
}

/// The signature holds, and there is nothing to tell.
pub async fn a_signed_body_that_is_no_event_is_refused<A: Application>() {
    let stage = Stage::set::<A>().await;
    for body in ["", "{}", "[]", "null", r#"{"event":"User.Created","hookId":"h"}"#] {
        refused(&stage.deliver(&[&sign(body)], body).await, 400, "invalid_input");
    }
}

/// And the application goes on.
pub async fn a_body_that_breaks_off_reaches_nobody<A: Application>() {
    let stage = Stage::set::<A>().await;
    for after in [0, 1, BODY.len() - 1] {
        stage.break_off(SIGNATURE, BODY, after).await;
    }
    taken(&stage.deliver(&[SIGNATURE], BODY).await);
}
