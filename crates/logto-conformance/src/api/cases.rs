//! RFC 9068, twenty cases, and RFC 6750, twelve: one table, played at the route and in the signature.

use super::{
    Application,
    stage::{Answer, Stage},
    tokens::{API, ISSUER, Token, now},
};
use reqwest::Method;
use serde_json::json;

/// A case: what is sent, and what must come.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// As its test is called.
    pub name: &'static str,
    request: fn() -> Request,
    answer: Expected,
}

/// What must come.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Taken,
    /// 401 without `error`.
    Nobody,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
}

#[derive(Default)]
struct Request {
    authorization: Vec<String>,
    query: Option<String>,
    form: Option<String>,
}

const ROUTES: [&str; 2] = ["/route/orders", "/signature/orders"];

const fn case(name: &'static str, request: fn() -> Request, answer: Expected) -> Case {
    Case { name, request, answer }
}

/// All cases, in their order.
pub const CASES: [Case; 32] = [
    case("rfc_9068_01_at_jwt_is_taken", || bearer(good()), Expected::Taken),
    case(
        "rfc_9068_02_application_at_jwt_is_taken",
        || bearer(good().typ("application/at+jwt")),
        Expected::Taken,
    ),
    case("rfc_9068_03_the_type_in_capitals_is_taken", || bearer(good().typ("AT+JWT")), Expected::Taken),
    case(
        "rfc_9068_04_a_list_of_audiences_with_ours_is_taken",
        || bearer(good().claim("aud", json!(["https://other.example", API]))),
        Expected::Taken,
    ),
    case("rfc_9068_05_the_type_jwt_is_refused", || bearer(good().typ("JWT")), Expected::InvalidToken),
    case("rfc_9068_06_no_type_is_refused", || bearer(untyped()), Expected::InvalidToken),
    case(
        "rfc_9068_07_a_logout_token_is_refused",
        || bearer(good().typ("logout+jwt")),
        Expected::InvalidToken,
    ),
    case("rfc_9068_08_an_id_token_is_refused", || bearer(id_token()), Expected::InvalidToken),
    case("rfc_9068_09_another_audience_is_refused", || aud("https://other.example"), Expected::InvalidToken),
    case("rfc_9068_10_no_audience_is_refused", || bearer(good().without("aud")), Expected::InvalidToken),
    case(
        "rfc_9068_11_a_prefix_of_our_audience_is_refused",
        || aud(&API[..API.len() - 1]),
        Expected::InvalidToken,
    ),
    case(
        "rfc_9068_12_another_issuer_is_refused",
        || bearer(good().claim("iss", format!("{ISSUER}/"))),
        Expected::InvalidToken,
    ),
    case("rfc_9068_13_an_expired_token_is_refused", || bearer(expired()), Expected::InvalidToken),
    case("rfc_9068_14_no_expiry_is_refused", || bearer(good().without("exp")), Expected::InvalidToken),
    case(
        "rfc_9068_15_a_token_of_the_future_is_refused",
        || bearer(good().claim("nbf", now() + 600)),
        Expected::InvalidToken,
    ),
    case(
        "rfc_9068_16_no_signature_is_refused",
        || header(format!("Bearer {}", good().unsigned())),
        Expected::InvalidToken,
    ),
    case("rfc_9068_17_no_subject_is_refused", || bearer(good().without("sub")), Expected::InvalidToken),
    case("rfc_9068_18_no_client_is_refused", || bearer(good().without("client_id")), Expected::InvalidToken),
    case("rfc_9068_19_no_id_is_refused", || bearer(good().without("jti")), Expected::InvalidToken),
    case(
        "rfc_9068_20_a_scope_that_is_no_string_is_refused",
        || bearer(good().claim("scope", json!(["read:orders"]))),
        Expected::InvalidToken,
    ),
    case("rfc_6750_01_no_credentials", Request::default, Expected::Nobody),
    case("rfc_6750_02_another_scheme", || header("Basic dXNlcjpwYXNz".to_owned()), Expected::Nobody),
    case(
        "rfc_6750_03_two_headers",
        || {
            let one = format!("Bearer {}", good().signed());
            Request { authorization: vec![one.clone(), one], ..Request::default() }
        },
        Expected::InvalidRequest,
    ),
    case(
        "rfc_6750_04_header_and_query",
        || Request { query: Some(format!("access_token={}", good().signed())), ..bearer(good()) },
        Expected::InvalidRequest,
    ),
    case(
        "rfc_6750_05_header_and_form",
        || Request { form: Some(format!("a=b&access_token={}", good().signed())), ..bearer(good()) },
        Expected::InvalidRequest,
    ),
    case("rfc_6750_06_an_empty_token", || header("Bearer ".to_owned()), Expected::InvalidRequest),
    case("rfc_6750_07_illegal_characters", || header("Bearer a,b\"c".to_owned()), Expected::InvalidRequest),
    case("rfc_6750_08_an_expired_token", || bearer(expired()), Expected::InvalidToken),
    case("rfc_6750_09_another_audience", || aud("https://other.example"), Expected::InvalidToken),
    case(
        "rfc_6750_10_a_missing_scope",
        || bearer(good().claim("scope", "write:x")),
        Expected::InsufficientScope,
    ),
    case("rfc_6750_11_a_realm_with_quote_and_line_break", || bearer(expired()), Expected::InvalidToken),
    case(
        "rfc_6750_12_a_token_in_the_query",
        || Request { query: Some(format!("access_token={}", good().signed())), ..Request::default() },
        Expected::Nobody,
    ),
];

