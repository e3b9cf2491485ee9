//! An API under test, with tokens of the local Logto.

use super::{
    Binding,
    forge::{changed, now, object},
};
use crate::{
    flow::{Browser, Page},
    servers::listener,
};
use logto_client::ApiConfig;
use logto_emulator::Emulator;
use reqwest::Method;
use serde_json::{Map, Value, json};

pub(super) const API: &str = "https://api.example.test";
const ROUTES: [&str; 2] = ["/orders", "/signed/orders"];

pub(super) struct Api {
    base: String,
    issuer: String,
    browser: Browser,
    _running: Box<dyn Send>,
}

impl Api {
    /// With tokens of this provider.
    pub(super) async fn set<B: Binding>(emulator: &Emulator) -> Self {
        let (listener, address) = listener();
        let base = format!("http://{address}");
        let config = ApiConfig::new(emulator.endpoint()).audience(API);
        let running = B::serve_api(listener, config).await;
        Self { base, issuer: emulator.issuer(), browser: Browser::new(), _running: running }
    }

    /// Claims of a token for this API as the provider issues them, with these changes.
    pub(super) fn claims(&self, changes: Value) -> Map<String, Value> {
        let now = now();
        let claims = json!({
            "iss": self.issuer, "aud": API, "sub": "person", "client_id": "app", "jti": "id",
            "scope": "read:orders", "iat": now, "exp": now + 3600,
        });
        changed(&object(claims), changes)
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Page {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str())];
        self.browser.request(Method::GET, format!("{}{path}", self.base), &headers).await
    }

    /// What is answered to this token, by all routes alike.
    pub(super) async fn answer(&self, token: &str) -> Page {
        let [one, other] = [self.get(ROUTES[0], token).await, self.get(ROUTES[1], token).await];
        assert_eq!((one.status, &one.body), (other.status, &other.body), "the routes differ");
        one
    }
}
