//! How an API refuses a request (RFC 6750 §3).

use crate::{AccessError, AccessErrorKind};
use serde_json::json;

/// How an API asks for an access token in its refusals.
///
/// ```
/// use logto_client::web::{Challenge, bearer};
///
/// let challenge = Challenge::default().realm("orders");
/// let error = bearer([], None, None).unwrap_err();
/// assert_eq!(challenge.answer(&error).www_authenticate.as_deref(), Some("Bearer realm=\"orders\""));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a challenge does nothing before an error is told with it"]
pub struct Challenge {
    realm: Option<String>,
    resource_metadata: Option<String>,
}

/// The whole answer of an API that refuses a request.
///
/// Its content type is `application/json`, and it is not to be stored: [`NO_STORE`](super::NO_STORE).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiAnswer {
    /// The status.
    pub status: u16,
    /// `WWW-Authenticate`
    pub www_authenticate: Option<String>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The body, JSON with the members `error` and `error_description`, and `scope` where one is missing.
    pub body: String,
}

impl Challenge {
    /// The name of what is protected. Quotes and line breaks in it do no harm.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Where the metadata of the API are, a URL.
    ///
    /// Source: RFC 9728 §5.1.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// The answer that tells an error.
    ///
    /// Source: RFC 6750 §3, §3.1.
    #[must_use]
    pub fn answer(&self, error: &AccessError) -> ApiAnswer {
        let kind = error.kind();
        let mut body = json!({"error": kind.name(), "error_description": error.description()});
        if let Some(scope) = error.scope() {
            body["scope"] = scope.into();
        }
        ApiAnswer {
            status: kind.status(),
            www_authenticate: self.www_authenticate(error),
            retry_after: error.retry_after().map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            body: body.to_string(),
        }
    }

    /// `None` where no other token would help.
    fn www_authenticate(&self, error: &AccessError) -> Option<String> {
        let mut parameters = Vec::new();
        let mut add = |name: &str, value: String| parameters.push(format!("{name}=\"{value}\""));
        if let Some(realm) = &self.realm {
            add("realm", quoted(realm));
        }
        match error.kind() {
            AccessErrorKind::Unavailable | AccessErrorKind::Misconfigured => return None,
            AccessErrorKind::NoCredentials => {}
            kind => {
                add("error", kind.name().to_owned());
                add("error_description", plain(error.description()));
            }
        }
        if let Some(scope) = error.scope() {
            add("scope", plain(scope));
        }
        if let Some(url) = &self.resource_metadata {
            add("resource_metadata", quoted(url));
        }
        if parameters.is_empty() {
            return Some("Bearer".to_owned());
        }
        Some(format!("Bearer {}", parameters.join(", ")))
    }
}

/// The inside of a quoted string (RFC 9110 §5.6.4): visible ASCII and spaces, quotes and backslashes escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c if c.is_control() => quoted.push(' '),
            _ => quoted.push('?'),
        }
    }
    quoted
}

