//! What a provider's answer means: a success, or which error.

use crate::{
    ErrorKind, LogtoError,
    transport::{Response, TransportError},
    verify::parse_strict_object,
};
use serde_json::{Map, Value};
use std::time::Duration;

/// The longest wait that a `Retry-After` is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The JSON object of a successful answer, or the error that the answer tells.
pub(crate) fn json(answer: &Response) -> Result<Map<String, Value>, LogtoError> {
    success(answer)?;
    parse_strict_object(&answer.body).map_err(|error| {
        LogtoError::new(ErrorKind::ProviderMisbehaved, "the provider's answer is no JSON object")
            .with_code("unexpected_response_error")
            .with_source(error)
    })
}

/// Whether the status is 2xx, else the error that the answer tells.
pub(crate) fn success(answer: &Response) -> Result<(), LogtoError> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let body = parse_strict_object(&answer.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let oauth = text("error");
    let error = match (answer.status, oauth.as_deref()) {
        (429, _) => LogtoError::new(ErrorKind::RateLimited, "the provider asks to slow down: try later")
            .with_retry_after(Some(retry_after(answer.retry_after.as_deref())))
            .with_code("rate_limited"),
        (500.., _) => unavailable("the provider answers with a server error: try later")
            .with_retry_after(Some(retry_after(answer.retry_after.as_deref()))),
        (400, Some("invalid_grant")) => LogtoError::new(
            ErrorKind::CallbackRejected,
            "the provider refuses the code: it is used, expired or another's; sign in again",
        ),
        (_, Some("invalid_client" | "unauthorized_client")) => {
            LogtoError::misconfigured("the provider refuses the application: check app id and app secret")
        }
        (_, Some("invalid_target")) => LogtoError::new(
            ErrorKind::InvalidTarget,
            "the provider refuses the resource: configure it, and ask for it at sign-in",
        ),
        (403, Some("insufficient_scope")) | (400, Some("invalid_scope")) => {
            LogtoError::new(ErrorKind::InsufficientScope, "the tokens lack a scope that this needs")
        }
        (_, Some("access_denied")) => {
            LogtoError::new(ErrorKind::Forbidden, "the provider denies this person access")
        }
        (401, _) => LogtoError::new(ErrorKind::NotAuthenticated, "the provider does not accept the token"),
        _ => LogtoError::new(
            ErrorKind::ProviderMisbehaved,
            format!("the provider refuses the request with status {}", answer.status),
        ),
    };
    Err(match (oauth, error.code()) {
        (Some(code), _) => error.with_code(code).with_description(text("error_description")),
        (None, None) => error.with_code(format!("http_error_{}", answer.status)),
        (None, Some(_)) => error,
    })
}

/// No answer at all.
pub(crate) fn no_answer(error: TransportError) -> LogtoError {
    unavailable("the provider does not answer: try later").with_source(error)
}

fn unavailable(message: &'static str) -> LogtoError {
    LogtoError::new(ErrorKind::Unavailable, message)
}

/// Seconds to wait: a date, nonsense or an absurd number becomes something sane.
fn retry_after(header: Option<&str>) -> Duration {
    let seconds = header.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(1);
    Duration::from_secs(seconds.max(1)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status,
            content_type: None,
            cache_control: None,
            retry_after: None,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn an_answer_is_told_apart_by_kind_and_keeps_the_providers_code() {
        for (status, body, kind, code) in [
            (400, r#"{"error":"invalid_grant"}"#, ErrorKind::CallbackRejected, "invalid_grant"),
            (401, r#"{"error":"invalid_client"}"#, ErrorKind::Misconfigured, "invalid_client"),
            (400, r#"{"error":"invalid_client"}"#, ErrorKind::Misconfigured, "invalid_client"),
            (400, r#"{"error":"invalid_target"}"#, ErrorKind::InvalidTarget, "invalid_target"),
            (403, r#"{"error":"access_denied"}"#, ErrorKind::Forbidden, "access_denied"),
            (403, r#"{"error":"insufficient_scope"}"#, ErrorKind::InsufficientScope, "insufficient_scope"),
            (400, r#"{"error":"invalid_scope"}"#, ErrorKind::InsufficientScope, "invalid_scope"),
            (401, r#"{"error":"invalid_token"}"#, ErrorKind::NotAuthenticated, "invalid_token"),
            (429, "Too many requests", ErrorKind::RateLimited, "rate_limited"),
            (503, "<html>", ErrorKind::Unavailable, "http_error_503"),
            (302, "", ErrorKind::ProviderMisbehaved, "http_error_302"),
            (400, "not json content", ErrorKind::ProviderMisbehaved, "http_error_400"),
        ] {
            let error = json(&answer(status, body)).unwrap_err();
            assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{status} {body}");
        }
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.";
        for body in
            ["", "[]", "[{\"sub\":\"alice\"}]", jwt, "\"alice\"", "null", "<html>", "{\"a\":1,\"a\":2}", "{"]
        {
            assert_eq!(json(&answer(200, body)).unwrap_err().kind(), ErrorKind::ProviderMisbehaved);
        }
    }

    #[test]
    fn retry_after_is_believed_within_reason() {
        for (header, seconds) in
            [(None, 1), (Some("7"), 7), (Some("1000000000"), 60), (Some("-5"), 1), (Some("Wed, 21 Oct"), 1)]
        {
            assert_eq!(retry_after(header).as_secs(), seconds);
        }
    }
}
