//! Webhooks: what they tell, and their signature.

use crate::{
    Emulator, User, http_date, keys, outbound,
    state::{Shared, State},
};
use serde_json::{Map, Value, json};

const SIGNATURE: &str = "logto-signature-sha-256";

/// A webhook: where events are told to, over HTTP on loopback.
///
/// ```
/// let hook = logto_emulator::Webhook::new("http://127.0.0.1:4000/hook")
///     .signing_key("YxaqDIQl4IxrN3QmpbiFDylYECJGRvyM")
///     .events(["PostSignIn", "User.Created"]);
/// ```
#[derive(Clone)]
#[must_use = "a webhook is told something once the builder has it"]
pub struct Webhook {
    pub(crate) id: String,
    url: String,
    signing_key: String,
    events: Vec<String>,
    headers: Vec<(String, String)>,
}

impl Webhook {
    /// A webhook that hears of every event, with a signing key of its own.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            id: keys::random_of(keys::LOWER_CASE, 21),
            url: url.into(),
            signing_key: keys::random_of(keys::LETTERS, 32),
            events: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The id, which deliveries name.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The key of the signatures.
    pub fn signing_key(mut self, key: impl Into<String>) -> Self {
        self.signing_key = key.into();
        self
    }

    /// The events that it hears of.
    pub fn events<T: Into<String>>(mut self, events: impl IntoIterator<Item = T>) -> Self {
        self.events.extend(events.into_iter().map(Into::into));
        self
    }

    /// A header that goes along.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn hears_of(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|known| known == event)
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

/// One event on its way to one webhook.
pub(crate) struct Delivery {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// An event to all that hear of it.
pub(crate) fn of(state: &State, event: &str, payload: &Map<String, Value>) -> Vec<Delivery> {
    let told = state.webhooks.iter().filter(|hook| hook.hears_of(event)).map(|hook| {
        let mut payload = payload.clone();
        payload.insert("event".to_owned(), event.into());
        payload.insert("createdAt".to_owned(), http_date::iso(state.milliseconds()).into());
        payload.insert("hookId".to_owned(), hook.id.clone().into());
        let body = Value::Object(payload).to_string();
        let signature = keys::hmac_hex(&hook.signing_key, body.as_bytes());
        let mut headers = vec![
            (SIGNATURE.to_owned(), signature),
            ("user-agent".to_owned(), "Logto (https://logto.io/)".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        headers.extend(hook.headers.iter().cloned());
        Delivery { url: hook.url.clone(), headers, body }
    });
    told.collect()
}

/// A person has signed in: the session is that of this cookie.
pub(crate) fn of_sign_in(state: &State, client_id: &str, cookie: &str) -> Vec<Delivery> {
    let Some(session) = state.session(cookie) else { return Vec::new() };
    let payload = interaction(state, client_id, &session.username, "SignIn", &session.uid);
    of(state, "PostSignIn", &payload)
}

/// A person has made an account.
pub(crate) fn of_registration(state: &State, client_id: &str, username: &str) -> Vec<Delivery> {
    let payload = interaction(state, client_id, username, "Register", &keys::random());
    of(state, "PostRegister", &payload)
}

fn interaction(
    state: &State,
    client_id: &str,
    username: &str,
    event: &str,
    session: &str,
) -> Map<String, Value> {
    let user = state.user(username);
    let application = state.tenant.applications.get(client_id);
    let about = json!({
        "interactionEvent": event, "sessionId": session, "userId": user.map(User::sub),
        "userIp": "127.0.0.1", "user": user.map(User::data),
        "application": application.map(|known| json!({
            "id": known.id, "type": known.kind().name(), "name": known.name, "description": known.name,
        })),
    });
    members(about)
}

/// Something has changed by this call of the Management API, which is about a person.
pub(crate) fn of_change(state: &State, event: &str, call: &Call<'_>, user: &User) -> Vec<Delivery> {
    let mut data = user.data();
    if event != "User.Deleted" {
        data["hasPassword"] = (!user.password.is_empty()).into();
    }
    of(state, event, &call.payload(&data))
}

/// A call of the Management API.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) route: &'a str,
    pub(crate) status: u16,
    pub(crate) parameter: Option<(&'a str, &'a str)>,
}

impl Call<'_> {
    pub(crate) fn payload(&self, data: &Value) -> Map<String, Value> {
        let (mut path, mut parameters) = (self.route.to_owned(), json!({}));
        if let Some((name, value)) = self.parameter {
            path = path.replace(&format!(":{name}"), value);
            parameters[name] = value.into();
        }
        members(json!({
            "ip": "127.0.0.1", "path": path, "method": self.method, "status": self.status,
            "params": parameters, "matchedRoute": self.route, "data": data,
        }))
    }
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Once, as the server does; what a listener answers changes nothing.
pub(crate) fn send(deliveries: Vec<Delivery>) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    for delivery in deliveries {
        drop(runtime.spawn(async move { deliver(&delivery).await }));
    }
}

async fn deliver(delivery: &Delivery) -> Result<u16, String> {
    outbound::post(&delivery.url, &delivery.headers, &delivery.body).await
}

impl Emulator {
    /// Tells every webhook that hears of it about an event, with these members beside `event`, `createdAt` and
    /// `hookId`; the status that each answered, or why there is none.
    pub async fn deliver_webhook(
        &self,
        event: &str,
        payload: Map<String, Value>,
    ) -> Vec<Result<u16, String>> {
        let deliveries = of(&self.shared.state(), event, &payload);
        let mut answers = Vec::new();
        for delivery in deliveries {
            answers.push(deliver(&delivery).await);
        }
        answers
    }

    /// The webhook of this id: the signing key, and the signature that it gives a body.
    #[must_use]
    pub fn webhook_signature(&self, id: &str, body: &[u8]) -> Option<String> {
        let state = self.shared.state();
        let hook = state.webhooks.iter().find(|hook| hook.id == id)?;
        Some(keys::hmac_hex(&hook.signing_key, body))
    }
}

/// Tells of a change after it is made.
pub(crate) fn announce(shared: &Shared, change: impl FnOnce(&mut State) -> Vec<Delivery>) {
    let deliveries = change(&mut shared.state());
    send(deliveries);
}
