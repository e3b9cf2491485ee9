//! Access tokens, right and wrong: the twenty cases of RFC 9068 one by one, then the rest in tables.

use super::forge::*;
use crate::verify::{AccessTokenRules, Algorithm, AuthInfo, VerifyError, VerifyErrorKind};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const API: &str = "https://api.example";

fn rules() -> AccessTokenRules {
    AccessTokenRules::new(ISSUER, API)
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": API, "sub": "u1", "client_id": CLIENT, "jti": "j1", "scope": "read write",
        "iat": NOW.as_secs() - 10, "exp": NOW.as_secs() + 3600,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn typed(typ: Option<&str>, claims: &Value) -> String {
    signed_by(Algorithm::Es384, typ, claims)
}

fn signed_by(algorithm: Algorithm, typ: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": algorithm.name(), "kid": algorithm.name()});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    signed(signer(algorithm), algorithm, &header.to_string(), claims.to_string().as_bytes())
}

fn verify(token: &str) -> Result<AuthInfo, VerifyError> {
    rules().verify(token, &keys(), NOW)
}

/// A token with these claims beside the usual ones, and without others.
pub(crate) fn signed_with(changes: &[(&str, Value)], without: &[&str]) -> String {
    let mut claims = claims();
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|name, _| !without.contains(&name.as_str()));
    typed(Some("at+jwt"), &claims)
}

/// What a good token with these claims beside the usual ones says.
pub(crate) fn auth_info(changes: &[(&str, Value)]) -> AuthInfo {
    let token = signed_with(changes, &[]);
    AccessTokenRules::for_any_audience(ISSUER).verify(&token, &keys(), NOW).unwrap()
}

type Verdict = Result<(), (VerifyErrorKind, Option<String>)>;

fn verdict(token: &str) -> Verdict {
    verify(token).map(drop).map_err(|error| (error.kind(), error.claim().map(str::to_owned)))
}

fn judge(claims: &Value) -> Verdict {
    verdict(&typed(Some("at+jwt"), claims))
}

fn wrong(claim: &str) -> Verdict {
    Err((VerifyErrorKind::Claim, Some(claim.to_owned())))
}

const MALFORMED: Verdict = Err((VerifyErrorKind::Malformed, None));

#[test]
fn case_01_the_type_at_jwt_is_accepted() {
    assert_eq!(verdict(&typed(Some("at+jwt"), &claims())), Ok(()));
}

#[test]
fn case_02_the_type_application_at_jwt_is_accepted() {
    assert_eq!(verdict(&typed(Some("application/at+jwt"), &claims())), Ok(()));
}

#[test]
fn case_03_the_type_is_accepted_in_any_case() {
    for typ in ["AT+JWT", "At+Jwt", "APPLICATION/AT+JWT"] {
        assert_eq!(verdict(&typed(Some(typ), &claims())), Ok(()), "{typ}");
    }
}

#[test]
fn case_04_a_list_of_audiences_with_ours_is_accepted() {
    for audiences in [json!([API]), json!(["https://other.example", API])] {
        assert_eq!(judge(&with("aud", audiences.clone())), Ok(()), "{audiences}");
    }
}

#[test]
fn case_05_the_type_jwt_is_refused() {
    assert_eq!(verdict(&typed(Some("JWT"), &claims())), MALFORMED);
}

#[test]
fn case_06_a_token_without_a_type_is_refused() {
    assert_eq!(verdict(&typed(None, &claims())), MALFORMED);
    assert_eq!(verdict(&typed(Some(""), &claims())), MALFORMED);
}

#[test]
fn case_07_a_logout_token_is_refused() {
    assert_eq!(verdict(&typed(Some("logout+jwt"), &claims())), MALFORMED);
}

#[test]
fn case_08_an_id_token_is_refused() {
    let id_token = super::forge::claims();
    assert_eq!(verdict(&typed(None, &id_token)), MALFORMED);
    assert_eq!(verdict(&typed(Some("at+jwt"), &id_token)), wrong("aud"));
    let for_us = super::forge::with("aud", json!(API));
    assert_eq!(verdict(&typed(Some("at+jwt"), &for_us)), wrong("jti"));
}

#[test]
fn case_09_another_audience_is_refused() {
    for audience in [json!("https://other.example"), json!(["https://other.example"]), json!([])] {
        assert_eq!(judge(&with("aud", audience.clone())), wrong("aud"), "{audience}");
    }
}

#[test]
fn case_10_a_token_without_an_audience_is_refused() {
    assert_eq!(judge(&without("aud")), wrong("aud"));
    assert_eq!(judge(&with("aud", Value::Null)), wrong("aud"));
}

#[test]
fn case_11_an_audience_that_begins_like_ours_or_ours_begins_like_it_is_refused() {
    for audience in ["https://api.exampl", "https://api.example/", "https://api.example.evil", "https://", ""]
    {
        assert_eq!(judge(&with("aud", json!(audience))), wrong("aud"), "{audience}");
    }
}

