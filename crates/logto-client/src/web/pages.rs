//! The pages: fixed HTML, everything from outside escaped, no cause of an error in it.

use crate::{ErrorKind, LogtoError};
use std::fmt::Write;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.25rem;\
color:#1c1b1f;background:#fafafa}h1{font-size:1.4rem}a,button{font:inherit;display:inline-block;margin-top:1rem;\
padding:.5rem 1.1rem;border:0;border-radius:.5rem;background:#5d34f2;color:#fff;text-decoration:none;cursor:pointer}\
small{color:#66646b}@media(prefers-color-scheme:dark){body{color:#eee;background:#191919}small{color:#aaa}}";

/// The error for a program: its kind, as JSON.
///
/// ```
/// use logto_client::{LogtoError, web::error_json};
///
/// assert_eq!(error_json(&LogtoError::misconfigured("…")), r#"{"error":"misconfigured"}"#);
/// ```
#[must_use]
pub fn error_json(error: &LogtoError) -> String {
    format!("{{\"error\":\"{}\"}}", error.kind().name())
}

/// The page of an error: what happened, what to do, and a way back to sign-in.
#[must_use]
pub fn error_page(error: &LogtoError, sign_in_path: Option<&str>) -> String {
    let (title, text) = words(error.kind());
    let mut body = format!("<p>{text}</p>");
    if let (ErrorKind::SignInRefused, Some(reason)) = (error.kind(), error.description()) {
        let _ = write!(body, "<p>{}</p>", escape(reason));
    }
    if let Some(path) = sign_in_path.filter(|_| error.kind() != ErrorKind::Misconfigured) {
        let _ = write!(body, "<a href=\"{}\">Sign in</a>", escape(path));
    }
    if let Some(code) = error.code() {
        let _ = write!(body, "<p><small>{}</small></p>", escape(code));
    }
    page(title, &body)
}

/// The page that asks whether to sign out; its form posts to `action`.
#[must_use]
pub fn sign_out_page(action: &str) -> String {
    let form =
        format!("<form method=\"post\" action=\"{}\"><button>Sign out</button></form>", escape(action));
    page("Sign out?", &form)
}

/// The page of a sign-out while the provider does not answer.
#[must_use]
pub fn signed_out_locally_page() -> String {
    page(
        "Signed out here",
        "<p>You are signed out of this application. The sign-in service does not answer, so you may still be \
         signed in there: close the browser if others use this computer.</p>",
    )
}

fn words(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::NotAuthenticated => ("Please sign in", "This page needs you to sign in."),
        ErrorKind::SignInSessionNotFound => (
            "This sign-in is not known here",
            "It was started in another browser, took more than an hour, or its link was opened twice. Please \
             start again.",
        ),
        ErrorKind::CallbackRejected | ErrorKind::InvalidInput => (
            "The sign-in could not be completed",
            "The link does not fit or is used already. Please start again.",
        ),
        ErrorKind::ConsentRefused => ("You did not sign in", "The sign-in was cancelled. You can try again."),
        ErrorKind::ProviderRefused => {
            ("The sign-in was refused", "The sign-in service did not let you in. You can try again.")
        }
        ErrorKind::SignInRefused => ("You cannot sign in", "This application did not accept the sign-in."),
        ErrorKind::Unavailable | ErrorKind::RateLimited => (
            "Please try again in a moment",
            "The sign-in service does not answer at the moment. Reload this page; nothing is lost.",
        ),
        ErrorKind::ProviderMisbehaved | ErrorKind::InvalidToken => {
            ("The sign-in could not be verified", "The sign-in service gave an answer that was not accepted.")
        }
        ErrorKind::Storage => {
            ("Please try again in a moment", "Your session could not be read or written. Reload this page.")
        }
        ErrorKind::Forbidden | ErrorKind::InsufficientScope | ErrorKind::InvalidTarget => {
            ("This is not for you", "You do not have access to what this page needs.")
        }
        ErrorKind::InvalidSignature | ErrorKind::TooLarge => {
            ("This was not accepted", "The request is not one that this application takes.")
        }
        ErrorKind::Misconfigured => {
            ("The application is not set up correctly", "Its operators find the reason in its log.")
        }
    }
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignInRefused;

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let error = LogtoError::new(ErrorKind::ProviderRefused, "m")
            .with_code("<script>alert(1)</script>")
            .with_description(Some("<img src=x>".to_owned()));
        let page = error_page(&error, Some("/logto/sign-in?\"><script>"));
        assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"));
        assert!(sign_out_page("\"><script>").contains("&quot;&gt;&lt;script&gt;"));
    }

    #[test]
    fn no_page_runs_a_script_or_brings_anything_from_elsewhere() {
        let hostile = "\"><script src=https://evil.example></script><img src=//evil.example onerror=x>";
        let error = LogtoError::new(ErrorKind::SignInRefused, "m")
            .with_code(hostile)
            .with_description(Some(hostile.to_owned()));
        for page in [error_page(&error, Some(hostile)), sign_out_page(hostile), signed_out_locally_page()] {
            let tags: Vec<&str> = page.split('<').skip(1).collect();
            for tag in tags {
                let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
                let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
                let known = [
                    "!doctype", "html", "head", "meta", "title", "style", "body", "h1", "p", "a", "small",
                    "form", "button",
                ];
                assert!(known.contains(&name), "{name} in {page}");
                // Names of attributes, without their values.
                let names: String = tag.split('"').step_by(2).collect();
                assert!(!names.contains(" src") && !names.contains(" on"), "{tag}");
            }
            assert!(!page.contains("postMessage") && !page.contains("@import") && !page.contains("url("));
        }
    }

    #[test]
    fn a_refusal_shows_the_applications_words_and_a_cause_is_never_shown() {
        let refused = LogtoError::from(SignInRefused::new("Only staff <may> enter"));
        assert!(error_page(&refused, None).contains("Only staff &lt;may&gt; enter"));
        let error = LogtoError::misconfigured("canary").with_source(std::io::Error::other("canary"));
        assert!(!error_page(&error, Some("/s")).contains("canary"));
    }
}
