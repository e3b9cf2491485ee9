//! `/_emulator/`: what tests in other languages, and people, tell the emulator.

use crate::{Application, Endpoint, Failure, SigningKey, fault::Received, state::Shared};
use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use url::form_urlencoded;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_emulator", get(overview))
        .route("/_emulator/", get(overview))
        .route("/_emulator/faults", post(set_fault).delete(clear_faults))
        .route("/_emulator/requests", get(requests))
        .route("/_emulator/time", post(move_time))
        .route("/_emulator/keys", post(change_keys))
        .route("/_emulator/grants", post(revoke))
        .route("/_emulator/roles", post(change_role))
        .route("/_emulator/users", post(change_user))
        .route("/_emulator/approve", post(approve))
        .route("/_emulator/elsewhere", get(elsewhere))
}

type Outcome = Result<Value, String>;

fn answer(outcome: Outcome) -> Response {
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(reason) => (StatusCode::BAD_REQUEST, json!({ "error": reason })),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn parsed(body: &Bytes) -> Outcome {
    serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, String> {
    body[name].as_str().ok_or_else(|| format!("`{name}` is missing, a string"))
}

fn endpoint(name: &str) -> Result<Endpoint, String> {
    let names = || Endpoint::all().map(|(_, name)| name).collect::<Vec<_>>().join(", ");
    Endpoint::named(name).ok_or_else(|| format!("no endpoint is called \"{name}\"; there are {}", names()))
}

async fn overview(State(shared): State<Arc<Shared>>) -> Response {
    let state = shared.state();
    let counts: Map<String, Value> = Endpoint::all()
        .map(|(endpoint, name)| (name.to_owned(), state.faults.count(endpoint).into()))
        .collect();
    let mut users: Vec<_> = state.tenant.users.keys().collect();
    users.sort();
    let mut applications: Vec<_> = state.tenant.applications.values().collect();
    applications.sort_by(|one, other| one.id.cmp(&other.id));
    let applications: Vec<_> = applications
        .into_iter()
        .map(|known: &Application| json!({ "id": known.id, "name": known.name, "type": known.kind().name() }))
        .collect();
    answer(Ok(json!({
        "issuer": shared.issuer(), "time": state.now(), "requests": counts,
        "users": users, "applications": applications,
    })))
}

/// `{"endpoint": "token", "fault": "status", "status": 503, "times": 2}`; without `times` until told otherwise.
async fn set_fault(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    answer(parsed(&body).and_then(|body| {
        let endpoint = endpoint(text(&body, "endpoint")?)?;
        let failure = Failure::described(&body)?;
        let faults = &mut shared.state().faults;
        match &body["times"] {
            Value::Null => faults.set_failure(endpoint, Some(failure)),
            times => {
                let times = times.as_u64().and_then(|times| u32::try_from(times).ok());
                faults.fail_next(endpoint, failure, times.ok_or("`times` is a number")?);
            }
        }
        Ok(json!({}))
    }))
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.state().faults.clear();
    shared.gate.open();
    answer(Ok(json!({})))
}

/// `?endpoint=token`: what it was sent, oldest first.
async fn requests(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "endpoint");
    answer(endpoint(&named.map(|(_, value)| value).unwrap_or_default()).map(|endpoint| {
        let received = shared.state().faults.all_received(endpoint);
        let shown = |request: &Received| json!({
            "authorization": request.authorization,
            "parameters": request.parameters.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
        });
        json!({ "requests": received.iter().map(shown).collect::<Vec<_>>() })
    }))
}

/// `{"advance_seconds": 3600}`
async fn move_time(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    answer(parsed(&body).and_then(|body| {
        let seconds = body["advance_seconds"].as_u64().ok_or("`advance_seconds` is missing, a number")?;
        let mut state = shared.state();
        state.advance(Duration::from_secs(seconds));
        Ok(json!({ "time": state.now() }))
    }))
}

/// `{"rotate": "EC"}` or `"RSA"`, `{"delete_previous": true}`, `{"hide_for_fetches": 2}`
async fn change_keys(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    answer(parsed(&body).and_then(|body| {
        let mut state = shared.state();
        let kind = match body["rotate"].as_str() {
            Some("EC") => Some(SigningKey::Ec),
            Some("RSA") => Some(SigningKey::Rsa),
            Some(_) => return Err("`rotate` is \"EC\" or \"RSA\"".to_owned()),
            None => None,
        };
        if let Some(kind) = kind {
            state.keys.rotate(kind).map_err(|error| error.to_string())?;
        }
        if body["delete_previous"] == true {
            state.keys.delete_previous();
        }
        if let Some(fetches) = body["hide_for_fetches"].as_u64() {
            state.keys.hide_current(u32::try_from(fetches).unwrap_or(u32::MAX));
        }
        Ok(json!({}))
    }))
}

/// `{"revoke": "<token>"}` or `{"revoke_all_of": "alice"}`
async fn revoke(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    answer(parsed(&body).and_then(|body| {
        let mut state = shared.state();
        if let Some(username) = body["revoke_all_of"].as_str() {
            state.grants.end_all(|grant| grant.username == username);
            return Ok(json!({}));
        }
        let (token, now) = (text(&body, "revoke")?, state.now());
        let of_access = state.grants.of_access_token(token, now).map(|(id, ..)| id);
        let found = state.grants.of_refresh_token(token).map(|(id, _)| id).or(of_access);
        state.grants.end(found.ok_or("no such token")?);
        Ok(json!({}))
    }))
}

/// `{"user": "alice", "assign": "x-user"}` or `"remove"`
async fn change_role(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    answer(parsed(&body).and_then(|body| {
        let (mut state, username) = (shared.state(), text(&body, "user")?);
        let user =
            state.tenant.users.get_mut(username).ok_or_else(|| format!("nobody is called {username}"))?;
        match (body["assign"].as_str(), body["remove"].as_str()) {
            (Some(role), _) => user.give_role(role),
            (None, Some(role)) => user.take_role(role),
            (None, None) => return Err("`assign` or `remove` is missing, the name of a role".to_owned()),
        }
        Ok(json!({}))
    }))
}

/// `{"user": "alice", "suspended": true}`
async fn change_user(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    answer(parsed(&body).and_then(|body| {
        let (mut state, username) = (shared.state(), text(&body, "user")?);
        let user =
            state.tenant.users.get_mut(username).ok_or_else(|| format!("nobody is called {username}"))?;
        user.suspended = body["suspended"].as_bool().ok_or("`suspended` is missing, true or false")?;
        Ok(json!({}))
    }))
}

/// `{"url": "<authorization request>", "user": "alice"}` gives `{"callback": "…"}`; or
/// `{"user_code": "…", "user": "alice"}`
async fn approve(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    answer(parsed(&body).and_then(|body| {
        let username = text(&body, "user")?;
        if let Some(code) = body["user_code"].as_str() {
            super::device::approve(&shared, code, username)?;
            return Ok(json!({}));
        }
        let callback = super::authorize::approve(&shared, text(&body, "url")?, username)?;
        Ok(json!({ "callback": callback }))
    }))
}

/// Where an endpoint that redirects redirects to.
async fn elsewhere() -> &'static str {
    "nobody should have come here"
}
