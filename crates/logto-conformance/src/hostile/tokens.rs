//! Tokens, keys, and the header that carries a token.

use super::scene::{API, APP, ENDPOINT, ISSUER, JWKS, NOW, choice, client, config, member, now, play, sign};
use logto_client::{
    AccessTokenVerifier, ApiConfig, MemoryTokenStore,
    verify::{
        AccessTokenRules, Algorithm, IdTokenRules, JwkSet, LogoutTokenRules, decode_claims, verify_jws,
    },
    web::{Challenge, bearer, logout_token as form},
};
use std::{
    hint::black_box,
    sync::{Arc, LazyLock},
};

static KEYS: LazyLock<JwkSet> =
    LazyLock::new(|| JwkSet::parse(&JWKS).unwrap_or_else(|error| panic!("the keys: {error}")));

/// A token as it came, or claims under a good signature.
fn token(input: &[u8], typ: &str) -> String {
    match choice(input) {
        (b's', claims) => sign(typ, claims),
        _ => String::from_utf8_lossy(input).into_owned(),
    }
}

/// ID tokens and access tokens.
pub(super) fn jwt(input: &[u8]) -> bool {
    let token = &token(input, "at+jwt")[..];
    drop(decode_claims(token));
    let access = AccessTokenRules::new(ISSUER, API).verify(token, &KEYS, now());
    if let Ok(info) = &access {
        assert!(!info.sub().is_empty() && info.sub().len() <= 255, "an access token of nobody");
        black_box(info.scopes().count());
    }
    let token = &self::token(input, "JWT")[..];
    let id = IdTokenRules::new(ISSUER, APP).verify(token, &KEYS, now());
    if let Ok(verified) = &id {
        let claims = verified.claims();
        assert!(member(claims, "iss") == ISSUER && !verified.sub().is_empty(), "an ID token of nobody");
        let exp = claims.get("exp").and_then(serde_json::Value::as_f64).unwrap_or_default();
        assert!(exp > NOW as f64 - 300.0, "an ID token that is over");
        assert!(IdTokenRules::new(ISSUER, "other").verify(token, &KEYS, now()).is_err(), "of two clients");
    }
    assert!(
        verify_jws(token, &JwkSet::default(), &Algorithm::ALL).is_err(),
        "a token that no key has signed"
    );
    access.is_ok() || id.is_ok()
}

/// The provider's keys.
pub(super) fn jwks(input: &[u8]) -> bool {
    static TOKEN: LazyLock<String> = LazyLock::new(|| sign("JWT", b"{}"));
    let Ok(set) = JwkSet::parse(input) else { return false };
    assert!(set.len() <= 100, "more keys than there may be");
    black_box((format!("{set:?}"), set.contains_kid("k")));
    let verifies = verify_jws(&TOKEN, &set, &Algorithm::ALL).is_ok();
    assert!(!verifies || !set.is_empty(), "a signature without a key");
    verifies
}

/// Logout tokens, in the form that the provider sends.
pub(super) fn logout_token(input: &[u8]) -> bool {
    static CLIENT: LazyLock<logto_client::LogtoClient> =
        LazyLock::new(|| client(config(Default::default()).token_store(Arc::new(MemoryTokenStore::new()))));
    let token = match choice(input) {
        (b's', claims) => sign("logout+jwt", claims),
        _ => match form(input) {
            Ok(token) => token,
            Err(_) => return false,
        },
    };
    let verified = LogoutTokenRules::new(ISSUER, APP).verify(&token, &KEYS, now());
    if let Ok(token) = &verified {
        assert!(!token.jti().is_empty() && token.sub().or(token.sid()).is_some(), "a logout of nobody");
        assert!(token.expires_at() <= NOW + 300 + 600, "a logout that is remembered for too long");
    }
    let handled = play(CLIENT.handle_back_channel_logout(&token));
    assert_eq!(handled.is_ok(), verified.is_ok(), "the client and its rules differ");
    handled.is_ok()
}

/// Up to three headers, the query and the form, one a line.
pub(super) fn bearer_header(input: &[u8]) -> bool {
    static API_VERIFIER: LazyLock<AccessTokenVerifier> = LazyLock::new(|| {
        let config =
            ApiConfig::new(ENDPOINT).audience(API).transport(Arc::new(super::scene::Script::default()));
        AccessTokenVerifier::new(config).unwrap_or_else(|error| panic!("the verifier: {error}"))
    });
    let mut lines = input.split(|&byte| byte == b'\n');
    let (number, first) = choice(lines.next().unwrap_or_default());
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let body = lines.next();
    let headers: Vec<&[u8]> = std::iter::once(first).chain(lines).take(usize::from(number % 4)).collect();
    let found = bearer(headers.iter().copied(), query, body);
    let taken = found.is_ok();
    match found {
        Ok(token) => {
            assert!(headers.len() == 1, "a token out of several headers");
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            assert!(!token.is_empty() && token.bytes().all(legal), "what cannot be a token");
            let whole = headers.iter().any(|header| {
                header.ends_with(token.as_bytes()) || header.trim_ascii().ends_with(token.as_bytes())
            });
            assert!(whole, "a token that is not in the header");
        }
        Err(error) => {
            let answer = Challenge::default().realm("a\"b\r\nc").answer(&error);
            assert!(matches!(answer.status, 400 | 401), "{}", answer.status);
            let header = answer.www_authenticate.unwrap_or_default();
            assert!(
                header.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
                "a header that breaks: {header:?}"
            );
        }
    }
    assert_eq!(
        API_VERIFIER.bearer(headers, query, body).is_ok(),
        taken,
        "the verifier and its parser differ"
    );
    taken
}
