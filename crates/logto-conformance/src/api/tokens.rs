//! Access tokens of an issuer that the suite is itself, right ones and wrong ones.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_client::{Request, Response, Transport, TransportError};
use serde_json::{Map, Value, json};
use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

pub(crate) const ENDPOINT: &str = "https://op.example";
pub(crate) const ISSUER: &str = "https://op.example/oidc";
pub(crate) const API: &str = "https://api.example.test";

static KEY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key"));

/// Publishes the issuer's metadata and key.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) is_away: AtomicBool,
}

#[async_trait::async_trait]
impl Transport for Published {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(TransportError::new("away"));
        }
        let body = match request.url.path() {
            "/oidc/jwks" => json!({"keys": [jwk(&KEY, "key")]}),
            _ => json!({
                "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks"),
                "authorization_endpoint": format!("{ISSUER}/auth"), "token_endpoint": format!("{ISSUER}/token"),
            }),
        };
        Ok(Response {
            status: 200,
            content_type: Some("application/json".to_owned()),
            cache_control: None,
            retry_after: None,
            body: body.to_string().into_bytes(),
        })
    }
}

/// A token to be changed and signed.
pub(crate) struct Token {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl Token {
    /// As Logto issues them.
    pub(crate) fn good() -> Self {
        let now = now();
        let header = json!({"alg": "ES384", "typ": "at+jwt", "kid": "key"});
        let claims = json!({
            "iss": ISSUER, "aud": API, "sub": "person", "client_id": "app", "jti": "id",
            "scope": "read:orders write:x", "iat": now, "exp": now + 3600,
        });
        Self { header: object(header), claims: object(claims) }
    }

    pub(crate) fn typ(mut self, typ: &str) -> Self {
        self.header.insert("typ".to_owned(), typ.into());
        self
    }

    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    pub(crate) fn signed(self) -> String {
        signed(&KEY, &self.header, &self.claims)
    }

    pub(crate) fn unsigned(mut self) -> String {
        self.header.insert("alg".to_owned(), "none".into());
        format!("{}.", input(&self.header, &self.claims))
    }
}

/// A public key on P-384, under this name.
pub(crate) fn jwk(key: &EcdsaKeyPair, kid: &str) -> Value {
    // An uncompressed point: one byte, then both coordinates of 48 bytes.
    let point = key.public_key().as_ref();
    json!({
        "kty": "EC", "crv": "P-384", "alg": "ES384", "use": "sig", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(&point[1..49]), "y": URL_SAFE_NO_PAD.encode(&point[49..]),
    })
}

/// A token by this key.
pub(crate) fn signed(key: &EcdsaKeyPair, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let input = input(header, claims);
    let signature = key.sign(&SystemRandom::new(), input.as_bytes()).expect("a signature");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What is signed.
pub(crate) fn input(header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let part = |part: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::from(part.clone()).to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The members of an object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}
