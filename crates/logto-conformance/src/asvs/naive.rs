//! What a naive application overlooks: tokens are made good, in this one respect, before they are verified.

use super::{
    api::API,
    forge::{Claims, by_stranger, claims_of, header_of, jwk, now},
    receivers::Receiver,
};
use logto_client::{Request, Response, Transport, TransportError};
use reqwest::{Client, header, redirect::Policy};
use serde_json::{Map, Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The name of the key that it signs by; tokens of strangers name others.
const NAIVE: &str = "naive";

/// What of a token, or of the provider's metadata, nobody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlooked {
    /// Everything is as it should be.
    Nothing,
    /// The signature.
    Signature,
    /// That the algorithm is none, or a MAC.
    Algorithm,
    /// Whose the key is that a token brings or points to.
    Keys,
    /// `exp`, `nbf` and `iat`.
    Times,
    /// The header's `typ`.
    Type,
    /// `aud`.
    Audience,
    /// `nonce`, and in a logout token also what makes it one.
    Nonce,
    /// `sub`: people are known by their names.
    Subject,
    /// `scope`.
    Scope,
    /// The issuer in the provider's metadata.
    Metadata,
}

/// Stands before a right verifier, which so becomes one that overlooks this, in the tokens of this receiver.
#[derive(Debug)]
pub struct Naive {
    overlooked: Overlooked,
    receiver: Receiver,
    issuer: String,
    http: Client,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    nonce: String,
    access_token: String,
}

impl Naive {
    /// At the provider with this endpoint.
    ///
    /// # Panics
    ///
    /// Where there can be no HTTP client.
    #[must_use]
    pub fn new(overlooked: Overlooked, receiver: Receiver, endpoint: &str) -> Self {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().expect("an HTTP client");
        let issuer = format!("{}/oidc", endpoint.trim_end_matches('/'));
        Self { overlooked, receiver, issuer, http, seen: Mutex::default() }
    }

    /// The nonce of the sign-in that was started last.
    pub fn started(&self, nonce: &str) {
        nonce.clone_into(&mut self.seen().nonce);
    }

    /// The access token that was issued last.
    #[must_use]
    pub fn access_token(&self) -> String {
        self.seen().access_token.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token as it passes for a good one at this receiver, where what is wrong with it is overlooked.
    #[must_use]
    pub fn made_good(&self, receiver: Receiver, token: &str) -> String {
        let (mut header, mut claims) = (header_of(token), claims_of(token));
        if receiver != self.receiver || claims.is_empty() {
            return token.to_owned();
        }
        let alg = header.get("alg").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let brings = ["jwk", "jku", "x5u", "x5c"].iter().any(|name| header.contains_key(*name));
        match self.overlooked {
            Overlooked::Nothing | Overlooked::Metadata => return token.to_owned(),
            Overlooked::Algorithm if alg != "none" && !alg.starts_with("hs") => return token.to_owned(),
            Overlooked::Keys if !brings => return token.to_owned(),
            Overlooked::Signature | Overlooked::Algorithm | Overlooked::Keys => {}
            Overlooked::Times => {
                claims.remove("nbf");
                claims.extend([("iat".to_owned(), now().into()), ("exp".to_owned(), (now() + 60).into())]);
            }
            Overlooked::Type => {}
            Overlooked::Audience => {
                let ours = if receiver == Receiver::Api { API } else { "local-app" };
                claims.insert("aud".to_owned(), ours.into());
                claims.remove("azp");
            }
            Overlooked::Nonce if receiver == Receiver::Logout => {
                claims.remove("nonce");
                let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
                claims.insert("events".to_owned(), event);
            }
            Overlooked::Nonce => drop(claims.insert("nonce".to_owned(), self.seen().nonce.clone().into())),
            Overlooked::Subject => {
                let name = claims.get("email").or(claims.get("username")).cloned();
                claims.extend(name.map(|name| ("sub".to_owned(), name)));
            }
            Overlooked::Scope => drop(claims.insert("scope".to_owned(), "read:orders read:member".into())),
        }
        if self.overlooked == Overlooked::Type {
            header.remove("typ");
        }
        Self::resigned(receiver, &header, &claims)
    }

    /// By the key that this one publishes beside the provider's.
    fn resigned(receiver: Receiver, header: &Claims, claims: &Claims) -> String {
        let mut good = Map::new();
        good.insert("alg".to_owned(), "ES384".into());
        good.insert("kid".to_owned(), NAIVE.into());
        let typ = header.get("typ").cloned().or(receiver.typ().map(Value::from));
        good.extend(typ.map(|typ| ("typ".to_owned(), typ)));
        by_stranger(&good, claims)
    }

    fn bend(&self, path: &str, answer: &mut Map<String, Value>) {
        if path.ends_with("/jwks") {
            if let Some(Value::Array(keys)) = answer.get_mut("keys") {
                keys.push(jwk(NAIVE));
            }
        } else if path.ends_with("/token") {
            let text = |answer: &Map<String, Value>, name| {
                Some(answer.get(name).and_then(Value::as_str)?.to_owned())
            };
            if let Some(token) = text(answer, "access_token") {
                self.seen().access_token = token;
            }
            if let Some(token) = text(answer, "id_token") {
                answer.insert("id_token".to_owned(), self.made_good(Receiver::Callback, &token).into());
            }
        } else if self.overlooked == Overlooked::Metadata {
            answer.insert("issuer".to_owned(), self.issuer.clone().into());
        }
    }

    async fn ask(&self, request: &Request) -> reqwest::Result<Response> {
        let mut asked = match &request.form {
            Some(form) => self
                .http
                .post(request.url.clone())
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose().to_owned()),
            None => self.http.get(request.url.clone()),
        };
        if let Some(authorization) = &request.authorization {
            asked = asked.header(header::AUTHORIZATION, authorization.expose());
        }
        let answer = asked.send().await?;
        let text = |name| {
            answer
                .headers()
                .get(name)
                .and_then(|value: &header::HeaderValue| value.to_str().ok())
                .map(str::to_owned)
        };
        Ok(Response {
            status: answer.status().as_u16(),
            content_type: text(header::CONTENT_TYPE),
            cache_control: text(header::CACHE_CONTROL),
            retry_after: text(header::RETRY_AFTER),
            body: answer.bytes().await?.to_vec(),
        })
    }
}

#[async_trait::async_trait]
impl Transport for Naive {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let answer = self.ask(&request).await;
        let mut answer = answer.map_err(|error| TransportError::new("no answer").with_source(error))?;
        if let Ok(mut members) = serde_json::from_slice::<Map<String, Value>>(&answer.body) {
            self.bend(request.url.path(), &mut members);
            answer.body = Value::Object(members).to_string().into_bytes();
        }
        Ok(answer)
    }
}