#[test]
fn case_12_another_issuer_is_refused() {
    for issuer in [
        json!("https://evil.example/oidc"),
        json!("https://op.example/oidc/"),
        json!("https://OP.example/oidc"),
    ] {
        assert_eq!(judge(&with("iss", issuer.clone())), wrong("iss"), "{issuer}");
    }
    assert_eq!(judge(&without("iss")), wrong("iss"));
}

#[test]
fn case_13_an_expired_token_is_refused() {
    let now = NOW.as_secs();
    assert_eq!(judge(&with("exp", json!(now - 59))), Ok(()), "clocks differ");
    for exp in [now - 60, now - 120, 0] {
        assert_eq!(judge(&with("exp", json!(exp))), wrong("exp"), "{exp}");
    }
}

#[test]
fn case_14_a_token_without_an_expiry_is_refused() {
    assert_eq!(judge(&without("exp")), wrong("exp"));
}

#[test]
fn case_15_a_token_that_is_not_good_yet_is_refused() {
    let now = NOW.as_secs();
    assert_eq!(judge(&with("nbf", json!(now + 60))), Ok(()), "clocks differ");
    assert_eq!(judge(&with("nbf", json!(now + 61))), wrong("nbf"));
}

#[test]
fn case_16_an_unsigned_token_is_refused() {
    for alg in ["none", "None", "HS256", "RS384"] {
        let header = json!({"alg": alg, "typ": "at+jwt"}).to_string();
        let token = format!("{}.{}.", b64(header), b64(claims().to_string()));
        assert_eq!(verdict(&token), Err((VerifyErrorKind::Algorithm, None)), "{alg}");
    }
}

#[test]
fn case_17_a_token_without_a_subject_is_refused() {
    assert_eq!(judge(&without("sub")), wrong("sub"));
    assert_eq!(judge(&with("sub", json!(""))), wrong("sub"));
}

#[test]
fn case_18_a_token_without_a_client_is_refused() {
    assert_eq!(judge(&without("client_id")), wrong("client_id"));
    assert_eq!(judge(&with("client_id", json!(""))), wrong("client_id"));
}

#[test]
fn case_19_a_token_without_an_id_is_refused() {
    assert_eq!(judge(&without("jti")), wrong("jti"));
    assert_eq!(judge(&with("jti", json!(""))), wrong("jti"));
}

#[test]
fn case_20_a_scope_that_is_no_string_is_refused() {
    for scope in [json!(["read"]), json!([]), json!({"read": true}), json!(7), Value::Null] {
        assert_eq!(judge(&with("scope", scope.clone())), wrong("scope"), "{scope}");
    }
}

#[test]
fn every_algorithm_is_accepted_unless_it_is_left_out() {
    for algorithm in Algorithm::ALL {
        let token = signed_by(algorithm, Some("at+jwt"), &claims());
        assert_eq!(verdict(&token), Ok(()), "{algorithm:?}");
        let only = rules().algorithms(&[Algorithm::Es384]).verify(&token, &keys(), NOW);
        assert_eq!(only.is_ok(), algorithm == Algorithm::Es384);
    }
}

#[test]
fn a_wrong_form_of_a_claim_is_refused_by_name() {
    let now = NOW.as_secs();
    for (claim, value) in [
        ("iss", json!([ISSUER])),
        ("aud", json!([API, 1])),
        ("aud", json!({"0": API})),
        ("exp", json!((now + 3600).to_string())),
        ("exp", json!(1e300)),
        ("exp", json!(-1)),
        ("iat", json!(now + 61)),
        ("iat", Value::Null),
        ("nbf", json!("0")),
        ("sub", json!(7)),
        ("sub", json!("s".repeat(256))),
        ("client_id", json!([CLIENT])),
        ("client_id", json!("c".repeat(256))),
        ("jti", json!(7)),
        ("jti", json!("j".repeat(256))),
        ("organization_id", json!("")),
        ("organization_id", json!(["acme"])),
        ("organization_id", Value::Null),
        ("act", json!("u2")),
        ("act", Value::Null),
        ("sub", json!("")),
    ] {
        assert_eq!(judge(&with(claim, value.clone())), wrong(claim), "{claim} {value}");
    }
    assert_eq!(judge(&without("iat")), wrong("iat"));
    for actor in [json!({}), json!({"sub": ""}), json!({"sub": 7})] {
        assert_eq!(judge(&with("act", actor.clone())), wrong("sub"), "{actor}");
    }
}

