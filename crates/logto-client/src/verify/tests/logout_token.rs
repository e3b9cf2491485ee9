//! Logout tokens, right and wrong.

use super::forge::*;
use crate::verify::{Algorithm, LogoutToken, LogoutTokenRules, VerifyError, VerifyErrorKind};
use serde_json::{Value, json};
use std::time::Duration;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn rules() -> LogoutTokenRules {
    LogoutTokenRules::new(ISSUER, CLIENT).clock_tolerance(Duration::from_secs(60))
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "u1", "sid": "s1", "jti": "j1", "events": {EVENT: {}},
        "iat": NOW.as_secs() - 10, "exp": NOW.as_secs() + 110,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(names: &[&str]) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().retain(|name, _| !names.contains(&name.as_str()));
    claims
}

fn typed(typ: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": "ES384", "kid": "ES384"});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    let payload = claims.to_string();
    signed(signer(Algorithm::Es384), Algorithm::Es384, &header.to_string(), payload.as_bytes())
}

fn verify(rules: &LogoutTokenRules, token: &str) -> Result<LogoutToken, VerifyError> {
    rules.verify(token, &keys(), NOW)
}

fn judge(claims: &Value) -> Result<(), (VerifyErrorKind, Option<String>)> {
    verify(&rules(), &typed(Some("logout+jwt"), claims))
        .map(|_| ())
        .map_err(|error| (error.kind(), error.claim().map(str::to_owned)))
}

#[test]
fn a_good_token_of_every_algorithm_says_whose_sessions_are_over() {
    for algorithm in Algorithm::ALL {
        let verified = verify(&rules(), &token(algorithm, &claims())).unwrap();
        assert_eq!((verified.sub(), verified.sid()), (Some("u1"), Some("s1")), "{algorithm:?}");
        assert_eq!((verified.jti(), verified.expires_at()), ("j1", NOW.as_secs() + 110));
    }
    let person = verify(&rules(), &typed(None, &without(&["sid"]))).unwrap();
    assert_eq!((person.sub(), person.sid()), (Some("u1"), None));
    let session = verify(&rules(), &typed(None, &without(&["sub"]))).unwrap();
    assert_eq!((session.sub(), session.sid()), (None, Some("s1")));
}

#[test]
fn good_variants_are_accepted() {
    let now = NOW.as_secs();
    for claims in [
        with("aud", json!([CLIENT])),
        with("aud", json!(["other", CLIENT])),
        with("events", json!({EVENT: {"reason": "x"}, "http://schemas.example/other": 1})),
        with("iat", json!(now + 60)),
        with("iat", json!(now - 660)),
        with("exp", json!(now - 59)),
        with("exp", json!(now + 86_400)),
        with("nbf", json!(now + 60)),
        with("jti", json!("j".repeat(255))),
        with("sub", json!("s".repeat(255))),
        with("sid", json!("s".repeat(255))),
        with("unknown", Value::Null),
    ] {
        assert_eq!(judge(&claims), Ok(()), "{claims}");
    }
}

#[test]
fn a_wrong_claim_is_refused_by_name() {
    let now = NOW.as_secs();
    for (claim, claims) in [
        ("iss", with("iss", json!("https://evil.example/oidc"))),
        ("iss", with("iss", json!("https://op.example/oidc/"))),
        ("iss", with("iss", json!([ISSUER]))),
        ("iss", without(&["iss"])),
        ("aud", with("aud", json!("other"))),
        ("aud", with("aud", json!("client-10"))),
        ("aud", with("aud", json!([CLIENT, 1]))),
        ("aud", with("aud", json!([]))),
        ("aud", without(&["aud"])),
        ("exp", with("exp", json!(now - 60))),
        ("exp", with("exp", json!((now + 110).to_string()))),
        ("exp", with("exp", json!(1e300))),
        ("exp", without(&["exp"])),
        ("iat", with("iat", json!(now + 61))),
        ("iat", with("iat", json!(now - 661))),
        ("iat", with("iat", json!(0))),
        ("iat", with("iat", Value::Null)),
        ("iat", without(&["iat"])),
        ("nbf", with("nbf", json!(now + 3600))),
        ("jti", with("jti", json!(""))),
        ("jti", with("jti", json!(7))),
        ("jti", with("jti", json!("j".repeat(256)))),
        ("jti", without(&["jti"])),
        ("events", with("events", json!({}))),
        ("events", with("events", json!(EVENT))),
        ("events", with("events", json!([EVENT]))),
        ("events", with("events", json!([{EVENT: {}}]))),
        ("events", with("events", json!({EVENT: true}))),
        ("events", with("events", json!({EVENT: null}))),
        ("events", with("events", json!({EVENT: []}))),
        ("events", with("events", json!({"http://schemas.openid.net/event/logout": {}}))),
        ("events", with("events", json!({EVENT.replace("http:", "https:"): {}}))),
        ("events", with("events", Value::Null)),
        ("events", without(&["events"])),
        ("nonce", with("nonce", json!(NONCE))),
        ("nonce", with("nonce", json!(""))),
        ("nonce", with("nonce", Value::Null)),
        ("sub", with("sub", json!(""))),
        ("sub", with("sub", json!(7))),
        ("sub", with("sub", Value::Null)),
        ("sub", with("sub", json!("s".repeat(256)))),
        ("sid", with("sid", json!(""))),
        ("sid", with("sid", json!(["s1"]))),
        ("sid", with("sid", Value::Null)),
        ("sid", with("sid", json!("s".repeat(256)))),
        ("sub", without(&["sub", "sid"])),
    ] {
        assert_eq!(judge(&claims), Err((VerifyErrorKind::Claim, Some(claim.to_owned()))), "{claims}");
    }
}

