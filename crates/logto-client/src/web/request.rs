//! What kind of request this is, by its method and headers.

use url::Url;

/// What of a request the verdicts look at; each header as sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFacts<'a> {
    /// The method, for example `GET`.
    pub method: &'a str,
    /// `Accept`
    pub accept: Option<&'a str>,
    /// `Sec-Fetch-Mode`
    pub sec_fetch_mode: Option<&'a str>,
    /// `Sec-Fetch-Site`
    pub sec_fetch_site: Option<&'a str>,
    /// `Origin`
    pub origin: Option<&'a str>,
    /// `X-Requested-With`
    pub requested_with: Option<&'a str>,
}

/// Whether a person waits for a page: a redirect to sign-in helps only them.
///
/// ```
/// use logto_client::web::{RequestFacts, is_page_request};
///
/// let page = RequestFacts { method: "GET", accept: Some("text/html"), ..Default::default() };
/// let script = RequestFacts { sec_fetch_mode: Some("cors"), ..page };
/// assert!(is_page_request(&page) && !is_page_request(&script));
/// ```
#[must_use]
pub fn is_page_request(facts: &RequestFacts<'_>) -> bool {
    if facts.method != "GET"
        || facts.requested_with.is_some_and(|with| with.eq_ignore_ascii_case("XMLHttpRequest"))
    {
        return false;
    }
    if let Some(mode) = facts.sec_fetch_mode {
        return mode == "navigate";
    }
    facts.accept.is_none_or(|accept| {
        accept.split(',').any(|range| {
            let range = range.split(';').next().unwrap_or_default().trim();
            range.eq_ignore_ascii_case("text/html") || range == "*/*"
        })
    })
}

/// What a request to the sign-out route may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutVerdict {
    /// Sign the person out.
    Allow,
    /// Answer 200 with [`sign_out_page`](super::sign_out_page), which asks.
    Ask,
    /// Answer 403 with [`sign_out_page`](super::sign_out_page).
    Refuse,
}

/// Judges a sign-out by where it comes from: another site must not sign people out.
///
/// POST is allowed with `Sec-Fetch-Site` same-origin or none, or with an `Origin` equal to the base URL.
/// GET is allowed with `Sec-Fetch-Site` same-origin or none, else a page asks. Without both headers,
/// and for every other method, it is refused.
#[must_use]
pub fn judge_sign_out(facts: &RequestFacts<'_>, base_url: &Url) -> SignOutVerdict {
    let own_site = facts.sec_fetch_site.map(|site| matches!(site, "same-origin" | "none"));
    let own_origin = facts.origin.map(|origin| origin == base_url.origin().ascii_serialization());
    match (facts.method, own_site, own_origin) {
        (_, None, None) => SignOutVerdict::Refuse,
        ("GET" | "POST", Some(true), _) | ("POST", _, Some(true)) => SignOutVerdict::Allow,
        ("GET", ..) => SignOutVerdict::Ask,
        _ => SignOutVerdict::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_navigation_is_a_page_request() {
        let get = RequestFacts { method: "GET", ..Default::default() };
        for (facts, expected) in [
            (get, true),
            (RequestFacts { accept: Some("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), ..get }, true),
            (RequestFacts { accept: Some("*/*"), ..get }, true),
            (RequestFacts { accept: Some("application/json"), ..get }, false),
            (RequestFacts { accept: Some("text/html"), sec_fetch_mode: Some("cors"), ..get }, false),
            (RequestFacts { accept: Some("*/*"), sec_fetch_mode: Some("navigate"), ..get }, true),
            (RequestFacts { accept: Some("*/*"), requested_with: Some("XMLHttpRequest"), ..get }, false),
            (RequestFacts { method: "POST", accept: Some("text/html"), ..get }, false),
            (RequestFacts { method: "HEAD", accept: Some("text/html"), ..get }, false),
        ] {
            assert_eq!(is_page_request(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_sign_out_from_another_site_is_never_allowed() {
        use SignOutVerdict::{Allow, Ask, Refuse};
        let base = Url::parse("http://localhost:3000").unwrap();
        for (method, site, origin, expected) in [
            ("POST", Some("same-origin"), Some("http://localhost:3000"), Allow),
            ("POST", Some("same-origin"), None, Allow),
            ("POST", Some("none"), None, Allow),
            ("POST", None, Some("http://localhost:3000"), Allow),
            ("POST", Some("cross-site"), Some("https://evil.example"), Refuse),
            ("POST", Some("same-site"), Some("http://localhost:4000"), Refuse),
            ("POST", Some("cross-site"), None, Refuse),
            ("POST", None, Some("null"), Refuse),
            ("POST", None, None, Refuse),
            ("GET", Some("same-origin"), None, Allow),
            ("GET", Some("none"), None, Allow),
            ("GET", Some("cross-site"), None, Ask),
            ("GET", Some("same-site"), None, Ask),
            ("GET", None, Some("http://localhost:3000"), Ask),
            ("GET", None, None, Refuse),
            ("HEAD", Some("same-origin"), None, Refuse),
            ("PUT", Some("same-origin"), None, Refuse),
        ] {
            let facts = RequestFacts { method, sec_fetch_site: site, origin, ..Default::default() };
            assert_eq!(judge_sign_out(&facts, &base), expected, "{facts:?}");
        }
    }
}
