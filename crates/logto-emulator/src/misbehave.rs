//! The ways in which an endpoint misbehaves.

use crate::{body, connection::Control, http_date, state::Shared};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How an endpoint misbehaves: once, several times or until told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Answers this status.
    Status(u16),
    /// Answers 429 with `Retry-After` in seconds.
    RetryAfter(u64),
    /// Answers 429 with `Retry-After` as a date, so many seconds from now or ago.
    RetryAfterDate(i64),
    /// Answers 429 with a `Retry-After` of more seconds than a number holds.
    RetryAfterAbsurd,
    /// Answers 429 with a negative `Retry-After`.
    RetryAfterNegative,
    /// Answers 200 with a page instead of JSON.
    NotJson,
    /// Answers 200 with nothing.
    Empty,
    /// Answers 200 with JSON of another shape.
    WrongShape,
    /// Answers rightly, but says that it is an image.
    WrongContentType,
    /// Redirects to another path.
    Redirect,
    /// Answers 200 with 2 MiB.
    TooLarge,
    /// Answers 200 with 100 MB.
    Enormous,
    /// Answers 200 with a gzip bomb: some MB that become 1 GiB.
    GzipBomb,
    /// Answers rightly after this time.
    Latency(Duration),
    /// Sends the headers of the right answer, and nothing more.
    StallAfterHeaders,
    /// Answers rightly, one byte a second.
    OneBytePerSecond,
    /// Breaks the connection in the middle of the answer.
    Disconnect,
    /// Announces the whole answer and ends the connection after half of it.
    Truncated,
    /// Resets the connection instead of an answer.
    Reset,
    /// Resets the connection, and refuses new ones for this time, for all endpoints.
    Refuse(Duration),
    /// Never answers.
    Hang,
    /// Discovery names another issuer.
    WrongIssuer,
    /// Token answers come without `expires_in`.
    WithoutExpiresIn,
    /// Token answers spell their `token_type` oddly.
    OddTokenType,
    /// This claim of ID tokens and access tokens is wrong.
    WrongClaim(Claim),
    /// This claim of ID tokens and access tokens is missing.
    MissingClaim(Claim),
}

/// A claim, or a member of the header, of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// Who issued it.
    Iss,
    /// For whom it is.
    Aud,
    /// The nonce of the sign-in.
    Nonce,
    /// When it ends; a wrong one is in the past.
    Exp,
    /// The key that signed it; a wrong one is not published.
    Kid,
    /// The algorithm; a wrong one is HS256.
    Alg,
}

const CLAIMS: [(Claim, &str); 6] = [
    (Claim::Iss, "iss"),
    (Claim::Aud, "aud"),
    (Claim::Nonce, "nonce"),
    (Claim::Exp, "exp"),
    (Claim::Kid, "kid"),
    (Claim::Alg, "alg"),
];

impl Claim {
    pub(crate) fn name(self) -> &'static str {
        CLAIMS.iter().find(|(claim, _)| *claim == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn is_in_header(self) -> bool {
        matches!(self, Self::Kid | Self::Alg)
    }

    pub(crate) fn wrong(self) -> Value {
        match self {
            Self::Iss => "https://wrong.example.test/oidc".into(),
            Self::Aud => "wrong-audience".into(),
            Self::Nonce => "wrong-nonce".into(),
            Self::Exp => 1_000_000_000.into(),
            Self::Kid => "wrong-kid".into(),
            Self::Alg => "HS256".into(),
        }
    }
}

/// Names of failures without a parameter, and of those with one, as `/_emulator/` knows them.
const PLAIN: [(&str, Failure); 18] = [
    ("retry_after_absurd", Failure::RetryAfterAbsurd),
    ("retry_after_negative", Failure::RetryAfterNegative),
    ("html", Failure::NotJson),
    ("empty", Failure::Empty),
    ("wrong_shape", Failure::WrongShape),
    ("wrong_content_type", Failure::WrongContentType),
    ("redirect", Failure::Redirect),
    ("too_large", Failure::TooLarge),
    ("enormous", Failure::Enormous),
    ("gzip_bomb", Failure::GzipBomb),
    ("stall_after_headers", Failure::StallAfterHeaders),
    ("one_byte_per_second", Failure::OneBytePerSecond),
    ("disconnect", Failure::Disconnect),
    ("truncated", Failure::Truncated),
    ("reset", Failure::Reset),
    ("hang", Failure::Hang),
    ("wrong_issuer", Failure::WrongIssuer),
    ("without_expires_in", Failure::WithoutExpiresIn),
];
const WITH_PARAMETER: &str = "odd_token_type, status (status), retry_after (seconds), retry_after_date (seconds), \
latency (milliseconds), refuse (milliseconds), wrong_claim (claim), missing_claim (claim)";

impl Failure {
    /// As `/_emulator/faults` describes it.
    pub(crate) fn described(fault: &Value) -> Result<Self, String> {
        let number =
            |name: &str| fault[name].as_u64().ok_or_else(|| format!("`{name}` is missing, a number"));
        let time = || number("milliseconds").map(Duration::from_millis);
        let claim = || {
            let known = CLAIMS.iter().find(|(_, name)| Some(*name) == fault["claim"].as_str());
            let names = CLAIMS.map(|(_, name)| name).join(", ");
            known.map(|(claim, _)| *claim).ok_or_else(|| format!("`claim` is one of {names}"))
        };
        let name = fault["fault"].as_str().unwrap_or_default();
        Ok(match name {
            "odd_token_type" => Self::OddTokenType,
            "status" => Self::Status(u16::try_from(number("status")?).map_err(|error| error.to_string())?),
            "retry_after" => Self::RetryAfter(number("seconds")?),
            "retry_after_date" => Self::RetryAfterDate(
                fault["seconds"].as_i64().ok_or("`seconds` is missing, a number from now on or ago")?,
            ),
            "latency" => Self::Latency(time()?),
            "refuse" => Self::Refuse(time()?),
            "wrong_claim" => Self::WrongClaim(claim()?),
            "missing_claim" => Self::MissingClaim(claim()?),
            _ => {
                let plain = PLAIN.iter().find(|(known, _)| *known == name);
                let names = PLAIN.map(|(name, _)| name).join(", ");
                plain.map(|(_, failure)| *failure).ok_or_else(|| {
                    format!("no fault is called \"{name}\"; there are {names}, {WITH_PARAMETER}")
                })?
            }
        })
    }

