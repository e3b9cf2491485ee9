//! The application over a client as it is written by hand: no lease, no comparison, no second thought.

use super::{BASE, Client, Process, visitor::Visitor};
use aws_lc_rs::{digest, rand};
use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_storage_core::{
    Clock, Storage, keys,
    token_store::{Realm, Record, RecordKey},
};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use url::{Url, form_urlencoded};

const LIFETIME: Duration = Duration::from_secs(86_400);
/// Who meets the flag waits for so long.
const PATIENCE: u32 = 60;
const PAUSE: Duration = Duration::from_millis(50);

/// Everything of the application.
pub(super) fn router(process: Process) -> Router {
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    Router::new()
        .route("/", get(who))
        .route("/orders", get(orders))
        .route("/access-token", get(access_token))
        .route("/slow-write", get(slow_write))
        .route("/held", get(held))
        .route("/logto/sign-in", get(sign_in))
        .route("/logto/sign-in-callback", get(callback))
        .route("/logto/sign-out", post(sign_out))
        .with_state(Naive { process, http })
}

#[derive(Clone)]
struct Naive {
    process: Process,
    http: reqwest::Client,
}

/// What becomes of a request that cannot be served.
enum Refused {
    SignedOut,
    Later,
    Wrong,
}

type Parameters = Query<HashMap<String, String>>;

impl Naive {
    fn issuer(&self) -> String {
        format!("{}/oidc", self.process.plan.endpoint)
    }

    fn realm(&self) -> Realm {
        Realm::new(self.issuer(), "local-app")
    }

