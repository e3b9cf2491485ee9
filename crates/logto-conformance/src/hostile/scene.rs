//! What the targets play on: a provider that is a script, a key, a clock that stands still.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_client::{
    LogtoClient, LogtoConfig, MachineClient, MachineConfig, ManualClock, Request, Response, Transport,
    TransportError,
};
use serde_json::{Value, json};
use std::{
    future::Future,
    net::IpAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};
use url::{Host, Url};

pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const ENDPOINT: &str = "https://logto.example";
pub(super) const ISSUER: &str = "https://logto.example/oidc";
pub(super) const APP: &str = "app";
pub(super) const BASE: &str = "https://app.example";
pub(super) const CALLBACK: &str = "https://app.example/logto/sign-in-callback";
pub(super) const API: &str = "https://api.example";

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap_or_else(|error| panic!("the key: {error}"))
});

/// The provider's keys.
pub(super) static JWKS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let x = URL_SAFE_NO_PAD.encode(KEY.public_key().as_ref());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "x": x}]})
        .to_string()
        .into_bytes()
});

static METADATA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let at = |path: &str| format!("{ISSUER}/{path}");
    json!({
        "issuer": ISSUER, "authorization_endpoint": at("auth"), "token_endpoint": at("token"),
        "userinfo_endpoint": at("me"), "end_session_endpoint": at("session/end"),
        "revocation_endpoint": at("token/revocation"), "jwks_uri": at("jwks"),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
    .to_string()
    .into_bytes()
});

/// An ID token of alice's.
pub(super) static ID_TOKEN: LazyLock<String> = LazyLock::new(|| {
    let claims = json!({
        "iss": ISSUER, "aud": APP, "sub": "alice", "iat": NOW, "exp": NOW + 3600, "nonce": "n",
        "organizations": ["acme"],
    });
    sign("JWT", claims.to_string().as_bytes())
});

/// A token with this payload, signed by the provider's key.
pub(super) fn sign(typ: &str, payload: &[u8]) -> String {
    let header = json!({"alg": "EdDSA", "kid": "k", "typ": typ}).to_string();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = KEY.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(super) fn now() -> Duration {
    Duration::from_secs(NOW)
}

/// What the script says otherwise than a good provider would.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// The end of an address, and what is answered there.
    pub(super) at: &'static str,
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

#[async_trait::async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        assert!(is_safe(&request.url), "a request goes out in the clear: {}", request.url);
        let path = request.url.path();
        let answer = |status, retry_after: Option<String>, body: &[u8]| Response {
            status,
            content_type: Some("application/json".to_owned()),
            cache_control: None,
            retry_after,
            body: body.to_vec(),
        };
        if !self.at.is_empty() && path.ends_with(self.at) {
            return Ok(answer(self.status, self.retry_after.clone(), &self.body));
        }
        Ok(match path.rsplit('/').next().unwrap_or_default() {
            "openid-configuration" => answer(200, None, &METADATA),
            "jwks" => answer(200, None, &JWKS),
            "token" => answer(200, None, TOKEN_ANSWER),
            "me" => answer(200, None, br#"{"sub":"alice"}"#),
            _ => answer(204, None, b""),
        })
    }
}

const TOKEN_ANSWER: &[u8] =
    br#"{"access_token":"t","token_type":"Bearer","expires_in":3600,"refresh_token":"r2","scope":"openid"}"#;

/// Whether secrets may travel to this address.
pub(super) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && loopback
}

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(now()))
}

pub(super) fn config(script: Script) -> LogtoConfig {
    LogtoConfig::new(ENDPOINT, APP)
        .app_secret("secret")
        .base_url(BASE)
        .resources([API])
        .clock(clock())
        .transport(Arc::new(script))
}

pub(super) fn client(config: LogtoConfig) -> LogtoClient {
    LogtoClient::new(config).unwrap_or_else(|error| panic!("the client: {error}"))
}

pub(super) fn machine(script: Script) -> MachineClient {
    let config = MachineConfig::new(ENDPOINT, "machine", "secret").clock(clock()).transport(Arc::new(script));
    MachineClient::new(config).unwrap_or_else(|error| panic!("the machine: {error}"))
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build()
        .unwrap_or_else(|error| panic!("the runtime: {error}"));
}

/// Runs it, and what it has started beside.
pub(super) fn play<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// The first byte chooses, the rest is the input.
pub(super) fn choice(input: &[u8]) -> (u8, &[u8]) {
    input.split_first().map_or((0, input), |(first, rest)| (*first, rest))
}

/// A member of a JSON object.
pub(super) fn member<'a>(object: &'a serde_json::Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
