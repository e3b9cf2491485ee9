//! Back-channel logout: logout tokens, and how they reach applications.

use crate::{
    Application,
    directory::is_loopback,
    keys,
    session::Session,
    state::{Shared, State},
};
use serde_json::{Map, Value, json};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use url::{Host, Position, Url, form_urlencoded};

/// Seconds.
const LIFETIME: u64 = 120;
/// For so long an application is waited for, all in all.
const PATIENCE: Duration = Duration::from_millis(2500);
/// No status line is longer, in bytes.
const LONGEST_STATUS_LINE: u64 = 4096;

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
    state.keys.sign(Some("logout+jwt"), &Value::Object(claims))
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
        if !state.applications.contains_key(client_id) {
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
    let url = Url::parse(uri).map_err(|error| error.to_string())?;
    if url.scheme() != "http" || !is_loopback(&url) {
        return Err(format!("{uri} is not HTTP on loopback"));
    }
    match timeout(PATIENCE, exchange(&url, token)).await {
        Ok(Ok(status)) => Ok(status),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// One request of HTTP/1.1, and the status of its answer; a redirect is not followed.
async fn exchange(url: &Url, token: &str) -> io::Result<u16> {
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(io::ErrorKind::InvalidInput.into()),
    };
    let mut stream = BufReader::new(stream?);
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    // The server, too, sends an empty user agent.
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\nuser-agent: \r\naccept: */*\r\n\
         content-length: {}\r\n\r\n{body}",
        &url[Position::BeforePath..Position::AfterQuery],
        &url[Position::BeforeHost..Position::AfterPort],
        body.len(),
    );
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.take(LONGEST_STATUS_LINE).read_line(&mut line).await?;
    let mut words = line.split(' ');
    let status = match (words.next(), words.next()) {
        (Some(version), Some(status)) if version.starts_with("HTTP/1.") => status.trim_end().parse().ok(),
        _ => None,
    };
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP/1.1"))
}