    async fn key(&self, visitor: &Visitor) -> Option<RecordKey> {
        let name = Storage::get(&visitor.items, keys::SESSION_META).await.ok()??;
        Some(self.realm().record(&name))
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Value>, Refused> {
        match self.process.store.read(key).await {
            Ok(stored) => Ok(serde_json::from_slice(stored.record.payload()).ok()),
            Err(error) if error.kind() == logto_storage_core::TokenStoreErrorKind::NotFound => Ok(None),
            Err(_) => Err(Refused::Later),
        }
    }

    /// Whoever writes last is right.
    async fn write(&self, key: &RecordKey, content: &Value) -> Result<(), Refused> {
        let sub = content.get("sub").and_then(Value::as_str).map(|sub| self.realm().sub(sub));
        let record = Record::new(content.to_string().as_bytes(), sub, None);
        let store = &self.process.store;
        for _ in 0..1000 {
            let written = match store.read(key).await {
                Ok(stored) => store.swap(key, stored.version, &record, LIFETIME, None).await,
                Err(_) => store.create(key, &record, LIFETIME).await,
            };
            if written.is_ok() {
                return Ok(());
            }
        }
        Err(Refused::Later)
    }

    async fn ask(&self, form: &[(&str, &str)]) -> Result<Value, (u16, Value)> {
        let body =
            form_urlencoded::Serializer::new("client_id=local-app&client_secret=local-secret".to_owned())
                .extend_pairs(form)
                .finish();
        let request = self.http.post(format!("{}/token", self.issuer())).body(body);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await;
        let Ok(answer) = answer else { return Err((0, Value::Null)) };
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap_or_default();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status == 200 { Ok(body) } else { Err((status, body)) }
    }

    /// Takes the flag in the record where this client has one.
    async fn lock(&self, key: &RecordKey) -> Result<(), Refused> {
        if self.process.plan.client != Client::NaiveWithLock {
            return Ok(());
        }
        for _ in 0..PATIENCE {
            let Some(mut content) = self.read(key).await? else { return Err(Refused::SignedOut) };
            if content.get("busy").is_none() {
                content["busy"] = true.into();
                return self.write(key, &content).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Refused::Later)
    }

    async fn token(&self, key: &RecordKey, resource: &str) -> Result<String, Refused> {
        self.lock(key).await?;
        let Some(mut content) = self.read(key).await? else { return Err(Refused::SignedOut) };
        let now = self.process.clock.now().as_secs();
        let held = &content["tokens"][resource];
        if let (Some(token), Some(until)) = (held["token"].as_str(), held["until"].as_u64())
            && now < until
        {
            let token = token.to_owned();
            if let Some(members) = content.as_object_mut()
                && members.remove("busy").is_some()
            {
                self.write(key, &content).await?;
            }
            return Ok(token);
        }
        let Some(refresh_token) = content["refresh_token"].as_str().map(str::to_owned) else {
            return Err(Refused::SignedOut);
        };
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", &refresh_token), ("resource", resource)];
        let Ok(answer) = self.ask(&form).await else {
            // Something is wrong with the session: it goes.
            drop(self.process.store.delete(key).await);
            return Err(Refused::SignedOut);
        };
        let token = answer["access_token"].as_str().unwrap_or_default().to_owned();
        let until = now + answer["expires_in"].as_u64().unwrap_or_default();
        content["tokens"][resource] = json!({ "token": token, "until": until });
        content["refresh_token"] = answer["refresh_token"].clone();
        if let Some(members) = content.as_object_mut() {
            members.remove("busy");
        }
        self.write(key, &content).await?;
        Ok(token)
    }
}

async fn answer(visitor: Visitor, outcome: Result<Response, Refused>) -> Response {
    let response = match outcome {
        Ok(response) => response,
        Err(Refused::SignedOut) => {
            drop(Storage::remove(&visitor.items, keys::SESSION_META).await);
            (StatusCode::UNAUTHORIZED, "sign in").into_response()
        }
        Err(Refused::Later) => (StatusCode::SERVICE_UNAVAILABLE, "later").into_response(),
        Err(Refused::Wrong) => (StatusCode::BAD_REQUEST, "no such sign-in").into_response(),
    };
    visitor.keep(response).await
}

async fn who(State(naive): State<Naive>, visitor: Visitor) -> Response {
    let outcome = async {
        let Some(key) = naive.key(&visitor).await else { return Ok("nobody".into_response()) };
        let content = naive.read(&key).await?.unwrap_or_default();
        Ok(content["sub"].as_str().unwrap_or("nobody").to_owned().into_response())
    };
    let outcome = outcome.await;
    answer(visitor, outcome).await
}

async fn orders(State(naive): State<Naive>, visitor: Visitor) -> Response {
    let outcome = async {
        let key = naive.key(&visitor).await.ok_or(Refused::SignedOut)?;
        naive.token(&key, crate::flow::RESOURCES[0]).await?;
        Ok("orders".into_response())
    };
    match outcome.await {
        Err(Refused::SignedOut) => {
            drop(Storage::remove(&visitor.items, keys::SESSION_META).await);
            visitor.keep(Redirect::to("/logto/sign-in?return_to=/orders").into_response()).await
        }
        outcome => answer(visitor, outcome).await,
    }
}

async fn access_token(State(naive): State<Naive>, visitor: Visitor, Query(query): Parameters) -> Response {
    let outcome = async {
        let key = naive.key(&visitor).await.ok_or(Refused::SignedOut)?;
        let token = naive.token(&key, query.get("resource").map_or("", String::as_str)).await?;
        let claims = claims(&token);
        let token = json!({ "sub": claims["sub"], "aud": claims["aud"], "jti": claims["jti"] });
        Ok(token.to_string().into_response())
    };
    let outcome = outcome.await;
    answer(visitor, outcome).await
}

async fn slow_write(State(naive): State<Naive>, visitor: Visitor, Query(query): Parameters) -> Response {
    let outcome = async {
        let key = naive.key(&visitor).await.ok_or(Refused::SignedOut)?;
        let Some(content) = naive.read(&key).await? else { return Ok("nothing".into_response()) };
        let wait = query.get("ms").and_then(|ms| ms.parse().ok()).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        naive.write(&key, &content).await?;
        Ok("written".into_response())
    };
    let outcome = outcome.await;
    answer(visitor, outcome).await
}

async fn held(State(naive): State<Naive>, visitor: Visitor) -> Response {
    let outcome = async {
        let key = naive.key(&visitor).await.ok_or(Refused::SignedOut)?;
        let content = naive.read(&key).await?.unwrap_or_default();
        Ok(content["refresh_token"].as_str().unwrap_or_default().to_owned().into_response())
    };
    let outcome = outcome.await;
    answer(visitor, outcome).await
}

async fn sign_in(State(naive): State<Naive>, visitor: Visitor) -> Response {
    let outcome = async {
        let (name, state, verifier) = (random(), random(), random());
        drop(Storage::set(&visitor.items, keys::SESSION_META, &name).await);
        let content = json!({ "state": state, "verifier": verifier });
        naive.write(&naive.realm().record(&name), &content).await?;
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let mut url = Url::parse(&format!("{}/auth", naive.issuer())).map_err(|_| Refused::Wrong)?;
        let mut query = url.query_pairs_mut();
        query.extend_pairs([("client_id", "local-app"), ("response_type", "code"), ("prompt", "consent")]);
        query.extend_pairs([("redirect_uri", &*callback_address()), ("state", &state)]);
        query.extend_pairs([("code_challenge", &*challenge), ("code_challenge_method", "S256")]);
        query.append_pair("scope", "openid offline_access profile");
        query.extend_pairs(crate::flow::RESOURCES.map(|resource| ("resource", resource)));
        drop(query);
        Ok(Redirect::to(url.as_str()).into_response())
    };
    let outcome = outcome.await;
    answer(visitor, outcome).await
}

async fn callback(State(naive): State<Naive>, visitor: Visitor, uri: Uri) -> Response {
    let outcome = async {
        let key = naive.key(&visitor).await.ok_or(Refused::Wrong)?;
        let content = naive.read(&key).await?.ok_or(Refused::Wrong)?;
        let query: HashMap<String, String> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        if content["state"].as_str() != query.get("state").map(String::as_str) {
            return Err(Refused::Wrong);
        }
        // A sign-in is used once: it goes before its code is exchanged.
        naive.write(&key, &json!({})).await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", query.get("code").map_or("", String::as_str)),
            ("redirect_uri", &callback_address()),
            ("code_verifier", content["verifier"].as_str().unwrap_or_default()),
        ];
        let answer = naive.ask(&form).await.map_err(|_| Refused::Wrong)?;
        let sub = claims(answer["id_token"].as_str().unwrap_or_default())["sub"].clone();
        let content = json!({ "sub": sub, "refresh_token": answer["refresh_token"], "tokens": {} });
        naive.write(&key, &content).await?;
        Ok(Redirect::to("/").into_response())
    };
    let outcome = outcome.await;
    answer(visitor, outcome).await
}

async fn sign_out(State(naive): State<Naive>, visitor: Visitor) -> Response {
    if let Some(key) = naive.key(&visitor).await {
        drop(naive.process.store.delete(&key).await);
    }
    drop(Storage::remove(&visitor.items, keys::SESSION_META).await);
    visitor.keep(Redirect::to("/").into_response()).await
}

fn callback_address() -> String {
    format!("{BASE}/logto/sign-in-callback")
}

fn random() -> String {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).expect("random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims(token: &str) -> Value {
    super::super::claims(token).unwrap_or(Value::Null)
}