/// What RFC 6750 §3 allows in `error_description` and `scope`, which know no escapes.
fn plain(text: &str) -> String {
    quoted(text).replace("\\\"", "'").replace("\\\\", "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::VerifyError;

    fn told(error: &AccessError) -> (u16, String) {
        let answer = Challenge::default().realm("api").answer(error);
        (answer.status, answer.www_authenticate.unwrap_or_default())
    }

    fn body(error: &AccessError) -> serde_json::Value {
        serde_json::from_str(&error.answer().body).unwrap()
    }

    #[test]
    fn rfc_6750_case_01_no_credentials_are_answered_without_an_error() {
        let error = super::super::bearer([], None, None).unwrap_err();
        assert_eq!(told(&error), (401, "Bearer realm=\"api\"".to_owned()));
        assert_eq!(body(&error)["error"], "no_credentials");
        assert_eq!(error.answer().www_authenticate.as_deref(), Some("Bearer"));
    }

    #[test]
    fn rfc_6750_case_03_two_headers_are_an_invalid_request() {
        let error = super::super::bearer([b"Bearer a".as_slice(), b"Bearer b"], None, None).unwrap_err();
        let header = "Bearer realm=\"api\", error=\"invalid_request\", \
                      error_description=\"the request has more than one Authorization header\"";
        assert_eq!(told(&error), (400, header.to_owned()));
        assert_eq!(body(&error)["error"], "invalid_request");
    }

    #[test]
    fn rfc_6750_case_08_an_expired_token_is_an_invalid_token() {
        let error = AccessError::from(VerifyError::claim_of("exp", "is over"));
        let header = "Bearer realm=\"api\", error=\"invalid_token\", \
                      error_description=\"the access token is refused: `exp` is over\"";
        assert_eq!(told(&error), (401, header.to_owned()));
        assert_eq!(
            error.answer().body,
            r#"{"error":"invalid_token","error_description":"the access token is refused: `exp` is over"}"#
        );
    }

    #[test]
    fn rfc_6750_case_09_another_audience_is_an_invalid_token() {
        let error = AccessError::from(VerifyError::claim_of("aud", "does not hold this API"));
        let (status, header) = told(&error);
        assert_eq!(status, 401);
        assert!(header.contains("error=\"invalid_token\"") && header.contains("`aud`"), "{header}");
    }

    #[test]
    fn rfc_6750_case_10_a_missing_scope_is_named() {
        let error =
            AccessError::insufficient("it lacks a scope", Some("read:orders write:orders".to_owned()));
        let header = "Bearer realm=\"api\", error=\"insufficient_scope\", \
                      error_description=\"it lacks a scope\", scope=\"read:orders write:orders\"";
        assert_eq!(told(&error), (403, header.to_owned()));
        assert_eq!(body(&error)["scope"], "read:orders write:orders");
    }

    #[test]
    fn rfc_6750_case_11_nothing_breaks_out_of_its_quotes() {
        let challenge = Challenge::default()
            .realm("a\", error=\"x\\\r\nSet-Cookie: s=1\u{7f}ü")
            .resource_metadata("https://api.example/\"\r\nX: 1");
        let error =
            AccessError::insufficient("a \"quoted\" \\ reason\r\nX: 1", Some("a\"b\\ c\nd".to_owned()));
        let header = challenge.answer(&error).www_authenticate.unwrap();
        assert_eq!(
            header,
            "Bearer realm=\"a\\\", error=\\\"x\\\\  Set-Cookie: s=1 ?\", error=\"insufficient_scope\", \
             error_description=\"a 'quoted' ' reason  X: 1\", scope=\"a'b' c d\", \
             resource_metadata=\"https://api.example/\\\"  X: 1\""
        );
        assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let names: Vec<_> = parameters(&header).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["realm", "error", "error_description", "scope", "resource_metadata"]);
    }

    /// Reads the parameters as a client does.
    fn parameters(header: &str) -> Vec<(String, String)> {
        let mut rest = header.strip_prefix("Bearer ").unwrap();
        let mut found = Vec::new();
        loop {
            let (name, value) = rest.split_once("=\"").unwrap();
            let (mut text, mut chars) = (String::new(), value.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (_, '\\') => text.push(chars.next().unwrap().1),
                    (end, '"') => break end,
                    (_, c) => text.push(c),
                }
            };
            found.push((name.to_owned(), text));
            match value[end + 1..].strip_prefix(", ") {
                Some(more) => rest = more,
                None => return found,
            }
        }
    }

    #[test]
    fn an_outage_and_a_wrong_set_up_ask_for_no_token_and_tell_nothing_of_themselves() {
        let away = crate::LogtoError::new(crate::ErrorKind::Unavailable, "canary")
            .with_retry_after(Some(std::time::Duration::from_millis(1500)));
        let answer = AccessError::from(away).answer();
        assert_eq!((answer.status, answer.www_authenticate, answer.retry_after), (503, None, Some(2)));
        assert!(!answer.body.contains("canary"));
        let answer = AccessError::misconfigured("canary").answer();
        assert_eq!((answer.status, answer.www_authenticate), (500, None));
        assert!(!answer.body.contains("canary"));
        let error = AccessError::invalid_request("the request names no organization");
        assert_eq!(error.answer().status, 400);
    }
}
