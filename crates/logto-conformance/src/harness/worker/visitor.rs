//! The session of the application: it lives in a cookie, so that every process can serve every visitor.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_storage_core::{MemoryStorage, Storage, keys};
use std::{collections::BTreeMap, convert::Infallible};

const COOKIE: &str = "visitor";

/// A visitor's items, as their cookie brought them.
pub(super) struct Visitor {
    /// The items as they are now.
    pub(super) items: MemoryStorage,
    before: BTreeMap<String, String>,
}

impl Visitor {
    async fn of(headers: &HeaderMap) -> Self {
        let before: BTreeMap<String, String> = cookie(headers)
            .and_then(|value| URL_SAFE_NO_PAD.decode(value).ok())
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        let items = MemoryStorage::new();
        for (key, value) in &before {
            drop(Storage::set(&items, key, value).await);
        }
        Self { items, before }
    }

    /// The answer with the visitor's items, where they have changed.
    pub(super) async fn keep(self, mut response: Response) -> Response {
        let mut after = BTreeMap::new();
        for key in keys::ALL {
            if let Ok(Some(value)) = Storage::get(&self.items, key).await {
                after.insert(key.to_owned(), value);
            }
        }
        if after != self.before {
            let cookie = match after.is_empty() {
                true => format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"),
                false => {
                    let value = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&after).unwrap_or_default());
                    format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax")
                }
            };
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE).then_some(value))
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers).await)
    }
}
