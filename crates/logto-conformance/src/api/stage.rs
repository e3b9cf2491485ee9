//! An application that listens, and requests to it.

use super::{
    Application,
    tokens::{API, ENDPOINT, Published},
};
use crate::servers::listener;
use logto_client::{AccessTokenVerifier, ApiConfig};
use reqwest::Method;
use serde_json::Value;
use std::sync::Arc;

/// What the API calls itself; it would end its quotes and the header.
pub(crate) const REALM: &str = "an \"API\"\r\nX-Evil: 1";
pub(crate) const METADATA: &str = "https://api.example.test/.well-known/oauth-protected-resource";

pub(crate) struct Stage {
    base: String,
    pub(crate) provider: Arc<Published>,
    http: reqwest::Client,
    _running: Box<dyn Send>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenge: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

impl Stage {
    /// With the suite as issuer.
    pub(crate) async fn set<A: Application>() -> Self {
        let provider = Arc::new(Published::default());
        let config = ApiConfig::new(ENDPOINT).transport(Arc::<Published>::clone(&provider));
        Self::over::<A>(config, provider).await
    }

    /// With tokens of this endpoint.
    pub(crate) async fn at<A: Application>(endpoint: String) -> Self {
        Self::over::<A>(ApiConfig::new(endpoint), Arc::default()).await
    }

    async fn over<A: Application>(config: ApiConfig, provider: Arc<Published>) -> Self {
        let config = config.audience(API).realm(REALM).resource_metadata(METADATA);
        let verifier = AccessTokenVerifier::new(config).expect("a configuration");
        let (listener, address) = listener();
        let base = format!("http://{address}");
        let _running = A::serve(listener, verifier).await;
        Self { base, provider, http: reqwest::Client::new(), _running }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET, with this token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, &[("authorization", &format!("Bearer {token}"))], None).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = self.http.request(method, self.url(path));
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let challenge = headers
            .get("www-authenticate")
            .map(|value| value.to_str().expect("a header of visible characters").to_owned());
        let body = String::from_utf8(answer.bytes().await.expect("a body").to_vec()).expect("text");
        Answer { status, challenge, headers, body }
    }
}
