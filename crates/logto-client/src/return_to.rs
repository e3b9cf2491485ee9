//! Where a person may be sent within the application: never off its origin.

use url::Url;

/// So many times a path is percent-decoded to see what a careless server behind would see.
const MOST_DECODINGS: usize = 5;

/// Path, query and fragment of `raw` on this origin; `None` where it leads or could lead elsewhere.
pub(crate) fn on_origin(raw: &str, origin: &Url) -> Option<String> {
    if raw.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let local = match raw.strip_prefix('/') {
        Some(_) => raw,
        None => absolute(raw, origin)?,
    };
    if !stays_a_path(local) {
        return None;
    }
    let url = origin.join(local).ok()?;
    if url.origin() != origin.origin() || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let target = &url[url::Position::BeforePath..];
    stays_a_path(target).then(|| target.to_owned())
}

/// What follows the origin in an absolute address that begins with exactly this origin.
fn absolute<'a>(raw: &'a str, origin: &Url) -> Option<&'a str> {
    let rest = raw.strip_prefix(origin.as_str().trim_end_matches('/'))?;
    match rest.chars().next() {
        Some('/') => Some(rest),
        None => Some("/"),
        Some(_) => None,
    }
}

/// Whether the path begins with exactly one slash and holds nothing odd, however often it is decoded.
fn stays_a_path(target: &str) -> bool {
    let mut path = target.split(['?', '#']).next().unwrap_or_default().to_owned();
    for _ in 0..=MOST_DECODINGS {
        let odd = |c: char| c.is_control() || c == '\\' || is_invisible(c) || c.is_whitespace() && c != ' ';
        if !path.starts_with('/') || path.contains("//") || path.chars().any(odd) {
            return false;
        }
        if path.split('/').any(|segment| segment == "..") {
            return false;
        }
        let decoded = percent_decoded(&path);
        if decoded == path {
            return true;
        }
        path = decoded;
    }
    false
}

/// Slashes and dots in disguise, marks that turn the reading direction, and such.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2024}' | '\u{2044}' | '\u{2060}'..='\u{206f}' | '\u{2215}' | '\u{2571}' | '\u{29f8}' | '\u{3002}'
        | '\u{feff}' | '\u{fffd}' | '\u{ff0e}' | '\u{ff0f}' | '\u{ff3c}' | '\u{ff61}')
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let byte = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(raw: &str) -> Option<String> {
        on_origin(raw, &Url::parse("https://app.example.com").unwrap())
    }

    #[test]
    fn paths_and_addresses_of_the_own_origin_are_kept_whole() {
        for (raw, expected) in [
            ("/", "/"),
            ("/a/b?c=d&e=https://x.example/%2F#f", "/a/b?c=d&e=https://x.example/%2F#f"),
            ("/caf%C3%A9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/100%", "/100%"),
            ("https://app.example.com", "/"),
            ("https://app.example.com/orders?id=7", "/orders?id=7"),
        ] {
            assert_eq!(judge(raw).as_deref(), Some(expected), "{raw}");
        }
    }

    #[test]
    fn nothing_leaves_the_origin() {
        for raw in [
            "",
            "a",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%2Fevil.example",
            "/%252Fevil.example",
            "/%25252Fevil.example",
            "/%5Cevil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/..//evil.example",
            "/%2e%2e//evil.example",
            "/\tevil",
            "/%09/evil.example",
            "/\u{200b}/evil",
            "/%E2%80%8B/evil",
            "/%EF%BC%8Fevil.example",
            "https:evil.example",
            "https://evil.example",
            "https://app.example.com.evil.example/",
            "https://app.example.com@evil.example/",
            "https://app.example.com:444/",
            "http://app.example.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "/%ff%fe",
            " /a",
            "/a\r\nLocation: https://evil.example",
        ] {
            assert_eq!(judge(raw), None, "{raw:?}");
        }
    }
}