#[test]
fn the_type_may_be_absent_unless_it_is_required_and_is_never_another() {
    for (typ, loose, strict) in [
        (Some("logout+jwt"), true, true),
        (Some("Logout+JWT"), true, true),
        (Some("application/logout+jwt"), true, true),
        (Some("Application/Logout+JWT"), true, true),
        (None, true, false),
        (Some("JWT"), false, false),
        (Some("at+jwt"), false, false),
        (Some("text/logout+jwt"), false, false),
        (Some("application/application/logout+jwt"), false, false),
        (Some("logout"), false, false),
        (Some(""), false, false),
    ] {
        let token = typed(typ, &claims());
        assert_eq!(verify(&rules(), &token).is_ok(), loose, "{typ:?}");
        assert_eq!(verify(&rules().require_type(), &token).is_ok(), strict, "{typ:?}");
    }
}

#[test]
fn no_other_kind_of_token_passes_for_a_logout_token_and_it_for_none() {
    let id_token = super::forge::claims();
    let id_token_of_a_refresh = super::forge::without("nonce");
    let access_token = json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "u1", "client_id": CLIENT, "jti": "j1", "scope": "read",
        "iat": NOW.as_secs() - 10, "exp": NOW.as_secs() + 3600,
    });
    for typ in [None, Some("JWT"), Some("at+jwt"), Some("logout+jwt")] {
        for claims in [&id_token, &id_token_of_a_refresh, &access_token] {
            assert!(verify(&rules(), &typed(typ, claims)).is_err(), "{typ:?} {claims}");
        }
    }
    let posing = typed(Some("logout+jwt"), &id_token);
    assert!(super::forge::rules().verify(&posing, &keys(), NOW).is_err());
    assert!(super::forge::rules().verify(&typed(None, &claims()), &keys(), NOW).is_err());
}

#[test]
fn a_replay_needs_to_be_recognized_for_ten_minutes_at_most() {
    for (iat, exp, expires_at) in [(0, 110, 110), (-10, 86_400, 590), (60, 86_400, 660), (-660, 86_400, -60)]
    {
        let at = |offset: i64| NOW.as_secs().checked_add_signed(offset).unwrap();
        let mut claims = with("iat", json!(at(iat)));
        claims["exp"] = json!(at(exp));
        let verified = verify(&rules(), &typed(None, &claims)).unwrap();
        assert_eq!(verified.expires_at(), at(expires_at), "{claims}");
    }
    let halves = with("exp", json!(1_800_000_110.5));
    assert_eq!(verify(&rules(), &typed(None, &halves)).unwrap().expires_at(), 1_800_000_111);
}

#[test]
fn the_default_tolerance_is_five_minutes() {
    let rules = LogoutTokenRules::new(ISSUER, CLIENT);
    for (exp, accepted) in [(NOW.as_secs() - 299, true), (NOW.as_secs() - 300, false)] {
        assert_eq!(verify(&rules, &typed(None, &with("exp", json!(exp)))).is_ok(), accepted);
    }
}

#[test]
fn only_allowed_algorithms_and_the_providers_keys_are_accepted() {
    let rules = rules().algorithms(&[Algorithm::Es384]);
    assert!(verify(&rules, &token(Algorithm::Es384, &claims())).is_ok());
    let error = verify(&rules, &token(Algorithm::Rs256, &claims())).unwrap_err();
    assert_eq!(error.kind(), VerifyErrorKind::Algorithm);
    let unsigned = format!("{}.{}.", b64(r#"{"alg":"none","typ":"logout+jwt"}"#), b64(claims().to_string()));
    assert_eq!(verify(&rules, &unsigned).unwrap_err().kind(), VerifyErrorKind::Algorithm);
    let header = json!({"alg": "ES384", "kid": "other"}).to_string();
    let foreign =
        signed(signer(Algorithm::Es384), Algorithm::Es384, &header, claims().to_string().as_bytes());
    assert_eq!(verify(&rules, &foreign).unwrap_err().kind(), VerifyErrorKind::UnknownKey);
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    let good = claims().to_string();
    let payload = format!("{{\"sub\":\"admin\",{}", good.strip_prefix('{').unwrap());
    let header = json!({"alg": "ES384", "kid": "ES384"}).to_string();
    let token = signed(signer(Algorithm::Es384), Algorithm::Es384, &header, payload.as_bytes());
    assert_eq!(verify(&rules(), &token).unwrap_err().kind(), VerifyErrorKind::Malformed);
}

#[test]
fn neither_debug_nor_an_error_shows_a_value() {
    for claim in ["sub", "sid", "jti"] {
        let verified = verify(&rules(), &typed(None, &with(claim, json!("canary")))).unwrap();
        assert!(!format!("{verified:?}").contains("canary"));
        let error = verify(&rules(), &typed(None, &with(claim, json!({"canary": 1})))).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("canary"));
    }
}
