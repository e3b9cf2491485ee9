//! Back-channel logout: logout tokens, and how they reach applications.

use crate::{
    Application, keys, outbound,
    session::Session,
    state::{Shared, State},
};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// Seconds.
const LIFETIME: u64 = 120;

/// A logout token on its way.
pub(crate) struct Message {
    client_id: String,
    uri: String,
    token: String,
}

/// Client ids, and the status that each application answered or why there is none.
pub(crate) type Answers = Vec<(String, Result<u16, String>)>;

/// What applications are told when a session is over: those in which the person had signed in.
pub(crate) fn of_session(state: &State, issuer: &str, session: &Session) -> Vec<Message> {
    let applications = with_uri(state).into_iter();
    let told = applications.filter_map(|(application, uri)| {
        let sid = Some(session.sid(&application.id)?).filter(|_| application.is_told_sid());
        message(state, issuer, application, uri, &session.username, sid)
    });
    told.collect()
}

/// What applications are told when all sessions of a person are over: one token for each session where
/// sessions are named, else one token for the person.
pub(crate) fn of_person(state: &State, issuer: &str, username: &str, sessions: &[Session]) -> Vec<Message> {
    let mut messages = Vec::new();
    for (application, uri) in with_uri(state) {
        if application.is_told_sid() {
            let sids = sessions.iter().filter_map(|session| session.sid(&application.id));
            messages
                .extend(sids.filter_map(|sid| message(state, issuer, application, uri, username, Some(sid))));
        } else {
            messages.extend(message(state, issuer, application, uri, username, None));
        }
    }
    messages
}

/// Sorted, so that answers come in the same order always.
fn with_uri(state: &State) -> Vec<(&Application, &str)> {
    let mut applications: Vec<_> = state
        .tenant
        .applications
        .values()
        .filter_map(|application| Some((application, application.back_channel_logout_uri.as_deref()?)))
        .collect();
    applications.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    applications
}

fn message(
    state: &State,
    issuer: &str,
    application: &Application,
    uri: &str,
    username: &str,
    sid: Option<&str>,
) -> Option<Message> {
    let claims = claims(state, issuer, &application.id, &state.user(username)?.sub(), sid);
    let token = sign(state, claims);
    Some(Message { client_id: application.id.clone(), uri: uri.to_owned(), token })
}

fn claims(state: &State, issuer: &str, client_id: &str, sub: &str, sid: Option<&str>) -> Map<String, Value> {
    let now = state.now();
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let mut claims = Map::new();
    let mut add = |name: &str, value: Value| {
        claims.insert(name.to_owned(), value);
    };
    add("sub", sub.into());
    add("events", event);
    add("jti", keys::random().into());
    if let Some(sid) = sid {
        add("sid", sid.into());
    }
    add("aud", client_id.into());
    add("exp", (now + LIFETIME).into());
    add("iat", now.into());
    add("iss", issuer.into());
    claims
}

fn sign(state: &State, claims: Map<String, Value>) -> String {
    state.sign(Some("logout+jwt"), Value::Object(claims))
}

/// A logout token that a test may spoil before it is signed.
pub(crate) fn forge(
    shared: &Shared,
    client_id: &str,
    username: &str,
    sid: Option<&str>,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<String, String> {
    let issuer = shared.issuer();
    let mut claims = {
        let state = shared.state();
        if !state.tenant.applications.contains_key(client_id) {
            return Err(format!("no application is called {client_id}"));
        }
        let user = state.user(username).ok_or_else(|| format!("nobody is called {username}"))?;
        claims(&state, &issuer, client_id, &user.sub(), sid)
    };
    // Without the lock: the change may ask the server something.
    change(&mut claims);
    Ok(sign(&shared.state(), claims))
}

/// Sends all at once, also when nobody waits for it any more.
pub(crate) async fn send(messages: Vec<Message>) -> Answers {
    let sent: Vec<_> = messages
        .into_iter()
        .map(|Message { client_id, uri, token }| {
            (client_id, tokio::spawn(async move { post(&uri, &token).await }))
        })
        .collect();
    let mut answers = Vec::new();
    for (client_id, answer) in sent {
        let answer = answer.await.unwrap_or_else(|error| Err(error.to_string()));
        answers.push((client_id, answer));
    }
    answers
}

async fn post(uri: &str, token: &str) -> Result<u16, String> {
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    // The server, too, sends an empty user agent.
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("user-agent", "")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    outbound::post(uri, &headers, &body).await
}
