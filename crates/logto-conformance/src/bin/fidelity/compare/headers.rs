//! Headers of answers.

use super::{Comparison, quoted};
use crate::shape::shaped_words;
use std::collections::{BTreeMap, BTreeSet};

/// Said by the connection or counted anew for each answer: nothing that an application goes by.
const LEFT_OUT: [&str; 7] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "logto-core-request-id",
    "transfer-encoding",
    "x-powered-by",
];

pub(super) fn compare(
    comparison: &mut Comparison<'_>,
    recorded: &BTreeMap<String, Vec<String>>,
    live: &BTreeMap<String, Vec<String>>,
) {
    let names: BTreeSet<&String> = recorded.keys().chain(live.keys()).collect();
    for name in names.into_iter().filter(|name| !LEFT_OUT.contains(&name.as_str())) {
        let place = format!("header {name}");
        let of = |headers: &BTreeMap<String, Vec<String>>| headers.get(name).cloned().unwrap_or_default();
        let (recorded, live) = (of(recorded), of(live));
        match name.as_str() {
            "set-cookie" => cookies(comparison, &recorded, &live),
            // A hash over a body that holds new values: whether there is one is all that can be the same.
            "etag" => {
                let kinds =
                    |tags: &[String]| tags.iter().map(|tag| kind_of_tag(tag)).collect::<Vec<_>>().join(", ");
                if kinds(&recorded) != kinds(&live) {
                    comparison.differs(&place, kinds(&recorded), kinds(&live));
                }
            }
            _ if recorded.len() != live.len() => {
                let listed = |values: &[String]| match values {
                    [] => "nothing".to_owned(),
                    values => quoted(&values.join("`, `")),
                };
                comparison.differs(&place, listed(&recorded), listed(&live));
            }
            _ => {
                for (recorded, live) in recorded.iter().zip(&live) {
                    comparison.text(&place, recorded, live);
                }
            }
        }
    }
}

fn kind_of_tag(tag: &str) -> &'static str {
    let strong = |tag: &str| tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"');
    match tag.strip_prefix("W/") {
        Some(rest) if strong(rest) => "a weak tag",
        None if strong(tag) => "a tag",
        _ => "no tag",
    }
}

/// Cookies by name: whether they have a value, their attributes, and for how long they live.
fn cookies(comparison: &mut Comparison<'_>, recorded: &[String], live: &[String]) {
    let (one, other) = (parse(recorded), parse(live));
    let names =
        |cookies: &[Cookie]| cookies.iter().map(|cookie| cookie.name.clone()).collect::<BTreeSet<_>>();
    let (recorded_names, live_names) = (names(&one), names(&other));
    for missing in recorded_names.difference(&live_names) {
        comparison.differs(&format!("cookie {missing}"), "set", "nothing");
    }
    for added in live_names.difference(&recorded_names) {
        comparison.differs(&format!("cookie {added}"), "nothing", "set");
    }
    for recorded in &one {
        let Some(live) = other.iter().find(|live| live.name == recorded.name) else { continue };
        let place = format!("cookie {}", recorded.name);
        if recorded.value.is_empty() != live.value.is_empty() {
            let kind = |value: &str| if value.is_empty() { "no value" } else { "a value" };
            comparison.differs(&place, kind(&recorded.value), kind(&live.value));
        }
        // The values go to the browser and back; what counts is which of this run stands for which.
        let (decoded, decoded_live) = (unescape(&recorded.value), unescape(&live.value));
        for (recorded, live) in shaped_words(&decoded).into_iter().zip(shaped_words(&decoded_live)) {
            comparison.bindings.bind(recorded, live);
        }
        if shaped_words(&decoded).is_empty() && !recorded.value.is_empty() {
            comparison.bindings.bind(&recorded.value, &live.value);
        }
        for (name, value) in &recorded.attributes {
            let place = format!("{place}, {name}");
            match live.attributes.get(name) {
                Some(live) => comparison.text(&place, value, live),
                None => comparison.differs(&place, quoted(value), "nothing"),
            }
        }
        for (name, value) in
            live.attributes.iter().filter(|(name, _)| !recorded.attributes.contains_key(*name))
        {
            comparison.differs(&format!("{place}, {name}"), "nothing", quoted(value));
        }
    }
}

struct Cookie {
    name: String,
    value: String,
    attributes: BTreeMap<String, String>,
}

fn parse(cookies: &[String]) -> Vec<Cookie> {
    let parsed = cookies.iter().filter_map(|cookie| {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, mut value) = (name.to_lowercase(), value.to_owned());
            if name == "expires" {
                value = if value.contains(" 1970 ") { "in the past".to_owned() } else { "later".to_owned() };
            }
            (name, value)
        });
        Some(Cookie { name: name.to_owned(), value: value.to_owned(), attributes: attributes.collect() })
    });
    parsed.collect()
}

fn unescape(value: &str) -> String {
    let plus = value.replace('+', "%2B");
    let query = format!("x={plus}");
    let pair = url::form_urlencoded::parse(query.as_bytes()).next();
    pair.map(|(_, value)| value.into_owned()).unwrap_or_default()
}
