//! Two hundred payloads that are scripts where an answer shows them raw: twenty beginnings of ten scripts.

use url::form_urlencoded;

/// So many payloads there are.
pub const PAYLOADS: usize = BEGINNINGS.len() * SCRIPTS.len();

/// What ends the place that a text stands in, or hides what follows from a filter.
const BEGINNINGS: [&str; 20] = [
    "",
    "access_denied",
    "oidc.aborted ",
    "\">",
    "'>",
    "\"/>",
    "' x=\">",
    "</small>",
    "</p>",
    "</title>",
    "</style>",
    "</textarea>",
    "-->",
    "<!-->",
    "]]>",
    "\\",
    "&lt;",
    "%3C",
    "\u{feff}",
    "\u{2028}&#x3c;",
];

/// Each notes in the window at the top that it has run.
const SCRIPTS: [&str; 10] = [
    "<script>top.ran=1</script>",
    "<ScRiPt >top.ran=1</sCrIpT >",
    "<svg><script>top.ran=1</script></svg>",
    "<svg onload=top.ran=1>",
    "<svg/onload='top.ran=1'>",
    "<img src=x: onerror=top.ran=1>",
    "<img/src=\"x:\"/onerror=\"top.ran=1\">",
    "<iframe srcdoc=\"<script>top.ran=1</script>\"></iframe>",
    "<details open ontoggle=top.ran=1>x</details>",
    "<link rel=stylesheet href=data:text/css, onload=top.ran=1>",
];

/// The payload of this number.
///
/// # Panics
///
/// Where the number is [`PAYLOADS`] or more.
#[must_use]
pub fn payload(number: usize) -> String {
    format!("{}{}", BEGINNINGS[number / SCRIPTS.len()], SCRIPTS[number % SCRIPTS.len()])
}

/// As a text stands in a page where it is text and nothing else.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

/// As a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The address of a page that shows this text as it is, as a careless application does.
#[must_use]
pub fn in_data_url(text: &str) -> String {
    let page = format!("<!doctype html><meta charset=utf-8><title>Error</title><p>{text}</p>");
    format!("data:text/html;charset=utf-8,{}", encoded(&page).replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_200_different_payloads() {
        let different: BTreeSet<String> = (0..PAYLOADS).map(payload).collect();
        assert_eq!((PAYLOADS, different.len()), (200, 200));
    }
}
