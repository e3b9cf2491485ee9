//! Answers, cookies and parameters.

use super::pages;
use crate::{http_date, keys, state::State as Known};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use url::form_urlencoded;

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// 303 with these cookies.
pub(super) fn redirect(to: &str, cookies: &[String]) -> Response {
    let mut response = moved(StatusCode::SEE_OTHER, to);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with_cookies(response, cookies)
}

/// 302, from one of the pages.
pub(super) fn page_redirect(to: &str) -> Response {
    moved(StatusCode::FOUND, to)
}

fn moved(status: StatusCode, to: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(to) else { return StatusCode::BAD_REQUEST.into_response() };
    let body = format!("Redirecting to {}.", pages::escape(to));
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    response
}

pub(super) fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A cookie and its signature, which nobody checks: who has the browser has the server.
pub(super) fn signed(name: &str, value: &str, attributes: &str) -> [String; 2] {
    let signature = &keys::hash(&format!("{name}={value}"))[..27];
    [format!("{name}={value}; {attributes}"), format!("{name}.sig={signature}; {attributes}")]
}

/// The session's cookie until its end.
pub(super) fn session_cookies(session: &str, until: u64) -> [String; 2] {
    let attributes = format!("path=/; samesite=lax; httponly; expires={}", http_date::format(until));
    signed("_session", session, &attributes)
}

/// The session's cookie ends.
pub(super) fn no_session_cookies() -> [String; 2] {
    signed("_session", "", &format!("path=/; expires={}; samesite=lax; httponly", http_date::format(0)))
}

pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
}

/// The session that this browser has, by its cookie, where it is not over.
pub(super) fn session(state: &Known, headers: &HeaderMap) -> Option<String> {
    cookie(headers, "_session").filter(|session| state.session(session).is_some())
}

/// Parameters of a query or a form.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    pub(super) fn of(members: Map<String, Value>) -> Self {
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut pairs = Vec::new();
        for (name, value) in members {
            match value {
                Value::Array(values) => {
                    pairs.extend(values.into_iter().map(|value| (name.clone(), text(value))));
                }
                value => pairs.push((name, text(value))),
            }
        }
        Self(pairs)
    }

    pub(super) fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// The first of this name that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// The words of a list separated by spaces.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        self.get(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// The first name, other than `resource`, that comes twice.
    pub(super) fn repeated(&self) -> Option<&str> {
        let mut names = self.0.iter().enumerate();
        let found = names.find(|(at, (name, _))| {
            name != "resource" && self.0[..*at].iter().any(|(before, _)| before == name)
        });
        found.map(|(_, (name, _))| name.as_str())
    }
}
