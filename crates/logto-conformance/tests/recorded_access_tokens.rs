//! Access tokens of a real Logto, where its recordings are beside the project.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_client::{
    Access, AccessErrorKind, AccessTokenVerifier, ApiConfig, ManualClock, Request, Response, Transport,
    TransportError,
};
use logto_conformance::servers;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, sync::Arc, time::Duration};

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/logto");
const METADATA: &str = "/oidc/.well-known/openid-configuration";
const KEYS: &str = "/oidc/jwks";
const URN: &str = "urn:logto:organization:";

/// What one test needs of the recordings.
struct Recordings {
    metadata: Value,
    keys: Value,
    tokens: BTreeSet<String>,
}

impl Recordings {
    fn read(folder: &Path) -> Self {
        let mut recordings = Self { metadata: Value::Null, keys: Value::Null, tokens: BTreeSet::new() };
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
                file["exchanges"].as_array().into_iter().flatten().for_each(|it| recordings.add(it));
            }
        }
        recordings
    }

    fn add(&mut self, exchange: &Value) {
        let body = match &exchange["response"]["body"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
            body => body.clone(),
        };
        let url = exchange["request"]["url"].as_str().unwrap_or_default();
        if url.ends_with(METADATA) {
            self.metadata = body;
        } else if url.ends_with(KEYS) {
            self.keys = body;
        } else if let Some(token) = body["access_token"].as_str().filter(|it| it.contains('.')) {
            self.tokens.insert(token.to_owned());
        }
    }
}

/// The recorded server's metadata and keys.
#[derive(Debug)]
struct Recorded([(&'static str, Vec<u8>); 2]);

#[async_trait::async_trait]
impl Transport for Recorded {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let found = self.0.iter().find(|(path, _)| *path == request.url.path());
        let (_, body) = found.ok_or_else(|| TransportError::new("nothing else is asked for"))?;
        let content_type = Some("application/json".to_owned());
        Ok(Response { status: 200, content_type, cache_control: None, retry_after: None, body: body.clone() })
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn every_recorded_access_token_passes_for_its_own_model_and_for_no_other() {
    use AccessErrorKind::{InsufficientScope, InvalidToken};
    let folder = Path::new(RECORDINGS);
    if !folder.is_dir() {
        servers::note_skip(
            "every_recorded_access_token_passes_for_its_own_model_and_for_no_other",
            "recordings",
        );
        return;
    }
    let recordings = Recordings::read(folder);
    let endpoint = recordings.metadata["issuer"].as_str().unwrap().strip_suffix("/oidc").unwrap();
    let mut models = [0; 3];
    for token in &recordings.tokens {
        let claims = claims(token);
        let text = |name: &str| claims[name].as_str();
        let audience = text("aud").unwrap();
        let clock = ManualClock::at(Duration::from_secs(claims["iat"].as_u64().unwrap()));
        let provider = [(METADATA, &recordings.metadata), (KEYS, &recordings.keys)]
            .map(|(path, body)| (path, body.to_string()));
        let config = ApiConfig::new(endpoint)
            .audience(if audience.starts_with(URN) { "https://api.example.test" } else { audience })
            .clock(Arc::new(clock.clone()))
            .transport(Arc::new(Recorded(provider.map(|(path, body)| (path, body.into_bytes())))));
        let verifier = AccessTokenVerifier::new(config).unwrap();
        let id = audience.strip_prefix(URN).or(text("organization_id")).unwrap_or("another");
        let (model, expected) = match (audience.starts_with(URN), text("organization_id")) {
            (true, _) => (1, [Some(InvalidToken), None, Some(InvalidToken)]),
            (false, Some(_)) => (2, [Some(InsufficientScope), Some(InvalidToken), None]),
            (false, None) => (0, [None, Some(InvalidToken), Some(InsufficientScope)]),
        };
        models[model] += 1;
        let accesses = [Access::api(), Access::organization(id), Access::organization_api(id)];
        for (access, expected) in accesses.iter().zip(expected) {
            let refusal = verifier.verify(token, access).await.err().map(|error| error.kind());
            assert_eq!(refusal, expected, "{claims}: {access:?}");
        }
        let auth = verifier.verify(token, &accesses[model]).await.unwrap();
        assert_eq!(Some(auth.sub()), text("sub"));
        assert_eq!(Some(auth.client_id()), text("client_id"));
        assert_eq!(auth.is_machine(), text("sub") == text("client_id"));
        assert_eq!(auth.scopes().collect::<Vec<_>>().join(" "), text("scope").unwrap_or_default());
        let more = accesses[model].clone().scopes(["canary"]);
        assert_eq!(verifier.verify(token, &more).await.unwrap_err().kind(), InsufficientScope);
        clock.advance(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(verifier.verify(token, &accesses[model]).await.unwrap_err().kind(), InvalidToken);
    }
    assert!(models.iter().all(|&seen| seen > 0), "{models:?}");
}
