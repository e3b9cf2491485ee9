//! What the notes of a recording tell: times that passed, calls at once, headers, what was not asked for.

use crate::recording::Exchange;
use std::time::Duration;

/// How much time passed since the exchange before: "after 3.2 s", "4 s later", "2 s after the previous use".
pub(crate) fn elapsed(note: &str) -> Option<Duration> {
    let words: Vec<String> = spaced(note);
    let mut times = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Ok(number) = word.parse::<f64>() else { continue };
        let word = |offset: usize| words.get(at + offset).map(String::as_str).unwrap_or_default();
        let seconds = match word(1) {
            "ms" => number / 1000.0,
            "s" | "sec" | "seconds" => number,
            "min" | "minutes" => number * 60.0,
            "h" | "hours" => number * 3600.0,
            "d" | "days" => number * 86_400.0,
            _ => continue,
        };
        let before = at.checked_sub(1).and_then(|at| words.get(at)).is_some_and(|word| word == "after");
        if word(2) == "after" && word(3) == "the" && word(4) == "previous" {
            return Some(Duration::from_secs_f64(seconds));
        }
        if before || matches!(word(2), "later" | "after") {
            times.push(seconds);
        }
    }
    times.first().map(|seconds| Duration::from_secs_f64(*seconds))
}

/// Words, numbers apart from their units.
fn spaced(note: &str) -> Vec<String> {
    let mut text = String::new();
    let mut last = ' ';
    for c in note.chars() {
        if last.is_ascii_digit() && c.is_ascii_alphabetic() {
            text.push(' ');
        }
        text.push(if matches!(c, ',' | '(' | ')' | ';' | ':') { ' ' } else { c });
        last = c;
    }
    text.split_whitespace().map(str::to_owned).collect()
}

/// Its number among calls at once: "concurrent 3".
pub(crate) fn place_among_concurrent(note: &str) -> Option<usize> {
    let words = spaced(note);
    let at = words.iter().position(|word| word == "concurrent")?;
    words.get(at + 1)?.parse().ok()
}

/// How many of these exchanges, from the first one on, were under way at once.
pub(crate) fn at_once(exchanges: &[Exchange]) -> usize {
    let numbered = |(place, exchange): &(usize, &Exchange)| {
        place_among_concurrent(&exchange.note) == Some(*place) && exchange.is_oidc()
    };
    exchanges.iter().enumerate().take_while(numbered).count().max(1)
}

/// Whether what is presented had expired.
pub(crate) fn is_expired(note: &str) -> bool {
    spaced(note).iter().any(|word| word.eq_ignore_ascii_case("expired"))
}

/// The scope that was not asked for: "RT (no offline_access)", "without openid".
pub(crate) fn left_out(note: &str, scope: &str) -> bool {
    spaced(note).windows(2).any(|pair| matches!(pair[0].as_str(), "no" | "without") && pair[1] == scope)
}

/// A header that is named in the note only: "Accept-Language: fr".
pub(crate) fn header(note: &str) -> Option<(String, String)> {
    let (name, value) = note.split_once(": ")?;
    let known = ["accept", "accept-language", "if-none-match", "origin"];
    let name = name.to_lowercase();
    known.contains(&name.as_str()).then(|| (name, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_notes() {
        let seconds = |note| elapsed(note).map(|time| time.as_secs_f64());
        assert_eq!(seconds("spa REUSE of consumed RT after 3.2s"), Some(3.2));
        assert_eq!(seconds("reuse 4s after first use, 2s after the previous use"), Some(2.0));
        assert_eq!(seconds("the original RT 4 s later (reuse outside the window)"), Some(4.0));
        assert_eq!(seconds("web RT aged to 74 % of its lifetime"), None);
        assert_eq!(seconds("use of concurrently issued RT 3"), None);
    }

    #[test]
    fn calls_at_once_headers_and_what_is_left_out_are_read_from_notes() {
        assert_eq!(place_among_concurrent("concurrent 3"), Some(3));
        assert_eq!(place_among_concurrent("use of concurrently issued RT 3"), None);
        assert_eq!(header("Accept-Language: fr"), Some(("accept-language".to_owned(), "fr".to_owned())));
        assert_eq!(header("refresh: plain"), None);
        assert!(left_out("RT (no offline_access) after end_session", "offline_access"));
        assert!(left_out("sign-in without openid scope", "openid"));
        assert!(!left_out("RT (offline_access) after end_session", "offline_access"));
        assert!(is_expired("expired RT") && !is_expired("RT"));
    }
}
