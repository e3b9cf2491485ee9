//! A relying party that believes everything: no signature, claim, state or issuer is looked at.

use axum::{
    Json, Router,
    extract::{FromRequestParts, Query, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use logto_axum::{LogtoClient, logto_client::verify::decode_claims};
use logto_conformance::flow::{Browser, Page, RESOURCES};
use serde_json::Value;
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};
use url::Url;

/// `local-app` and its secret, in HTTP Basic.
const BASIC: &str = "Basic bG9jYWwtYXBwOmxvY2FsLXNlY3JldA==";
/// The pair of RFC 7636, appendix B: the same for everybody.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Clone)]
struct Credulous {
    issuer: String,
    base: Url,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    metadata: Option<Value>,
    people: HashMap<String, Person>,
    visitors: usize,
}

/// Who is signed in, and where somebody who is not wants to go.
#[derive(Clone, Default)]
struct Person {
    sub: Option<String>,
    access_token: String,
    refresh_token: String,
    target: String,
}

/// The visitor's cookie, or a new one.
struct Visitor(String);

impl FromRequestParts<Credulous> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Credulous) -> Result<Self, Infallible> {
        let cookie = parts.headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok());
        let id = cookie.and_then(|cookie| cookie.strip_prefix("id=")).map(str::to_owned);
        Ok(Self(id.unwrap_or_else(|| {
            let mut world = app.world.lock().unwrap();
            world.visitors += 1;
            world.visitors.to_string()
        })))
    }
}

type Parameters = Query<HashMap<String, String>>;

/// Its pages and routes.
pub(crate) fn router(client: &LogtoClient) -> Router {
    let callback = client.route_url(logto_axum::logto_client::Route::SignInCallback).unwrap();
    Router::new()
        .route("/", get(home))
        .route("/protected", get(protected))
        .route("/user-info", get(user_info))
        .route("/access-token", get(access_token))
        .route("/logto/sign-in", get(sign_in))
        .route("/logto/sign-in-callback", get(callback_page))
        .route("/logto/sign-out", post(sign_out))
        .route("/logto/signed-out", get(signed_out))
        .route("/logto/back-channel-logout", post(back_channel_logout))
        .with_state(Credulous {
            issuer: client.issuer().to_owned(),
            base: callback.join("/").unwrap(),
            world: Arc::default(),
        })
}

impl Credulous {
    fn person(&self, visitor: &Visitor) -> Person {
        self.world.lock().unwrap().people.get(&visitor.0).cloned().unwrap_or_default()
    }

    fn keep(&self, visitor: &Visitor, person: Person) {
        self.world.lock().unwrap().people.insert(visitor.0.clone(), person);
    }

    /// An address of the metadata, whoever they are of; the keys are fetched along with them and not used.
    async fn endpoint(&self, name: &str) -> String {
        let known = self.world.lock().unwrap().metadata.clone();
        let metadata = match known {
            Some(known) => known,
            None => {
                let page =
                    Browser::new().get(format!("{}/.well-known/openid-configuration", self.issuer)).await;
                let fetched: Value = serde_json::from_str(&page.body).unwrap();
                Browser::new().get(fetched["jwks_uri"].as_str().unwrap()).await;
                self.world.lock().unwrap().metadata = Some(fetched.clone());
                fetched
            }
        };
        metadata[name].as_str().unwrap().to_owned()
    }

    /// Asks for tokens and takes what comes.
    async fn take_tokens(&self, person: &mut Person, form: &[(&str, &str)]) -> Value {
        let form: Vec<_> = form.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let token = self.endpoint("token_endpoint").await;
        let page = Browser::new().post_form_with(token, &form, &[("authorization", BASIC)]).await;
        let answer: Value = serde_json::from_str(&page.body).unwrap();
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        if let Some(claims) = text("id_token").and_then(|token| decode_claims(&token).ok()) {
            let sub = claims.get("sub").and_then(Value::as_str).unwrap_or("somebody");
            person.sub = Some(sub.to_owned());
        }
        person.access_token = text("access_token").unwrap_or_default();
        person.refresh_token = text("refresh_token").unwrap_or_default();
        answer
    }

    async fn refresh(&self, person: &mut Person, more: &[(&str, &str)]) -> Value {
        let refresh_token = person.refresh_token.clone();
        let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
        self.take_tokens(person, &[&form, more].concat()).await
    }

    fn at(&self, path: &str) -> String {
        self.base.join(path).unwrap().into()
    }
}