/// The claims of each kind of token that a server was seen to issue.
#[test]
fn the_tokens_that_logto_issues_are_accepted_and_read() {
    let organization = "urn:logto:organization:xuqe0ahi3vn6";
    let read = |audience: &str, claims: &Value| {
        let token = typed(Some("at+jwt"), claims);
        AccessTokenRules::new(ISSUER, audience).verify(&token, &keys(), NOW).unwrap()
    };

    let global = read(API, &claims());
    assert_eq!((global.sub(), global.client_id(), global.jti()), ("u1", CLIENT, Some("j1")));
    assert_eq!(global.scopes().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!(global.audience().collect::<Vec<_>>(), [API]);
    assert_eq!((global.issued_at(), global.expires_at()), (NOW.as_secs() - 10, NOW.as_secs() + 3600));
    assert_eq!((global.organization_id(), global.act(), global.is_machine()), (None, None, false));
    assert!(global.has_scope("read") && !global.has_scope("rea") && !global.has_scope("read write"));

    let without_permissions = read(API, &with("scope", json!("")));
    assert_eq!(without_permissions.scopes().count(), 0);
    assert!(!without_permissions.has_scope(""));

    let mut machine = without("scope");
    machine["sub"] = json!(CLIENT);
    let machine = read(API, &machine);
    assert!(machine.is_machine() && machine.scopes().count() == 0);

    let in_organization = read(organization, &with("aud", json!(organization)));
    assert_eq!(in_organization.organization_id(), Some("xuqe0ahi3vn6"));

    let api_in_organization = read(API, &with("organization_id", json!("xuqe0ahi3vn6")));
    assert_eq!(api_in_organization.organization_id(), Some("xuqe0ahi3vn6"));

    let organizations = "urn:logto:resource:organizations";
    assert_eq!(read(organizations, &with("aud", json!(organizations))).organization_id(), None);

    let impersonated = read(API, &with("act", json!({"sub": "support"})));
    assert_eq!((impersonated.sub(), impersonated.act()), ("u1", Some("support")));

    let custom = read(API, &with("role_names", json!(["x-user"])));
    assert_eq!(custom.claims()["role_names"], json!(["x-user"]));
}

#[test]
fn the_default_tolerance_is_one_minute_and_can_be_chosen() {
    let token = typed(Some("at+jwt"), &with("exp", json!(NOW.as_secs() - 61)));
    assert!(rules().verify(&token, &keys(), NOW).is_err());
    assert!(rules().clock_tolerance(Duration::from_secs(62)).verify(&token, &keys(), NOW).is_ok());
}

#[test]
fn only_the_providers_keys_are_accepted() {
    let header = json!({"alg": "ES384", "kid": "other", "typ": "at+jwt"}).to_string();
    let foreign =
        signed(signer(Algorithm::Es384), Algorithm::Es384, &header, claims().to_string().as_bytes());
    assert_eq!(verdict(&foreign), Err((VerifyErrorKind::UnknownKey, None)));
    let header = json!({"alg": "ES256", "kid": "ES256", "typ": "at+jwt"}).to_string();
    let other = signed(signer(Algorithm::Es384), Algorithm::Es384, &header, claims().to_string().as_bytes());
    assert_eq!(verdict(&other), Err((VerifyErrorKind::Signature, None)));
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    let payload = format!("{{\"scope\":\"admin\",{}", claims().to_string().strip_prefix('{').unwrap());
    let header = json!({"alg": "ES384", "kid": "ES384", "typ": "at+jwt"}).to_string();
    assert_eq!(
        verdict(&signed(signer(Algorithm::Es384), Algorithm::Es384, &header, payload.as_bytes())),
        MALFORMED
    );
}

#[test]
fn an_access_token_passes_for_no_other_kind_of_token() {
    for audience in [json!(CLIENT), json!([API, CLIENT])] {
        let token = typed(Some("at+jwt"), &with("aud", audience));
        assert!(super::forge::rules().verify(&token, &keys(), NOW).is_err());
    }
}

#[test]
fn neither_debug_nor_an_error_shows_a_value() {
    for claim in ["sub", "client_id", "jti", "scope", "organization_id", "custom"] {
        let verified = verify(&typed(Some("at+jwt"), &with(claim, json!("canary")))).unwrap();
        assert!(!format!("{verified:?}").contains("canary"));
    }
    for claim in ["sub", "client_id", "jti", "scope", "organization_id", "act"] {
        let error = verify(&typed(Some("at+jwt"), &with(claim, json!(["canary"])))).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("canary"));
    }
}

#[test]
fn the_key_that_signed_is_known_and_told_apart_by_name_and_algorithm() {
    let public = |algorithm, members: Value| jwk(signer(algorithm), &members);
    let used = verify(&typed(Some("at+jwt"), &claims())).unwrap().key().unwrap();
    assert!(keys().holds(used));
    assert!(set(&[public(Algorithm::Es384, json!({"kid": "ES384", "alg": "ES384"}))]).holds(used));
    for other in [
        set(&[]),
        set(&[public(Algorithm::Es384, json!({}))]),
        set(&[public(Algorithm::Es384, json!({"kid": "other"}))]),
        set(&[public(Algorithm::Es256, json!({"kid": "ES384"}))]),
    ] {
        assert!(!other.holds(used), "{other:?}");
    }
    let rsa = verify(&signed_by(Algorithm::Rs256, Some("at+jwt"), &claims())).unwrap().key().unwrap();
    assert!(set(&[public(Algorithm::Rs256, json!({"kid": "RS256", "alg": "RS256"}))]).holds(rsa));
    assert!(!set(&[public(Algorithm::Rs256, json!({"kid": "RS256", "alg": "PS256"}))]).holds(rsa));
}
