//! What all answers have in common: security headers, CORS, ETags, and errors in the form that was asked for.

use super::OidcError;
use crate::keys;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

const COMMON: [(&str, &str); 8] = [
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("strict-transport-security", "max-age=15552000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-download-options", "noopen"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
    ("vary", "Accept-Encoding"),
];

/// Endpoints that pages of other origins may call, and how.
const CORS: [(&str, &str); 8] = [
    ("/oidc/.well-known/openid-configuration", "GET"),
    ("/oidc/jwks", "GET"),
    ("/oidc/token", "POST"),
    ("/oidc/me", "GET,POST"),
    ("/oidc/token/revocation", "POST"),
    ("/oidc/token/introspection", "POST"),
    ("/oidc/request", "POST"),
    ("/oidc/device/auth", "POST"),
];

/// Stands around every endpoint.
pub(super) async fn dress(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let cors = CORS.iter().find(|(path, _)| *path == parts.uri.path()).map(|(_, methods)| *methods);
    if let (&Method::OPTIONS, Some(methods)) = (&parts.method, cors) {
        return preflight(&parts.headers, methods);
    }
    // Axum answers HEAD by GET.
    let asked = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
    let cors = cors.filter(|methods| methods.split(',').any(|method| method == asked));
    let response = next.run(Request::from_parts(parts.clone(), body)).await;
    let mut response = in_the_form_asked_for(&parts, response);
    let oidc = parts.uri.path().starts_with("/oidc");
    if parts.uri.path() == "/oidc/token/revocation" || response.status() == StatusCode::NOT_FOUND {
        response.headers_mut().remove(header::CACHE_CONTROL);
    }
    if oidc && parts.method == Method::GET && response.status() != StatusCode::NOT_FOUND {
        response = tagged(&parts.headers, response).await;
    }
    let headers = response.headers_mut();
    for (name, value) in COMMON {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let policy = if oidc { "same-origin" } else { "cross-origin" };
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static(policy));
    if oidc {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    }
    if let Ok(id) = HeaderValue::from_str(&keys::random()[..16]) {
        headers.insert("logto-core-request-id", id);
    }
    if cors.is_some() {
        allow(&parts.headers, headers);
        if !matches!(parts.uri.path(), "/oidc/.well-known/openid-configuration" | "/oidc/jwks") {
            let exposed = HeaderValue::from_static("WWW-Authenticate");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
    response
}

/// The server does not tell a wrong method from a wrong path; the router, which knows better, does so last.
pub(super) async fn without_methods(mut response: Response) -> Response {
    response.headers_mut().remove(header::ALLOW);
    response
}

fn allow(asked: &HeaderMap, headers: &mut HeaderMap) {
    let origin = asked.get(header::ORIGIN).cloned().unwrap_or(HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding, Origin"));
}

fn preflight(asked: &HeaderMap, methods: &'static str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    allow(asked, headers);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

/// Errors: in the language of who asks, or as OAuth words them.
fn in_the_form_asked_for(asked: &Parts, mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<OidcError>() else { return response };
    let query = asked.uri.query().unwrap_or_default();
    let raw = form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "parse_error" && value == "false");
    let body = if raw { error.raw() } else { error.body_for(&asked.headers) };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body.to_string()))
}

/// With an ETag, or 304 where the one who asks has it.
async fn tagged(asked: &HeaderMap, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let digest = keys::hash(&String::from_utf8_lossy(&bytes));
    let etag = format!("\"{:x}-{}\"", bytes.len(), &digest[..27]);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        parts.headers.insert(header::ETAG, etag);
    }
    if known && parts.status == StatusCode::OK {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}