fn redirect(visitor: &Visitor, to: &str) -> Response {
    let headers =
        [(header::LOCATION, to.to_owned()), (header::SET_COOKIE, format!("id={}; Path=/", visitor.0))];
    (StatusCode::SEE_OTHER, headers).into_response()
}

async fn home(State(app): State<Credulous>, visitor: Visitor) -> String {
    app.person(&visitor).sub.unwrap_or_else(|| "nobody".to_owned())
}

async fn protected(State(app): State<Credulous>, visitor: Visitor) -> Result<String, StatusCode> {
    app.person(&visitor).sub.ok_or(StatusCode::UNAUTHORIZED)
}

async fn user_info(State(app): State<Credulous>, visitor: Visitor) -> Result<String, StatusCode> {
    let mut person = app.person(&visitor);
    person.sub.as_ref().ok_or(StatusCode::UNAUTHORIZED)?;
    let page = match ask_user_info(&app, &person).await {
        refused if refused.status == 401 => {
            app.refresh(&mut person, &[]).await;
            app.keep(&visitor, person.clone());
            ask_user_info(&app, &person).await
        }
        page => page,
    };
    Ok(page.body)
}

async fn ask_user_info(app: &Credulous, person: &Person) -> Page {
    let bearer = format!("Bearer {}", person.access_token);
    let endpoint = app.endpoint("userinfo_endpoint").await;
    Browser::new().request("GET".parse().unwrap(), endpoint, &[("authorization", &bearer)]).await
}

async fn access_token(
    State(app): State<Credulous>,
    visitor: Visitor,
    Query(query): Parameters,
) -> Result<Json<Value>, StatusCode> {
    let mut person = app.person(&visitor);
    person.sub.as_ref().ok_or(StatusCode::UNAUTHORIZED)?;
    let answer = app.refresh(&mut person, &[("resource", &query["resource"])]).await;
    app.keep(&visitor, person);
    Ok(Json(answer))
}

async fn sign_in(State(app): State<Credulous>, visitor: Visitor, Query(query): Parameters) -> Response {
    let given = |name: &str| query.get(name).cloned().unwrap_or_default();
    let target = query.get("target_link_uri").map_or("/", String::as_str).to_owned();
    app.keep(&visitor, Person { target, ..app.person(&visitor) });
    let mut url = Url::parse(&app.endpoint("authorization_endpoint").await).unwrap();
    let fixed = "x".repeat(43);
    url.query_pairs_mut()
        .extend_pairs([("client_id", "local-app"), ("response_type", "code"), ("prompt", "consent")])
        .extend_pairs([("state", &fixed), ("nonce", &fixed), ("login_hint", &given("login_hint"))])
        .extend_pairs([("code_challenge", CHALLENGE), ("code_challenge_method", "S256")])
        .extend_pairs([("redirect_uri", &app.at("/logto/sign-in-callback"))])
        .extend_pairs([("scope", "openid offline_access profile email phone address")])
        .extend_pairs(RESOURCES.map(|resource| ("resource", resource)));
    redirect(&visitor, url.as_str())
}

async fn callback_page(State(app): State<Credulous>, visitor: Visitor, Query(query): Parameters) -> Response {
    let mut person = app.person(&visitor);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &query["code"]),
        ("redirect_uri", &app.at("/logto/sign-in-callback")),
        ("code_verifier", VERIFIER),
    ];
    app.take_tokens(&mut person, &form).await;
    let target = person.target.clone();
    app.keep(&visitor, person);
    redirect(&visitor, &target)
}

async fn sign_out(State(app): State<Credulous>, visitor: Visitor) -> Response {
    app.keep(&visitor, Person::default());
    let mut url = Url::parse(&app.endpoint("end_session_endpoint").await).unwrap();
    url.query_pairs_mut()
        .append_pair("client_id", "local-app")
        .append_pair("post_logout_redirect_uri", &app.at("/logto/signed-out"))
        .append_pair("state", &"y".repeat(43));
    redirect(&visitor, url.as_str())
}

async fn signed_out(visitor: Visitor) -> Response {
    redirect(&visitor, "/")
}

async fn back_channel_logout(State(app): State<Credulous>, body: String) -> impl IntoResponse {
    let token =
        url::form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "logout_token").unwrap().1;
    let claims = decode_claims(&token).unwrap_or_default();
    let sub = claims.get("sub").and_then(Value::as_str);
    app.world.lock().unwrap().people.retain(|_, person| person.sub.as_deref() != sub);
    [(header::CACHE_CONTROL, "no-store")]
}
