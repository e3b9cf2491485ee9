//! The checker: one answer, and what it must and must not hold.

use crate::flow::Page;
use reqwest::header::{self, HeaderMap};

/// The form of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// A redirect.
    Redirect,
    /// A page of the SDK's, with this status.
    Page(u16),
    /// The page that asks whether to sign out: its form is sent with the origin.
    PageThatAsks(u16),
    /// JSON, with this status.
    Json(u16),
    /// Nothing but this status.
    Empty(u16),
    /// What everybody may have and store, as JSON.
    Public,
}

/// In the query or fragment of an address these hold a token or a secret.
const SECRET_PARAMETERS: [&str; 9] = [
    "access_token",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "id_token",
    "id_token_hint",
    "refresh_token",
    "token",
];

/// An answer of the SDK's has this form, and tells none of these secrets to anybody.
///
/// # Panics
///
/// Where it has another one or tells one.
pub(crate) fn check(answer: &Page, form: Form, secrets: &[String]) {
    let told = format!("{form:?} at {}: {} {:?} {}", answer.url, answer.status, answer.headers, answer.body);
    let header = |name: &str| answer.header(name);
    let (status, content_type) = match form {
        Form::Redirect => (303, None),
        Form::Page(status) | Form::PageThatAsks(status) => (status, Some("text/html; charset=utf-8")),
        Form::Json(status) => (status, Some("application/json")),
        Form::Empty(status) => (status, None),
        Form::Public => (200, Some("application/json")),
    };
    assert_eq!(answer.status, status, "{told}");
    assert_eq!(header("content-type"), content_type, "{told}");
    assert_eq!(header("x-content-type-options"), Some("nosniff"), "{told}");
    let referrer = if matches!(form, Form::PageThatAsks(_)) { "same-origin" } else { "no-referrer" };
    assert_eq!(header("referrer-policy"), Some(referrer), "{told}");
    for name in ["cache-control", "referrer-policy", "location", "content-security-policy"] {
        assert!(answer.headers.get_all(name).iter().count() <= 1, "{name} twice: {told}");
    }
    if matches!(form, Form::Public) {
        assert!(!answer.headers.contains_key(header::SET_COOKIE), "{told}");
    } else {
        assert_eq!(header("cache-control"), Some("no-store"), "{told}");
    }
    let is_redirect = matches!(form, Form::Redirect);
    assert_eq!(is_redirect, answer.headers.contains_key(header::LOCATION), "{told}");
    assert_eq!(content_type.is_none(), answer.body.is_empty(), "{told}");
    if is_redirect {
        check_address(header("location").unwrap_or_default(), &told);
    }
    if matches!(form, Form::Page(_) | Form::PageThatAsks(_)) {
        check_page(answer, &told);
    }
    check_cookies(&answer.headers, &told);
    let headers = answer.headers.iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes()));
    for text in headers.chain([answer.body.as_str().into()]) {
        let found = secrets.iter().find(|secret| text.contains(secret.as_str()));
        assert!(found.is_none(), "{found:?} is told: {told}");
    }
}

/// Nothing is loaded, no script runs, nobody frames it.
fn check_page(answer: &Page, told: &str) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.split(';').any(|it| it.trim() == directive), "{directive}: {told}");
    }
    assert!(!policy.contains("script-src"), "{told}");
    assert!(!answer.body.to_ascii_lowercase().contains("<script"), "{told}");
}

/// A path of the application's own or an absolute address, in visible ASCII, without a token.
fn check_address(address: &str, told: &str) {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    assert!(is_path || address.starts_with("http://") || address.starts_with("https://"), "{told}");
    let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '\\');
    assert!(!address.contains(odd), "{told}");
    let pairs = address.split(['?', '&', '#']).skip(1).filter_map(|pair| pair.split('=').next());
    for name in pairs {
        assert!(!SECRET_PARAMETERS.contains(&name), "{name} stands in an address: {told}");
    }
}

/// Each cookie is the session's, with the flags that the application has set.
///
/// # Panics
///
/// Where there is another one, or a flag is missing.
pub(crate) fn check_cookies(headers: &HeaderMap, told: &str) {
    for cookie in headers.get_all(header::SET_COOKIE) {
        let cookie = String::from_utf8_lossy(cookie.as_bytes()).into_owned();
        let mut parts = cookie.split(';').map(|part| part.trim().to_ascii_lowercase());
        let pair = parts.next().unwrap_or_default();
        let attributes: Vec<String> = parts.collect();
        let has = |wanted: &str| attributes.iter().any(|attribute| attribute == wanted);
        assert!(pair.starts_with("__host-id="), "a cookie of nobody's: {cookie}: {told}");
        assert!(has("path=/") && !attributes.iter().any(|it| it.starts_with("domain")), "{cookie}: {told}");
        // What takes a cookie away holds nothing, and the session crates leave its flags out.
        if !has("max-age=0") {
            assert!(has("httponly") && has("secure") && has("samesite=lax"), "{cookie}: {told}");
        }
    }
}
