//! What a visitor hears who may not pass, and two watches over cookies: their size, and who stores them.

use axum::{
    extract::{OriginalUri, Request},
    http::{HeaderValue, Uri, header, request::Parts},
    middleware::Next,
    response::Response,
};
use logto_client::web;

/// Browsers drop a cookie that is longer, name and attributes included, in bytes.
const LONGEST_COOKIE: usize = 4096;

/// What of the request decides how its visitor hears of an error.
pub(crate) fn visit(parts: &Parts) -> web::Visit {
    let here = original_uri(parts).path_and_query().map_or("/", |here| here.as_str());
    web::Visit::new(&facts(parts), here, text(parts, "cookie"))
}

/// The address as the browser asked for it, also under `nest`.
pub(crate) fn original_uri(parts: &Parts) -> &Uri {
    parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

pub(crate) fn facts(parts: &Parts) -> web::RequestFacts<'_> {
    web::RequestFacts {
        method: parts.method.as_str(),
        accept: text(parts, "accept"),
        sec_fetch_mode: text(parts, "sec-fetch-mode"),
        sec_fetch_site: text(parts, "sec-fetch-site"),
        origin: text(parts, "origin"),
        requested_with: text(parts, "x-requested-with"),
    }
}

fn text<'a>(parts: &'a Parts, header: &str) -> Option<&'a str> {
    parts.headers.get(header).and_then(|value| value.to_str().ok())
}

/// Logs an error for each `Set-Cookie` that browsers will drop because of its size.
///
/// A session that lives in a cookie outgrows it silently. Mount it outside the session layer:
///
/// ```
/// # use axum::{Router, middleware::from_fn};
/// # let sessions = tower_sessions::SessionManagerLayer::new(tower_sessions::MemoryStore::default());
/// let app: Router = Router::new().layer(sessions).layer(from_fn(logto_axum::watch_cookie_size));
/// ```
pub async fn watch_cookie_size(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        if cookie.len() > LONGEST_COOKIE {
            let name = cookie.as_bytes().split(|&byte| byte == b'=').next().unwrap_or_default();
            tracing::error!(
                cookie = %String::from_utf8_lossy(name),
                bytes = cookie.len(),
                "browsers drop this cookie: keep the session on the server, not in a cookie",
            );
        }
    }
    response
}

/// Lets no cache keep an answer that sets a cookie: `Cache-Control: no-store`, whatever the answer said.
///
/// A cache that keeps one gives a visitor's session to others. The SDK's own answers are never stored; this is
/// for the application's, in whose handlers the session changes too. Mount it outside the session layer:
///
/// ```
/// # use axum::{Router, middleware::from_fn};
/// # let sessions = tower_sessions::SessionManagerLayer::new(tower_sessions::MemoryStore::default());
/// let app: Router = Router::new().layer(sessions).layer(from_fn(logto_axum::no_store_with_cookie));
/// ```
pub async fn no_store_with_cookie(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.headers().contains_key(header::SET_COOKIE) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(web::NO_STORE));
    }
    response
}