    /// Whether the endpoint does not come to its answer.
    pub(crate) fn replaces_the_answer(self) -> bool {
        !matches!(
            self,
            Self::WrongContentType
                | Self::Latency(_)
                | Self::StallAfterHeaders
                | Self::OneBytePerSecond
                | Self::Truncated
                | Self::WrongIssuer
                | Self::WithoutExpiresIn
                | Self::OddTokenType
                | Self::WrongClaim(_)
                | Self::MissingClaim(_)
        )
    }
}

/// What comes instead of an answer.
pub(crate) async fn instead(failure: Failure, control: Option<&Control>, shared: &Shared) -> Response {
    let reset = || {
        if let Some(control) = control {
            control.reset();
        }
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    };
    match failure {
        Failure::Status(status) => {
            (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "out of order")
                .into_response()
        }
        Failure::RetryAfter(seconds) => limited(&seconds.to_string()),
        Failure::RetryAfterDate(seconds) => {
            let now = shared.state().now();
            limited(&http_date::format(now.saturating_add_signed(seconds)))
        }
        Failure::RetryAfterAbsurd => limited("99999999999999999999999999"),
        Failure::RetryAfterNegative => limited("-120"),
        Failure::NotJson => Html("<!doctype html><title>Maintenance</title>").into_response(),
        Failure::Empty => as_json(Body::empty()),
        Failure::WrongShape => as_json(Body::from(json!([{"error": ["nothing", 7]}, null]).to_string())),
        Failure::Redirect => {
            let elsewhere = format!("{}/_emulator/elsewhere", shared.endpoint);
            (StatusCode::FOUND, [(header::LOCATION, elsewhere)]).into_response()
        }
        Failure::TooLarge => format!("{{\"x\":\"{}\"}}", "x".repeat(2 * 1024 * 1024)).into_response(),
        Failure::Enormous => as_json(Body::new(body::Repeated::enormous())),
        Failure::GzipBomb => {
            let mut response = as_json(Body::new(body::Repeated::gzip_bomb()));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Failure::Disconnect => Body::new(body::Broken::after(Bytes::from_static(b"{\"x\":"))).into_response(),
        Failure::Refuse(time) => {
            shared.gate.close(time);
            reset()
        }
        Failure::Hang => std::future::pending().await,
        _ => reset(),
    }
}

/// The right answer in a wrong way.
pub(crate) async fn bend(failure: Failure, answer: impl Future<Output = Response>) -> Response {
    let (mut parts, body) = answer.await.into_parts();
    match failure {
        Failure::WrongContentType => {
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
            Response::from_parts(parts, body)
        }
        Failure::Latency(time) => {
            tokio::time::sleep(time).await;
            Response::from_parts(parts, body)
        }
        Failure::StallAfterHeaders | Failure::OneBytePerSecond | Failure::Truncated => {
            let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
            announce(&mut parts.headers, whole.len());
            let body = match failure {
                Failure::StallAfterHeaders => Body::new(body::Slow::stalled()),
                Failure::OneBytePerSecond => Body::new(body::Slow::new(whole, Duration::from_secs(1))),
                _ => Body::new(body::Broken::after(whole.slice(..whole.len() / 2))),
            };
            Response::from_parts(parts, body)
        }
        _ => Response::from_parts(parts, body),
    }
}

fn announce(headers: &mut HeaderMap, length: usize) {
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

fn limited(retry_after: &str) -> Response {
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "Too many requests").into_response();
    if let Ok(value) = HeaderValue::from_str(retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn as_json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
