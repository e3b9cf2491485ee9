//! Claims of ID tokens, right and wrong.

use super::forge::*;
use crate::verify::{Algorithm, VerifyErrorKind};
use aws_lc_rs::digest;
use serde_json::{Value, json};
use std::time::Duration;

fn judge(claims: &Value) -> Result<String, (VerifyErrorKind, Option<String>)> {
    rules()
        .verify(&token(Algorithm::Es384, claims), &keys(), NOW)
        .map(|verified| verified.sub().to_owned())
        .map_err(|error| (error.kind(), error.claim().map(str::to_owned)))
}

#[test]
fn a_good_token_of_every_algorithm_is_accepted() {
    for algorithm in Algorithm::ALL {
        let verified = rules().verify(&token(algorithm, &claims()), &keys(), NOW);
        assert_eq!(verified.unwrap().sub(), "u1", "{algorithm:?}");
    }
}

#[test]
fn good_variants_are_accepted() {
    let now = NOW.as_secs();
    for claims in [
        claims(),
        with("aud", json!([CLIENT])),
        with("azp", json!(CLIENT)),
        json!({"iss": ISSUER, "aud": ["other", CLIENT], "azp": CLIENT, "sub": "u1", "nonce": NONCE, "iat": now, "exp": now + 1}),
        with("iat", json!(now + 30)),
        with("exp", json!(now - 30)),
        with("exp", json!(now - 59)),
        with("exp", json!(f64::from(u32::try_from(now).unwrap()) + 0.5)),
        with("nbf", json!(now + 60)),
        with("at_hash", json!(at_hash(&digest::SHA384))),
        with("picture", Value::Null),
        with("sub", json!("s".repeat(255))),
    ] {
        assert!(judge(&claims).is_ok(), "{claims}");
    }
}

#[test]
fn a_wrong_claim_is_refused_by_name() {
    let now = NOW.as_secs();
    for (claim, claims) in [
        ("iss", with("iss", json!("https://evil.example/oidc"))),
        ("iss", with("iss", json!("https://op.example/oidc/"))),
        ("iss", with("iss", json!("https://OP.example/oidc"))),
        ("iss", with("iss", json!("http://op.example/oidc"))),
        ("iss", with("iss", json!("https://op.example/oid"))),
        ("iss", with("iss", json!([ISSUER]))),
        ("iss", without("iss")),
        ("aud", with("aud", json!("other"))),
        ("aud", with("aud", json!("client-10"))),
        ("aud", with("aud", json!(["other"]))),
        ("aud", with("aud", json!([CLIENT, 1]))),
        ("aud", with("aud", json!([]))),
        ("aud", with("aud", json!({"client-1": true}))),
        ("aud", with("aud", Value::Null)),
        ("aud", without("aud")),
        ("azp", with("azp", json!("other"))),
        ("azp", with("azp", json!(1))),
        ("azp", with("aud", json!([CLIENT, "other"]))),
        ("sub", with("sub", json!(""))),
        ("sub", with("sub", json!(7))),
        ("sub", with("sub", Value::Null)),
        ("sub", with("sub", json!("s".repeat(256)))),
        ("sub", without("sub")),
        ("exp", with("exp", json!(now - 60))),
        ("exp", with("exp", json!(now - 120))),
        ("exp", with("exp", json!((now + 3600).to_string()))),
        ("exp", with("exp", Value::Null)),
        ("exp", with("exp", json!(-1))),
        ("exp", with("exp", json!(true))),
        ("exp", with("exp", json!(1e300))),
        ("exp", with("exp", json!(u64::MAX))),
        ("exp", without("exp")),
        ("iat", with("iat", json!(now + 61))),
        ("iat", with("iat", json!(now.to_string()))),
        ("iat", without("iat")),
        ("nbf", with("nbf", json!(now + 3600))),
        ("nbf", with("nbf", json!("99999999999"))),
        ("nonce", with("nonce", json!("another"))),
        ("nonce", with("nonce", json!(NONCE.to_lowercase()))),
        ("nonce", with("nonce", json!(1))),
        ("nonce", without("nonce")),
        ("at_hash", with("at_hash", json!("AAAA"))),
        ("at_hash", with("at_hash", json!(""))),
        ("at_hash", with("at_hash", json!(1))),
        ("at_hash", with("at_hash", json!(at_hash(&digest::SHA256)))),
    ] {
        assert_eq!(judge(&claims), Err((VerifyErrorKind::Claim, Some(claim.to_owned()))), "{claims}");
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    for (typ, accepted) in [
        ("JWT", true),
        ("jwt", true),
        ("application/JWT", true),
        ("at+jwt", false),
        ("logout+jwt", false),
        ("", false),
    ] {
        let header = json!({"alg": "ES384", "kid": "ES384", "typ": typ}).to_string();
        let token =
            signed(signer(Algorithm::Es384), Algorithm::Es384, &header, claims().to_string().as_bytes());
        assert_eq!(rules().verify(&token, &keys(), NOW).is_ok(), accepted, "{typ}");
    }
}

#[test]
fn max_age_needs_a_recent_auth_time() {
    let rules = rules().max_age(Duration::from_secs(60));
    let now = NOW.as_secs();
    for (claims, accepted) in [
        (with("auth_time", json!(now - 120)), true),
        (with("auth_time", json!(now - 121)), false),
        (with("auth_time", json!("now")), false),
        (claims(), false),
    ] {
        assert_eq!(
            rules.verify(&token(Algorithm::Es384, &claims), &keys(), NOW).is_ok(),
            accepted,
            "{claims}"
        );
    }
}

#[test]
fn the_default_tolerance_is_five_minutes() {
    let rules = crate::verify::IdTokenRules::new(ISSUER, CLIENT);
    for (exp, accepted) in [(NOW.as_secs() - 299, true), (NOW.as_secs() - 300, false)] {
        let token = token(Algorithm::Es384, &with("exp", json!(exp)));
        assert_eq!(rules.verify(&token, &keys(), NOW).is_ok(), accepted);
    }
}

#[test]
fn only_allowed_algorithms_are_accepted() {
    let rules = rules().algorithms(&[Algorithm::Es384]);
    assert!(rules.verify(&token(Algorithm::Es384, &claims()), &keys(), NOW).is_ok());
    let error = rules.verify(&token(Algorithm::Rs256, &claims()), &keys(), NOW).unwrap_err();
    assert_eq!(error.kind(), VerifyErrorKind::Algorithm);
}

#[test]
fn neither_debug_nor_an_error_shows_a_value() {
    let verified =
        rules().verify(&token(Algorithm::Es384, &with("name", json!("canary"))), &keys(), NOW).unwrap();
    assert!(!format!("{verified:?} {:?}", rules()).contains("canary"));
    assert!(!format!("{:?}", rules()).contains(ACCESS_TOKEN));
    let error = rules()
        .verify(&token(Algorithm::Es384, &with("sub", json!({"canary": 1}))), &keys(), NOW)
        .unwrap_err();
    assert!(!format!("{error:?} {error}").contains("canary"));
}
