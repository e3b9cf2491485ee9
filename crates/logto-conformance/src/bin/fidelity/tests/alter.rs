//! Answers with one thing changed.

use crate::{
    recording::Response,
    shape::{Jwt, digits_of_time, shaped_words},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Status,
    Header,
    Key,
    Type,
    Value,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Status, Self::Header, Self::Key, Self::Type, Self::Value];
}

/// All changes that a comparison must see, one in each answer.
pub(super) fn alterations(response: &Response) -> Vec<(Kind, String, Response)> {
    let mut found = Vec::new();
    for status in [response.status + 1, 500] {
        found.push((Kind::Status, "status".to_owned(), Response { status, ..response.clone() }));
    }
    let unseen = ["connection", "content-length", "date", "logto-core-request-id"];
    for name in response.headers.keys().filter(|name| !unseen.contains(&name.as_str())) {
        let mut without = response.clone();
        without.headers.remove(name);
        found.push((Kind::Header, format!("{name}, removed"), without));
        let mut other = response.clone();
        for value in other.headers.get_mut(name).into_iter().flatten().take(1) {
            // Of a cookie its name, of a tag whether it is one.
            *value = match name.as_str() {
                "set-cookie" => format!("x{value}"),
                _ => format!("{value}x"),
            };
        }
        found.push((Kind::Header, name.clone(), other));
    }
    let mut added = response.clone();
    added.headers.insert("x-added".to_owned(), vec!["1".to_owned()]);
    found.push((Kind::Header, "x-added".to_owned(), added));
    for (kind, place, body) in changed("body", "", &response.body) {
        found.push((kind, place, Response { body, ..response.clone() }));
    }
    found
}

fn changed(place: &str, name: &str, value: &Value) -> Vec<(Kind, String, Value)> {
    let here = |kind, value: Value| (kind, place.to_owned(), value);
    match value {
        Value::Object(members) => {
            let mut found = object(place, members);
            found.push(here(Kind::Type, Value::Array(Vec::new())));
            found
        }
        Value::Array(items) => {
            let mut found = vec![here(Kind::Type, json!({}))];
            let mut longer = items.clone();
            longer.push(json!("added"));
            found.push(here(Kind::Value, longer.into()));
            for (index, item) in items.iter().enumerate() {
                for (kind, place, item) in changed(&format!("{place}[{index}]"), name, item) {
                    let mut items = items.clone();
                    items[index] = item;
                    found.push((kind, place, items.into()));
                }
            }
            found
        }
        Value::String(text) => string(place, text),
        Value::Number(number) => {
            let mut found = vec![here(Kind::Type, number.to_string().into())];
            if digits_of_time(name).is_none() {
                found.push(here(Kind::Value, (number.as_i64().unwrap_or_default() + 1).into()));
            }
            found
        }
        Value::Bool(is) => vec![here(Kind::Type, Value::Null), here(Kind::Value, (!is).into())],
        Value::Null => vec![here(Kind::Type, json!("text")), here(Kind::Type, json!(false))],
    }
}

fn object(place: &str, members: &Map<String, Value>) -> Vec<(Kind, String, Value)> {
    let mut found = Vec::new();
    for (name, value) in members {
        let mut without = members.clone();
        without.remove(name);
        found.push((Kind::Key, format!("{place}.{name}"), without.into()));
        for (kind, place, value) in changed(&format!("{place}.{name}"), name, value) {
            let mut members = members.clone();
            members.insert(name.clone(), value);
            found.push((kind, place, members.into()));
        }
    }
    let mut more = members.clone();
    more.insert("added".to_owned(), json!(1));
    found.push((Kind::Key, format!("{place}.added"), more.into()));
    // How long it lives is a fixed value, when it ends is not.
    if let (Some(from), Some(until)) = (members.get("iat"), members.get("exp").and_then(Value::as_i64))
        && from.is_number()
    {
        let mut longer = members.clone();
        longer.insert("exp".to_owned(), (until + 60).into());
        found.push((Kind::Value, format!("{place}.exp"), longer.into()));
    }
    found
}

fn string(place: &str, text: &str) -> Vec<(Kind, String, Value)> {
    let here = |kind, value: Value| (kind, place.to_owned(), value);
    let mut found = vec![here(Kind::Type, json!(1)), here(Kind::Type, Value::Null)];
    if let Some(token) = Jwt::decode(text) {
        let signature = text.rsplit('.').next().unwrap_or_default();
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        for (kind, place, header) in changed(&format!("{place}.header"), "", &token.header) {
            if header.is_object() {
                let token = format!("{}.{}.{signature}", encoded(&header), encoded(&token.claims));
                found.push((kind, place, token.into()));
            }
        }
        for (kind, place, claims) in changed(&format!("{place}.claims"), "", &token.claims) {
            if claims.is_object() {
                let token = format!("{}.{}.{signature}", encoded(&token.header), encoded(&claims));
                found.push((kind, place, token.into()));
            }
        }
    } else if text.trim_start().starts_with('<') {
        if text.contains("</title>") {
            found.push(here(Kind::Value, text.replace("</title>", "x</title>").into()));
        }
        if text.contains("name=\"xsrf\"") {
            found.push(here(Kind::Value, text.replace("name=\"xsrf\"", "name=\"xsrg\"").into()));
        }
    } else if shaped_words(text).is_empty() {
        found.push(here(Kind::Value, format!("{text}x").into()));
    } else {
        // What a server makes up has a shape.
        found.push(here(Kind::Value, format!("{text}!").into()));
    }
    found
}
