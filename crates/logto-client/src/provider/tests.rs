//! A provider that renews its keys.

use super::Provider;
use crate::{
    ErrorKind, ManualClock, Request, Response, Transport, TransportError,
    connection::{Connection, ConnectionConfig},
    verify::{Algorithm, tests::forge},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Answers metadata, and keys of which the first set lacks the second key.
#[derive(Debug, Default)]
struct Renewing {
    key_requests: AtomicUsize,
}

#[async_trait::async_trait]
impl Transport for Renewing {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let at = |path: &str| format!("{}{path}", forge::ISSUER);
        let key = |algorithm: Algorithm| {
            forge::jwk(forge::signer(algorithm), &json!({"kid": algorithm.name(), "use": "sig"}))
        };
        let body = if request.url.path() == "/oidc/jwks" {
            match self.key_requests.fetch_add(1, Ordering::SeqCst) {
                0 => json!({"keys": [key(Algorithm::Es384)]}),
                _ => json!({"keys": [key(Algorithm::Es256), key(Algorithm::Es384)]}),
            }
        } else {
            json!({
                "issuer": forge::ISSUER, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
                "jwks_uri": at("/jwks"),
            })
        };
        Ok(Response {
            status: 200,
            content_type: Some("application/json".to_owned()),
            cache_control: Some("public, max-age=86400".to_owned()),
            retry_after: None,
            body: body.to_string().into_bytes(),
        })
    }
}

fn provider() -> (Provider, Arc<Renewing>) {
    provider_at(ManualClock::at(forge::NOW))
}

fn provider_at(clock: ManualClock) -> (Provider, Arc<Renewing>) {
    let transport = Arc::new(Renewing::default());
    let mut config = ConnectionConfig::new("https://op.example", Duration::from_secs(300));
    config.clock = Arc::new(clock);
    config.transport = Some(Arc::<Renewing>::clone(&transport));
    (Provider::new(Arc::new(Connection::new(config).unwrap())), transport)
}

fn logout_token(algorithm: Algorithm, typ: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": algorithm.name(), "kid": algorithm.name()});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    forge::signed(forge::signer(algorithm), algorithm, &header.to_string(), claims.to_string().as_bytes())
}

fn claims() -> Value {
    json!({
        "iss": forge::ISSUER, "aud": forge::CLIENT, "sub": "u1", "jti": "j1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        "iat": forge::NOW.as_secs(), "exp": forge::NOW.as_secs() + 120,
    })
}

#[tokio::test]
async fn keys_are_fetched_anew_after_five_minutes_however_long_they_may_be_kept() {
    let clock = ManualClock::at(forge::NOW);
    let (provider, transport) = provider_at(clock.clone());
    for (wait, fetches) in [(0, 1), (299, 1), (1, 2), (299, 2), (1, 3)] {
        clock.advance(Duration::from_secs(wait));
        provider.keys().await.unwrap();
        assert_eq!(transport.key_requests.load(Ordering::SeqCst), fetches, "{wait}");
    }
}

#[tokio::test]
async fn a_logout_token_by_a_new_key_makes_the_keys_be_fetched_anew() {
    let (provider, transport) = provider();
    let known = logout_token(Algorithm::Es384, Some("logout+jwt"), &claims());
    assert_eq!(provider.verify_logout_token(forge::CLIENT, &known, true).await.unwrap().sub(), Some("u1"));
    assert_eq!(transport.key_requests.load(Ordering::SeqCst), 1);
    let renewed = logout_token(Algorithm::Es256, Some("logout+jwt"), &claims());
    assert_eq!(provider.verify_logout_token(forge::CLIENT, &renewed, true).await.unwrap().jti(), "j1");
    assert_eq!(transport.key_requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn logout_tokens_by_unknown_keys_make_no_storm_of_requests() {
    let (provider, transport) = provider();
    for _ in 0..100 {
        let unknown = logout_token(Algorithm::EdDsa, None, &claims());
        let error = provider.verify_logout_token(forge::CLIENT, &unknown, false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken);
    }
    assert_eq!(transport.key_requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_logout_token_without_a_type_is_refused_only_by_the_strict_check() {
    let (provider, _) = provider();
    let untyped = logout_token(Algorithm::Es384, None, &claims());
    assert!(provider.verify_logout_token(forge::CLIENT, &untyped, false).await.is_ok());
    let error = provider.verify_logout_token(forge::CLIENT, &untyped, true).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidToken, None));
    assert_eq!(error.to_string(), "the logout token is refused: does not say its type");
}
