//! Requests as they were recorded, sent to this run's server.

use crate::{
    bindings::Bindings,
    note,
    recording::{Body, Exchange, Response},
};
use reqwest::{Client, Method, redirect::Policy};
use serde_json::Value;
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use url::form_urlencoded;

/// Where requests go.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    http: Client,
    address: SocketAddr,
}

/// A request that is ready to go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

impl Outgoing {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self { method: "GET".to_owned(), target: target.into(), ..Self::default() }
    }

    pub(crate) fn form(target: impl Into<String>, form: &[(String, String)]) -> Self {
        let content_type = "application/x-www-form-urlencoded".to_owned();
        Self {
            method: "POST".to_owned(),
            target: target.into(),
            headers: vec![("content-type".to_owned(), content_type)],
            body: Some(encoded(form)),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A recorded request with the values of this run.
    pub(crate) fn of(exchange: &Exchange, bindings: &Bindings) -> Self {
        let request = &exchange.request;
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let body = match &request.body {
            Body::None => None,
            Body::Form(form) => Some(encoded(form)),
            Body::Json(json) => Some(json.to_string()),
            Body::Raw(raw) => Some(raw.clone()),
        };
        let mut headers: Vec<(String, String)> =
            request.headers.iter().map(|(name, value)| (name.clone(), bindings.substitute(value))).collect();
        if let Some((name, value)) = note::header(&exchange.note)
            && request.header(&name).is_none()
        {
            headers.push((name, value));
        }
        Self {
            method: request.method.clone(),
            target: bindings.substitute(&format!("{}{query}", request.path())),
            headers,
            body: body.map(|body| bindings.substitute(&body)),
        }
    }
}

fn encoded(form: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

impl Server {
    pub(crate) fn at(address: SocketAddr) -> Result<Self, String> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(20));
        let http = client.build().map_err(|error| error.to_string())?;
        Ok(Self { http, address })
    }

    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Response, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let method = Method::from_bytes(outgoing.method.as_bytes()).map_err(|error| text(&error))?;
        let url = format!("http://{}{}", self.address, outgoing.target);
        let mut request = self.http.request(method, url);
        for (name, value) in outgoing.headers {
            request = request.header(name, value);
        }
        if let Some(body) = outgoing.body {
            request = request.body(body);
        }
        let response = request.send().await.map_err(|error| text(&error))?;
        let status = response.status().as_u16();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.entry(name.as_str().to_owned()).or_default().push(value);
        }
        let body = response.bytes().await.map_err(|error| text(&error))?;
        let is_json =
            headers.get("content-type").is_some_and(|types| types.iter().any(|one| one.contains("json")));
        let body = match serde_json::from_slice::<Value>(&body) {
            Ok(json) if is_json => json,
            _ => Value::String(String::from_utf8_lossy(&body).into_owned()),
        };
        Ok(Response { status, headers, body })
    }
}
