//! The people, told from how they sign in and from claims about them.

use crate::{recording::Exchange, shape::Jwt, world::Right};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) password: Option<String>,
    /// What was told most often, by claim.
    pub(crate) claims: BTreeMap<String, Value>,
    pub(crate) rights: Vec<Right>,
}

impl Person {
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    pub(crate) fn list(&self, claim: &str) -> Vec<String> {
        texts(self.claims.get(claim))
    }
}

/// The texts of a list.
pub(crate) fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The claims about a person in an answer: of an ID token and of user info.
pub(crate) fn claims(exchange: &Exchange) -> Vec<Value> {
    let body = &exchange.response.body;
    let id_token = exchange.response.member("id_token").and_then(Jwt::decode).map(|token| token.claims);
    let user_info =
        (exchange.request.path() == "/oidc/me" && exchange.response.status == 200).then(|| body.clone());
    id_token.into_iter().chain(user_info).collect()
}

/// All of them.
pub(crate) fn of(all: &[&Exchange], remarks: &[&Value]) -> Vec<Person> {
    let mut told: BTreeMap<String, BTreeMap<String, HashMap<String, usize>>> = BTreeMap::new();
    let mut learn = |claims: &Value, weight: usize| {
        let Some(id) = claims.get("sub").and_then(Value::as_str) else { return };
        let known = told.entry(id.to_owned()).or_default();
        for (name, value) in claims.as_object().into_iter().flatten() {
            *known.entry(name.clone()).or_default().entry(value.to_string()).or_default() += weight;
        }
    };
    for exchange in all.iter().filter(|exchange| exchange.is_oidc()) {
        claims(exchange).iter().for_each(|claims| learn(claims, 1));
    }
    // A remark is not compared: where it contradicts an answer, it shows what was.
    remarks.iter().for_each(|claims| learn(claims, 2));
    for exchange in all.iter().filter(|exchange| exchange.is_oidc()) {
        // Where nobody's claims are told, a token still names its person, and so does what is said of one.
        let sent = exchange.request.parameters().into_iter().filter_map(|(_, value)| Jwt::decode(&value));
        let given = exchange.response.member("access_token").and_then(Jwt::decode);
        let tokens = sent.chain(given).filter(|token| token.claim("sub") != token.claim("client_id"));
        let mut named: Vec<String> =
            tokens.filter_map(|token| token.claim("sub").map(str::to_owned)).collect();
        if exchange.request.path() == "/oidc/token/introspection" {
            named.extend(exchange.response.member("sub").map(str::to_owned));
        }
        for id in named {
            told.entry(id).or_default();
        }
    }
    let passwords = passwords(all);
    let mut people: Vec<(usize, Person)> = told
        .into_iter()
        .map(|(id, counted)| {
            let number = counted.get("sub").map_or(0, |values| values.values().sum());
            (number, person(id, counted, &passwords))
        })
        .collect();
    // One id without a name and one name without an id are of one person.
    let mut nameless = people.iter_mut().filter(|(_, person)| person.username == person.id);
    if let (Some((_, person)), None, 1) = (nameless.next(), nameless.next(), passwords.len()) {
        for (username, password) in &passwords {
            (person.username, person.password) = (username.clone(), Some(password.clone()));
        }
    }
    for (username, password) in &passwords {
        if !people.iter().any(|(_, person)| person.username == *username) {
            let (username, password) = (username.clone(), Some(password.clone()));
            people.push((0, Person { username, password, ..Person::default() }));
        }
    }
    // Whoever is told of most comes first: it is them where nobody says whom a token is of.
    people.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    // Somebody without a name, of whom one answer tells at most, is not believed beside others.
    let several = people.first().is_some_and(|(number, _)| *number > 1);
    people.retain(|(number, person)| {
        let named = person.claims.contains_key("username") || person.password.is_some();
        named || *number > 1 || !several
    });
    let mut known = HashSet::new();
    let alone = people.into_iter().filter(|(_, person)| known.insert(person.username.clone()));
    alone.map(|(_, person)| person).collect()
}

fn person(
    id: String,
    counted: BTreeMap<String, HashMap<String, usize>>,
    passwords: &BTreeMap<String, String>,
) -> Person {
    let most = |values: HashMap<String, usize>| {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort();
        let most = values.into_iter().max_by_key(|(_, number)| *number);
        most.and_then(|(text, _)| serde_json::from_str::<Value>(&text).ok())
    };
    let claims: BTreeMap<String, Value> =
        counted.into_iter().filter_map(|(name, values)| Some((name, most(values)?))).collect();
    let username = claims.get("username").and_then(Value::as_str).map_or_else(|| id.clone(), str::to_owned);
    let password = passwords.get(&username).cloned();
    Person { id, username, password, claims, rights: Vec::new() }
}

/// User names and passwords that were accepted.
fn passwords(all: &[&Exchange]) -> BTreeMap<String, String> {
    let accepted = all.iter().filter(|exchange| {
        exchange.request.path() == "/api/experience/verification/password" && exchange.response.is_success()
    });
    let pairs = accepted.filter_map(|exchange| credentials(exchange));
    pairs.collect()
}

/// What the sign-in page sends.
pub(crate) fn credentials(exchange: &Exchange) -> Option<(String, String)> {
    let crate::recording::Body::Json(body) = &exchange.request.body else { return None };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some((text(body.get("identifier")?.get("value")?)?, text(body.get("password")?)?))
}
