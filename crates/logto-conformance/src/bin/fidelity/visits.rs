//! Sign-ins that happened outside a file: which of the values that it sends came from which, and what was
//! asked for in each.

use crate::{
    evidence,
    recording::{Exchange, Recording, Request},
    shape::{Jwt, Shape, shaped_words},
    world::World,
};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Code,
    RefreshToken,
    /// Opaque.
    AccessToken,
    /// A signed access token.
    ResourceToken,
    IdToken,
    /// The cookie of a session.
    Session,
}

/// A sign-in outside the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    pub(crate) client: String,
    /// The person's id, where something tells it.
    pub(crate) person: Option<String>,
    /// What of it the file sends.
    pub(crate) members: Vec<(Kind, String)>,
    pub(crate) scope: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) verifier: Option<String>,
    pub(crate) nonce: Option<String>,
    /// Organizations of the person at that time, and roles in them.
    pub(crate) organizations: Option<(Vec<String>, Vec<String>)>,
}

/// All of a file's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) visits: Vec<Visit>,
    /// By the value that is sent.
    of: HashMap<String, usize>,
}

impl Plan {
    pub(crate) fn of(recording: &Recording, world: &World) -> Self {
        let kinds = kinds(recording);
        let own = evidence::of_values(recording);
        let mut plan = Self::default();
        let mut known: HashSet<String> = HashSet::new();
        for exchange in &recording.exchanges {
            for (kind, value) in presented(&exchange.request, &kinds) {
                if !known.contains(&value) && !plan.of.contains_key(&value) {
                    let client = client_of(exchange, kind, &value, world);
                    let at = plan.place(kind, client, own.get(&value), &own, &world.main_client);
                    plan.visits[at].members.push((kind, value.clone()));
                    plan.of.insert(value, at);
                }
            }
            known.extend(answered(exchange));
        }
        for (at, evidence) in
            evidence::of_visits(recording, &plan.of, plan.visits.len(), &kinds).into_iter().enumerate()
        {
            evidence.settle(&mut plan.visits[at], world);
        }
        plan
    }

    /// The visit that a value belongs to.
    pub(crate) fn visit_of(&self, value: &str) -> Option<usize> {
        self.of.get(value).copied()
    }

    /// A value belongs to the newest visit, unless that one has another of its kind already or tells otherwise.
    fn place(
        &mut self,
        kind: Kind,
        client: Option<String>,
        evidence: Option<&Vec<String>>,
        own: &HashMap<String, Vec<String>>,
        main: &str,
    ) -> usize {
        if let Some(newest) = self.visits.last() {
            let alone = matches!(kind, Kind::Code | Kind::RefreshToken | Kind::Session | Kind::IdToken);
            let taken = alone && newest.members.iter().any(|(known, _)| *known == kind);
            let with_code =
                kind == Kind::Code || newest.members.iter().any(|(known, _)| *known == Kind::Code);
            let others = newest.members.iter().filter_map(|(_, value)| own.get(value)).next();
            let contradicts = evidence.zip(others).is_some_and(|(one, other)| one != other);
            let foreign = client.as_ref().is_some_and(|client| newest.client != *client);
            if !(taken || contradicts || foreign || with_code) {
                return self.visits.len() - 1;
            }
        }
        self.visits.push(Visit { client: client.unwrap_or_else(|| main.to_owned()), ..Visit::default() });
        self.visits.len() - 1
    }
}

/// What a request presents, with its kind.
pub(crate) fn presented(request: &Request, kinds: &HashMap<String, Kind>) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    let token = |value: String| {
        let kind = match Jwt::decode(&value) {
            Some(_) => Kind::ResourceToken,
            None => kinds.get(&value).copied().unwrap_or(Kind::AccessToken),
        };
        (kind, value)
    };
    let is_token = |value: &String| Shape::of(value) == Some(Shape::Opaque) || Jwt::decode(value).is_some();
    if request.path().starts_with("/oidc/")
        && let Some(value) = request.cookie("_session").filter(|value| !value.is_empty())
    {
        found.push((Kind::Session, value.to_owned()));
    }
    for (name, value) in request.parameters() {
        if !is_token(&value) {
            continue;
        }
        match name.as_str() {
            "code" => found.push((Kind::Code, value)),
            "refresh_token" => found.push((Kind::RefreshToken, value)),
            "id_token_hint" => found.push((Kind::IdToken, value)),
            "token" | "subject_token" | "actor_token" => found.push(token(value)),
            _ => {}
        }
    }
    if request.path().starts_with("/oidc/")
        && let Some(value) = request.bearer().map(str::to_owned).filter(is_token)
    {
        found.push(token(value));
    }
    found
}

/// Of tokens that are presented without saying what they are: what another request or the note says.
fn kinds(recording: &Recording) -> HashMap<String, Kind> {
    let mut kinds = HashMap::new();
    for Exchange { note, request, response, .. } in &recording.exchanges {
        if let Some(token) = request.parameter("token") {
            let hint = request.parameter("token_type_hint");
            let kind = match (hint.as_deref(), response.member("token_type")) {
                (Some("refresh_token"), _) => Kind::RefreshToken,
                (Some("access_token"), _) | (_, Some("Bearer")) => Kind::AccessToken,
                _ if note.split_whitespace().next() == Some("RT") => Kind::RefreshToken,
                _ => continue,
            };
            kinds.entry(token).or_insert(kind);
        }
    }
    for exchange in &recording.exchanges {
        if let Some(token) = exchange.request.parameter("refresh_token") {
            kinds.insert(token, Kind::RefreshToken);
        }
        if let Some(token) = exchange.request.bearer() {
            kinds.insert(token.to_owned(), Kind::AccessToken);
        }
    }
    kinds
}

/// Values that an answer brings: they need not be obtained.
fn answered(exchange: &Exchange) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut take = |text: &str| {
        found.extend(shaped_words(text).into_iter().map(str::to_owned));
        if Jwt::decode(text).is_some() {
            found.push(text.to_owned());
        }
    };
    walk(&exchange.response.body, &mut take);
    take(exchange.response.header("location").unwrap_or_default());
    found.extend(exchange.response.cookies().into_iter().map(|(_, value)| value));
    found
}

fn walk(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(list) => list.iter().for_each(|value| walk(value, take)),
        Value::Object(members) => members.values().for_each(|value| walk(value, take)),
        _ => {}
    }
}

/// The client that a value was issued to, where something tells it.
fn client_of(exchange: &Exchange, kind: Kind, value: &str, world: &World) -> Option<String> {
    let token = Jwt::decode(value);
    let named = match (kind, &token) {
        (Kind::IdToken, Some(token)) => token.claim("aud").map(str::to_owned),
        (_, Some(token)) => token.claim("client_id").map(str::to_owned),
        _ => None,
    };
    let answered = exchange.response.member("client_id").map(str::to_owned);
    let interactive = |id: &String| world.clients.get(id).is_some_and(|client| !client.machine);
    let asking = exchange.request.client_id().filter(|_| {
        // Another client's token is told of in errors only.
        let refused = exchange.response.status >= 400;
        !refused || matches!(kind, Kind::Code | Kind::RefreshToken)
    });
    let other = exchange.note.contains("another client") || exchange.note.contains("other client");
    named.or(answered).or(asking.filter(|_| !other)).filter(interactive)
}
