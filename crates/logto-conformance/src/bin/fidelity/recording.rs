//! Recordings: files of exchanges with a real server.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};
use url::{Url, form_urlencoded};

/// A file of exchanges.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) exchanges: Vec<Exchange>,
    /// Claims of tokens that remarks show.
    pub(crate) remarks: Vec<Value>,
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// Its place in the file, remarks counted too.
    pub(crate) index: usize,
    pub(crate) note: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    Form(Vec<(String, String)>),
    Json(Value),
    Raw(String),
}

/// An answer, recorded or live.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    /// JSON, or text as a string.
    pub(crate) body: Value,
}

impl Recording {
    /// The recording in a file; `None` where it holds something else.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
        let document: Value =
            serde_json::from_slice(&text).map_err(|error| format!("{name}: no JSON: {error}"))?;
        let Some(list) = document.get("exchanges").and_then(Value::as_array) else { return Ok(None) };
        let shown = |exchange: &&Value| exchange.get("request").is_none();
        let remarks: Vec<Value> = list
            .iter()
            .filter(shown)
            .filter_map(|remark| remark.get("decoded")?.get("claims").cloned())
            .collect();
        let mut exchanges = Vec::new();
        for (index, exchange) in list.iter().enumerate() {
            // What has no request is a remark.
            if exchange.get("request").is_some_and(Value::is_object) {
                let exchange = Exchange::parse(index, exchange).ok_or_else(|| {
                    format!("{name}: exchange {index} lacks a method, an address or a status")
                })?;
                exchanges.push(exchange);
            }
        }
        Ok(Some(Self { name, exchanges, remarks }))
    }
}

impl Exchange {
    pub(crate) fn parse(index: usize, exchange: &Value) -> Option<Self> {
        let (request, response) = (exchange.get("request")?, exchange.get("response")?);
        let note = exchange.get("note").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self { index, note, request: Request::parse(request)?, response: Response::parse(response)? })
    }

    /// Whether it is one of those that are compared.
    pub(crate) fn is_oidc(&self) -> bool {
        self.request.url.path() == "/oidc" || self.request.url.path().starts_with("/oidc/")
    }
}

impl Request {
    fn parse(request: &Value) -> Option<Self> {
        let headers = headers(request.get("headers"));
        let single =
            headers.into_iter().flat_map(|(name, values)| values.into_iter().map(move |v| (name.clone(), v)));
        let body =
            match (request.get("form"), request.get("json"), request.get("raw").or(request.get("body"))) {
                (Some(Value::Object(form)), ..) => Body::Form(
                    form.iter()
                        .flat_map(|(name, value)| texts(value).into_iter().map(|v| (name.clone(), v)))
                        .collect(),
                ),
                (_, Some(json), _) if !json.is_null() => Body::Json(json.clone()),
                (.., Some(Value::String(raw))) => Body::Raw(raw.clone()),
                _ => Body::None,
            };
        Some(Self {
            method: request.get("method")?.as_str()?.to_owned(),
            url: Url::parse(request.get("url")?.as_str()?).ok()?,
            headers: single.collect(),
            body,
        })
    }

    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The parameters of query and form, or the texts of a JSON body.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = self.url.query_pairs().into_owned().collect();
        match &self.body {
            Body::Form(form) => all.extend(form.iter().cloned()),
            Body::Json(Value::Object(members)) => all.extend(
                members.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))),
            ),
            Body::Raw(raw) => all.extend(form_urlencoded::parse(raw.as_bytes()).into_owned()),
            _ => {}
        }
        all
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.parameters().into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.header("cookie")?.split("; ");
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Client id and secret of HTTP Basic.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    }

    pub(crate) fn client_id(&self) -> Option<String> {
        self.basic().map(|(id, _)| id).or_else(|| self.parameter("client_id"))
    }

    /// All that it carries, as text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.url);
        for (name, value) in self.parameters() {
            text += &format!("{name}={value}\n");
        }
        for (_, value) in &self.headers {
            text += &format!("{value}\n");
        }
        text
    }
}

impl Response {
    fn parse(response: &Value) -> Option<Self> {
        let body = match response.get("body") {
            None | Some(Value::Null) => Value::String(String::new()),
            Some(body) => body.clone(),
        };
        let status = u16::try_from(response.get("status")?.as_u64()?).ok()?;
        Some(Self { status, headers: headers(response.get("headers")), body })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.first().map(String::as_str)
    }

    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Names and values of the cookies that it sets.
    pub(crate) fn cookies(&self) -> Vec<(String, String)> {
        let set = self.headers.get("set-cookie").map(Vec::as_slice).unwrap_or_default();
        let pairs = set.iter().filter_map(|cookie| cookie.split(';').next()?.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

fn headers(headers: Option<&Value>) -> BTreeMap<String, Vec<String>> {
    let members = headers.and_then(Value::as_object).into_iter().flatten();
    members.map(|(name, value)| (name.to_lowercase(), texts(value))).collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}
