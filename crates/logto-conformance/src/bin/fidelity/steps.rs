//! Steps between the exchanges that are compared: pages, the sign-in page's calls, the Management API.

use crate::{
    clients::Client,
    compare::compare,
    http::Outgoing,
    people::{self, Person, texts},
    play::Stage,
    recording::{Body, Exchange},
    scopes,
    script::Script,
    shape::shaped_words,
};
use serde_json::Value;

/// Plays one step, by the library where it is no page.
pub(crate) async fn play(stage: &mut Stage<'_>, exchange: &Exchange) {
    let path = exchange.request.path();
    if let Some(rest) = path.strip_prefix("/api/") {
        if rest.starts_with("experience") || rest.starts_with("interaction") {
            sign_in_page(stage, exchange);
        } else if exchange.response.is_success() {
            management(stage, exchange);
        }
    } else {
        page(stage, exchange).await;
    }
}

/// A page is fetched as the browser did, for the cookies and the address that it gives.
async fn page(stage: &mut Stage<'_>, exchange: &Exchange) {
    let outgoing = Outgoing::of(exchange, &stage.bindings);
    if let Ok(answer) = stage.server.send(outgoing).await {
        drop(compare(&exchange.request, &exchange.response, &answer, &mut stage.bindings));
    }
}

fn sign_in_page(stage: &mut Stage<'_>, exchange: &Exchange) {
    let request = &exchange.request;
    let uid = request.cookie("_interaction").and_then(|cookie| {
        let cookie = cookie.replace("%22", "\"");
        let recorded = shaped_words(&cookie).first().map(|word| (*word).to_owned())?;
        stage.bindings.live(&recorded).map(str::to_owned)
    });
    match (request.method.as_str(), request.path()) {
        ("POST", "/api/experience/verification/password") if exchange.response.is_success() => {
            stage.username = people::credentials(exchange).map(|(username, _)| username);
        }
        ("POST", "/api/experience/submit") if exchange.response.is_success() => {
            if let (Some(uid), Some(username)) = (uid, stage.username.clone()) {
                stage.live.sign_in_at(&uid, &username);
            }
        }
        ("DELETE", "/api/interaction" | "/api/experience") => {
            if let Some(uid) = uid {
                stage.live.abort_at(&uid);
            }
        }
        ("POST", "/api/interaction/consent") if exchange.response.is_success() => {
            if let Some(uid) = uid {
                stage.live.consent_at(&uid);
            }
        }
        _ => {}
    }
}

fn management(stage: &mut Stage<'_>, exchange: &Exchange) {
    let (request, answer) = (&exchange.request, &exchange.response.body);
    let none = Value::Null;
    let sent = if let Body::Json(json) = &request.body { json } else { &none };
    let parts: Vec<&str> = request.path().trim_start_matches("/api/").split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["subject-tokens"]) => {
            let person = stage.world.person(sent.get("userId").and_then(Value::as_str)).cloned();
            let live = person.and_then(|person| stage.live.subject_token(&person.username));
            bind(stage, answer.get("subjectToken"), live);
        }
        ("POST", ["users", id, "personal-access-tokens"]) => {
            let person = stage.world.person(Some(id)).cloned();
            let live = person.and_then(|person| stage.live.personal_access_token(&person.username));
            bind(stage, answer.get("value"), live);
        }
        ("GET" | "PATCH" | "POST", ["applications"] | ["applications", _]) => application(stage, answer),
        ("POST", ["applications", id, "user-consent-scopes"]) => {
            let scopes = texts(sent.get("userScopes"));
            change_client(stage, id, |client| {
                scopes::add(client.user_scopes.get_or_insert_default(), scopes);
            });
        }
        ("DELETE", ["users", id, "roles", _]) => change_roles(stage, id, false),
        ("POST" | "PUT", ["users", id, "roles"]) => {
            let none = sent.get("roleIds").and_then(Value::as_array).is_some_and(Vec::is_empty);
            change_roles(stage, id, !none);
        }
        ("POST", ["users"]) => {
            let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(id), Some(username)) = (text(answer, "id"), text(answer, "username")) {
                let password = text(sent, "password");
                let person = Person { id, username, password, ..Person::default() };
                stage.live.add_user(&person);
                stage.world.people.push(person);
            }
        }
        ("DELETE", ["users", id]) => {
            if let Some(person) = known(stage, id) {
                stage.live.remove_user(&person);
            }
        }
        ("PATCH", ["users", id, "is-suspended"]) => {
            let suspended = sent.get("isSuspended").and_then(Value::as_bool).unwrap_or_default();
            if let Some(person) = known(stage, id) {
                stage.live.suspend(&person, suspended);
            }
        }
        ("PUT", ["configs", "jwt-customizer", "access-token"]) => {
            let script = sent.get("script").and_then(Value::as_str).unwrap_or_default();
            let roles = stage.world.person(None).map(|person| person.list("roles")).unwrap_or_default();
            stage.live.customize(Script::parse(script, &roles));
        }
        ("DELETE", ["configs", "jwt-customizer", "access-token"]) => stage.live.customize(None),
        ("POST", ["configs", "oidc", "private-keys", "rotate"]) => {
            stage.live.rotate_keys(sent.get("signingKeyAlgorithm").and_then(Value::as_str) == Some("RSA"));
        }
        ("DELETE", ["configs", "oidc", "private-keys", _]) => stage.live.drop_previous_key(),
        _ => {}
    }
}

fn bind(stage: &mut Stage<'_>, recorded: Option<&Value>, live: Option<String>) {
    if let (Some(recorded), Some(live)) = (recorded.and_then(Value::as_str), live) {
        stage.bindings.bind(recorded, &live);
    }
}

/// The username of an id.
fn known(stage: &Stage<'_>, id: &str) -> Option<String> {
    let person = stage.world.people.iter().find(|person| person.id == id);
    person.map(|person| person.username.clone())
}

/// An application is from now on as the answer shows it.
fn application(stage: &mut Stage<'_>, answer: &Value) {
    let Some(id) = answer.get("id").and_then(Value::as_str) else { return };
    let id = id.to_owned();
    stage.world.clients.entry(id.clone()).or_insert_with(|| Client { id: id.clone(), ..Client::default() });
    change_client(stage, &id, |client| {
        client.apply(answer);
        // A Traditional one has a secret, also where no request shows it.
        let with_secret = answer.get("type").and_then(Value::as_str) == Some("Traditional");
        if with_secret && client.secret.is_none() {
            client.secret = Some("not-shown".to_owned());
        }
    });
}

fn change_client(stage: &mut Stage<'_>, id: &str, change: impl FnOnce(&mut Client)) {
    if let Some(client) = stage.world.clients.get_mut(id) {
        change(client);
        let client = client.clone();
        stage.live.set_client(&client);
    }
}

fn change_roles(stage: &mut Stage<'_>, id: &str, given: bool) {
    if let Some(person) = stage.world.people.iter().find(|person| person.id == id).cloned() {
        stage.live.set_roles(&person, given);
    }
}