fn good() -> Token {
    Token::good()
}

fn expired() -> Token {
    good().claim("iat", now() - 7200).claim("exp", now() - 3600)
}

fn untyped() -> Token {
    let mut token = good();
    token.header.remove("typ");
    token
}

fn id_token() -> Token {
    good().typ("JWT").claim("aud", "app").claim("nonce", "nonce").without("client_id").without("jti")
}

fn aud(audience: &str) -> Request {
    bearer(good().claim("aud", audience))
}

fn bearer(token: Token) -> Request {
    header(format!("Bearer {}", token.signed()))
}

fn header(authorization: String) -> Request {
    Request { authorization: vec![authorization], ..Request::default() }
}

/// Plays the case of this name.
///
/// # Panics
///
/// Where the application answers otherwise.
pub async fn play<A: Application>(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).expect("a case of this name");
    let stage = Stage::set::<A>().await;
    for route in ROUTES {
        let request = (case.request)();
        if request.form.is_some() && route.starts_with("/signature") {
            // The body belongs to the handler: nothing has read it before.
            continue;
        }
        let path = request.query.map_or(route.to_owned(), |query| format!("{route}?{query}"));
        let mut headers: Vec<_> =
            request.authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        let method = if request.form.is_some() { Method::POST } else { Method::GET };
        if request.form.is_some() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let answer = stage.send(method, &path, &headers, request.form).await;
        judge(case, route, &answer);
    }
}

fn judge(case: &Case, route: &str, answer: &Answer) {
    let told = format!("{} at {route}: {answer:?}", case.name);
    let (status, error) = match case.answer {
        Expected::Taken => {
            assert_eq!((answer.status, answer.challenge.as_deref()), (200, None), "{told}");
            return assert_eq!(answer.body.trim_end(), "person app none read:orders+write:x", "{told}");
        }
        Expected::Nobody => (401, None),
        Expected::InvalidRequest => (400, Some("invalid_request")),
        Expected::InvalidToken => (401, Some("invalid_token")),
        Expected::InsufficientScope => (403, Some("insufficient_scope")),
    };
    assert_eq!(answer.status, status, "{told}");
    let challenge = answer.challenge.as_deref().unwrap_or_default();
    let begin = "Bearer realm=\"an \\\"API\\\"  X-Evil: 1\"";
    assert!(challenge.starts_with(begin), "{told}");
    assert_eq!(error.is_some(), challenge.contains("error="), "{told}");
    let named =
        error.is_none_or(|error| challenge.contains(&format!(", error=\"{error}\", error_description=\"")));
    assert!(named, "{told}");
    assert!(challenge.contains("resource_metadata=\"https://api.example.test/.well-known/"), "{told}");
    let scope = matches!(case.answer, Expected::InsufficientScope);
    assert_eq!(scope, challenge.contains(", scope=\"read:orders\""), "{told}");
    let body = answer.json();
    assert_eq!(body["error"], error.unwrap_or("no_credentials"), "{told}");
    assert!(body["error_description"].as_str().is_some_and(|it| !it.is_empty()), "{told}");
    assert_eq!(answer.headers["content-type"], "application/json", "{told}");
    assert_eq!(answer.headers["cache-control"], "no-store", "{told}");
    assert!(!answer.headers.contains_key("x-evil"), "{told}");
    assert!(!answer.body.contains("person"), "{told}");
}
