//! Two answers to one request: what is the same, and what differs.

mod headers;
mod html;

use crate::{
    bindings::Bindings,
    recording::{Request, Response},
    shape::{Jwt, Shape, digits_of_time, pieces},
};
use serde_json::{Map, Value};
use std::fmt;

/// One difference between the recording and this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) place: String,
    pub(crate) recorded: String,
    pub(crate) live: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| match text.char_indices().nth(200) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text.to_owned(),
        };
        write!(f, "{}: recorded {}, got {}", self.place, short(&self.recorded), short(&self.live))
    }
}

/// All differences, and the new pairs in `bindings` even where there are some.
pub(crate) fn compare(
    request: &Request,
    recorded: &Response,
    live: &Response,
    bindings: &mut Bindings,
) -> Vec<Difference> {
    let mut comparison = Comparison { bindings, sent: request.text(), differences: Vec::new() };
    if recorded.status != live.status {
        comparison.differs("status", recorded.status, live.status);
    }
    headers::compare(&mut comparison, &recorded.headers, &live.headers);
    comparison.value("body", "", &recorded.body, &live.body);
    comparison.differences
}

struct Comparison<'a> {
    bindings: &'a mut Bindings,
    /// What the request carries: it comes back as it was sent.
    sent: String,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn differs(&mut self, place: &str, recorded: impl fmt::Display, live: impl fmt::Display) {
        let (recorded, live) = (recorded.to_string(), live.to_string());
        self.differences.push(Difference { place: place.to_owned(), recorded, live });
    }

    fn value(&mut self, place: &str, name: &str, recorded: &Value, live: &Value) {
        match (recorded, live) {
            (Value::Object(recorded), Value::Object(live)) => self.object(place, recorded, live),
            (Value::Array(recorded), Value::Array(live)) => {
                if recorded.len() != live.len() {
                    let number = |list: &[Value]| format!("{} items {}", list.len(), Value::from(list));
                    self.differs(place, number(recorded), number(live));
                }
                for (index, (recorded, live)) in recorded.iter().zip(live).enumerate() {
                    self.value(&format!("{place}[{index}]"), name, recorded, live);
                }
            }
            (Value::String(recorded), Value::String(live)) => {
                if recorded.trim_start().starts_with('<') {
                    html::compare(self, place, recorded, live);
                } else {
                    self.text(place, recorded, live);
                }
            }
            (Value::Number(one), Value::Number(other)) => {
                let same = match digits_of_time(name) {
                    Some(digits) => one.to_string().len() == digits && other.to_string().len() == digits,
                    None => one == other,
                };
                if !same {
                    self.differs(place, recorded, live);
                }
            }
            _ if recorded == live => {}
            _ => self.differs(place, recorded, live),
        }
    }

    fn object(&mut self, place: &str, recorded: &Map<String, Value>, live: &Map<String, Value>) {
        for (name, value) in recorded {
            let place = format!("{place}.{name}");
            match live.get(name) {
                Some(live) => self.value(&place, name, value, live),
                None => self.differs(&place, value, "nothing"),
            }
        }
        for (name, value) in live.iter().filter(|(name, _)| !recorded.contains_key(*name)) {
            self.differs(&format!("{place}.{name}"), "nothing", value);
        }
        let lifetime = |members: &Map<String, Value>| {
            Some(members.get("exp")?.as_i64()? - members.get("iat")?.as_i64()?)
        };
        if let (Some(recorded), Some(live)) = (lifetime(recorded), lifetime(live))
            && recorded != live
        {
            self.differs(&format!("{place}.exp"), format!("iat + {recorded}"), format!("iat + {live}"));
        }
    }

    fn text(&mut self, place: &str, recorded: &str, live: &str) {
        match (Jwt::decode(recorded), Jwt::decode(live)) {
            (Some(one), Some(other)) => {
                self.value(&format!("{place}.header"), "", &one.header, &other.header);
                self.value(&format!("{place}.claims"), "", &one.claims, &other.claims);
                if one.signature != other.signature {
                    let bytes = |bytes| format!("{bytes} bytes of signature");
                    self.differs(place, bytes(one.signature), bytes(other.signature));
                }
                self.agree(place, recorded, live);
            }
            (None, None) => self.plain(place, recorded, live),
            _ => self.differs(place, recorded, live),
        }
    }

    /// Word by word: those that a server makes up by their shape, all others as they are.
    fn plain(&mut self, place: &str, recorded: &str, live: &str) {
        let (one, other) = (pieces(recorded), pieces(live));
        let alike = one.len() == other.len()
            && one.iter().zip(&other).all(|(recorded, live)| match Shape::of(recorded) {
                Some(shape) if !self.is_sent_back(recorded) => Shape::of(live) == Some(shape),
                _ => recorded == live || self.bindings.live(recorded) == Some(live),
            });
        if !alike {
            return self.differs(place, quoted(&self.bindings.substitute(recorded)), quoted(live));
        }
        for (recorded, live) in one.into_iter().zip(other) {
            if Shape::of(recorded).is_some() && !self.is_sent_back(recorded) {
                self.agree(place, recorded, live);
            }
        }
    }

    /// A value that this run sends as it was recorded.
    fn is_sent_back(&self, word: &str) -> bool {
        self.bindings.live(word).is_none() && self.sent.contains(word)
    }

    fn agree(&mut self, place: &str, recorded: &str, live: &str) {
        if let Err(expected) = self.bindings.agree(recorded, live) {
            self.differs(place, expected, quoted(live));
        }
    }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}
