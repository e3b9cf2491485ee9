//! What differs from one run to the next, known by its shape: tokens, codes, ids of sessions, times.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The shapes of values that a server makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// 43 characters of base64url: codes, opaque tokens, key ids, session ids.
    Opaque,
    /// 48 hexadecimal digits: a form's secret.
    Hex,
    /// 64 characters of base64url: a coordinate of a key.
    Coordinate,
    /// `sub_…`
    SubjectToken,
    /// `pat_…`
    PersonalAccessToken,
    /// `ABCD-EFGH`
    UserCode,
}

impl Shape {
    pub(crate) fn of(word: &str) -> Option<Self> {
        let (all, length) = (|is: fn(char) -> bool| word.chars().all(is), word.len());
        if !all(is_word) {
            return None;
        }
        let tail = |prefix: &str| word.strip_prefix(prefix).map_or(0, str::len);
        if tail("sub_") == 21 {
            return Some(Self::SubjectToken);
        }
        if tail("pat_") == 32 {
            return Some(Self::PersonalAccessToken);
        }
        let upper = |part: &str| part.len() == 4 && part.chars().all(|c| c.is_ascii_uppercase());
        match length {
            43 => Some(Self::Opaque),
            64 => Some(Self::Coordinate),
            48 if all(|c| matches!(c, '0'..='9' | 'a'..='f')) => Some(Self::Hex),
            9 if word.split_once('-').is_some_and(|(left, right)| upper(left) && upper(right)) => {
                Some(Self::UserCode)
            }
            _ => None,
        }
    }
}

/// A character of base64url.
pub(crate) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Words and what stands between them, in turn.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut kind = None;
    for (at, c) in text.char_indices() {
        if kind.is_some_and(|kind| kind != is_word(c)) {
            pieces.push(&text[from..at]);
            from = at;
        }
        kind = Some(is_word(c));
    }
    pieces.push(&text[from..]);
    pieces
}

/// The words of a text that have a shape.
pub(crate) fn shaped_words(text: &str) -> Vec<&str> {
    pieces(text).into_iter().filter(|piece| Shape::of(piece).is_some()).collect()
}

/// A signed token, decoded.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// In bytes.
    pub(crate) signature: usize,
}

impl Jwt {
    pub(crate) fn decode(token: &str) -> Option<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { return None };
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let json =
            |part: &str| serde_json::from_slice::<Value>(&decoded(part)?).ok().filter(Value::is_object);
        let signature = decoded(signature)?.len();
        Some(Self { header: json(header)?, claims: json(claims)?, signature })
    }

    pub(crate) fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// How many digits a time under this name has: seconds or milliseconds since 1970.
pub(crate) fn digits_of_time(name: &str) -> Option<usize> {
    match name {
        "iat" | "exp" | "nbf" | "auth_time" => Some(10),
        "updated_at" | "created_at" => Some(13),
        _ => None,
    }
}
