//! The last good value and the first bad one of each limit, and what values show of themselves.

use super::{
    access_token::{API, auth_info},
    forge::*,
};
use crate::verify::{
    AccessTokenRules, Algorithm, JwkSet, LogoutTokenRules, MAX_TOKEN_BYTES, VerifyErrorKind, verify_jws,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

const TOLERANCE: u64 = 60;

fn id_token(name: &str, seconds: u64) -> bool {
    rules().verify(&token(Algorithm::EdDsa, &with(name, seconds.into())), &keys(), NOW).is_ok()
}

#[test]
fn times_are_good_to_the_second() {
    let now = NOW.as_secs();
    assert!(!id_token("exp", now - TOLERANCE) && id_token("exp", now - TOLERANCE + 1));
    assert!(id_token("iat", now + TOLERANCE) && !id_token("iat", now + TOLERANCE + 1));
    assert!(id_token("nbf", now + TOLERANCE) && !id_token("nbf", now + TOLERANCE + 1));
    assert!(id_token("exp", 100_000_000_000) && !id_token("exp", 100_000_000_001));
    let max_age = |auth_time: u64| {
        let token = token(Algorithm::EdDsa, &with("auth_time", auth_time.into()));
        rules().max_age(Duration::from_secs(100)).verify(&token, &keys(), NOW).is_ok()
    };
    assert!(max_age(now - 100 - TOLERANCE) && !max_age(now - 101 - TOLERANCE));
}

#[test]
fn a_logout_token_is_ten_minutes_old_at_most_to_the_second() {
    let logout = |iat: u64, exp: u64| {
        let claims = json!({
            "iss": ISSUER, "aud": CLIENT, "sub": "u1", "jti": "j", "iat": iat, "exp": exp,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        let rules = LogoutTokenRules::new(ISSUER, CLIENT).clock_tolerance(Duration::from_secs(TOLERANCE));
        rules.verify(&token(Algorithm::EdDsa, &claims), &keys(), NOW).map(|token| token.expires_at()).ok()
    };
    let now = NOW.as_secs();
    assert_eq!(logout(now - 600 - TOLERANCE, now + 9), Some(now - TOLERANCE));
    assert_eq!(logout(now - 601 - TOLERANCE, now + 9), None);
    assert_eq!(logout(now, now + 599), Some(now + 599));
    assert_eq!(logout(now, now + 601), Some(now + 600));
}

#[test]
fn an_identifier_has_1_to_255_bytes() {
    let sub = |length: usize| {
        let token = token(Algorithm::EdDsa, &with("sub", "s".repeat(length).into()));
        rules().verify(&token, &keys(), NOW).is_ok()
    };
    assert_eq!([0, 1, 255, 256].map(sub), [false, true, true, false]);
}

#[test]
fn a_token_has_64_kib_at_most() {
    let kind = |length: usize| {
        let token = format!("e30.{}.AA", "A".repeat(length - 7));
        verify_jws(&token, &JwkSet::default(), &Algorithm::ALL).unwrap_err().kind()
    };
    assert_eq!(MAX_TOKEN_BYTES, 65_536);
    assert_eq!(kind(MAX_TOKEN_BYTES), VerifyErrorKind::Algorithm);
    assert_eq!(kind(MAX_TOKEN_BYTES + 1), VerifyErrorKind::Malformed);
}

#[test]
fn a_set_has_100_keys_at_most_and_says_how_many_verify() {
    let sized = |keys: usize| JwkSet::parse(json!({"keys": vec![json!({}); keys]}).to_string().as_bytes());
    assert!(sized(100).unwrap().is_empty() && sized(101).is_err());
    let two = set(&[
        jwk(signer(Algorithm::EdDsa), &json!({"kid": "a"})),
        jwk(signer(Algorithm::Es256), &json!({})),
    ]);
    assert!(two.len() == 2 && !two.is_empty() && two.contains_kid("a") && !two.contains_kid("b"));
    assert_eq!(format!("{two:?}"), r#"["a", "without kid"]"#);
}

#[test]
fn a_key_is_held_by_the_sets_that_have_it_and_by_no_other() {
    let signed = auth_info(&[]);
    let key = signed.key().unwrap();
    assert!(keys().holds(key) && !JwkSet::default().holds(key));
    assert!(!set(&[jwk(signer(Algorithm::EdDsa), &json!({"kid": "EdDSA"}))]).holds(key));
    assert!(!signed.is_introspected());
}

fn introspected(changes: &[(&str, Value)]) -> Map<String, Value> {
    let mut claims = json!({
        "active": true, "iss": ISSUER, "sub": "u1", "client_id": CLIENT, "token_type": "Bearer",
        "iat": NOW.as_secs(), "exp": NOW.as_secs() + 60,
    });
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims.as_object().unwrap().clone()
}

#[test]
fn an_introspection_answer_is_of_an_access_token_of_this_issuer_that_is_good_now() {
    let rules = AccessTokenRules::new(ISSUER, API).clock_tolerance(Duration::ZERO);
    let judge = |changes: &[(&str, Value)]| {
        let verified = rules.verify_introspected(introspected(changes), NOW);
        verified.map_err(|error| error.claim().unwrap_or_default().to_owned())
    };
    let good = judge(&[]).unwrap();
    assert!(good.is_introspected() && good.key().is_none() && good.sub() == "u1");
    assert!(judge(&[("token_type", json!("bEARER"))]).is_ok());
    for (claim, value) in [
        ("token_type", json!(null)),
        ("token_type", json!("refresh")),
        ("iss", json!("https://other.example")),
        ("exp", json!(NOW.as_secs())),
        ("sub", json!("")),
        ("client_id", json!(null)),
    ] {
        assert_eq!(judge(&[(claim, value)]).unwrap_err(), claim);
    }
}

#[test]
fn a_token_that_was_verified_is_good_until_its_end_and_no_longer() {
    let rules = AccessTokenRules::new(ISSUER, API).clock_tolerance(Duration::ZERO);
    let verified = auth_info(&[("exp", json!(NOW.as_secs() + 5))]);
    assert!(rules.check_again(&verified, NOW + Duration::from_secs(4)).is_ok());
    let over = rules.check_again(&verified, NOW + Duration::from_secs(5)).unwrap_err();
    assert_eq!(over.claim(), Some("exp"));
}

#[test]
fn debug_shows_the_names_of_claims_and_no_value() {
    let debug = format!("{:?}", auth_info(&[("canary", json!("value"))]));
    assert!(debug.contains("\"canary\"") && debug.contains("\"sub\"") && !debug.contains("value"), "{debug}");
}
