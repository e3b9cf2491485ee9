//! What a visitor hears who may not pass, and two watches over cookies: their size, and who stores them.

use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
};
use logto_client::web;

/// Browsers drop a cookie that is longer, name and attributes included, in bytes.
const LONGEST_COOKIE: usize = 4096;

/// What of the request decides how its visitor hears of an error.
pub(crate) fn visit(request: &HttpRequest) -> web::Visit {
    let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
    web::Visit::new(&facts(request), here, text(request, "cookie"))
}

pub(crate) fn facts(request: &HttpRequest) -> web::RequestFacts<'_> {
    web::RequestFacts {
        method: request.method().as_str(),
        accept: text(request, "accept"),
        sec_fetch_mode: text(request, "sec-fetch-mode"),
        sec_fetch_site: text(request, "sec-fetch-site"),
        origin: text(request, "origin"),
        requested_with: text(request, "x-requested-with"),
    }
}

fn text<'a>(request: &'a HttpRequest, header: &str) -> Option<&'a str> {
    request.headers().get(header).and_then(|value| value.to_str().ok())
}

/// Logs an error for each `Set-Cookie` that browsers will drop because of its size.
///
/// A session that lives in a cookie outgrows it silently. Mount it outside the session middleware, which
/// is to say after it:
///
/// ```
/// # use actix_session::{SessionMiddleware, storage::CookieSessionStore};
/// # use actix_web::{App, cookie::Key, middleware::from_fn};
/// # let sessions = SessionMiddleware::new(CookieSessionStore::default(), Key::generate());
/// let app = App::new().wrap(sessions).wrap(from_fn(logto_actix::watch_cookie_size));
/// ```
///
/// # Errors
///
/// Those of the service inside.
pub async fn watch_cookie_size(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
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
    Ok(response)
}

/// Lets no cache keep an answer that sets a cookie: `Cache-Control: no-store`, whatever the answer said.
///
/// A cache that keeps one gives a visitor's session to others. The SDK's own answers are never stored; this is
/// for the application's, in whose handlers the session changes too. Mount it outside the session middleware,
/// which is to say after it:
///
/// ```
/// # use actix_session::{SessionMiddleware, storage::CookieSessionStore};
/// # use actix_web::{App, cookie::Key, middleware::from_fn};
/// # let sessions = SessionMiddleware::new(CookieSessionStore::default(), Key::generate());
/// let app = App::new().wrap(sessions).wrap(from_fn(logto_actix::no_store_with_cookie));
/// ```
///
/// # Errors
///
/// Those of the service inside.
pub async fn no_store_with_cookie(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    if response.headers().contains_key(header::SET_COOKIE) {
        let no_store = header::HeaderValue::from_static(web::NO_STORE);
        response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    }
    Ok(response)
}
