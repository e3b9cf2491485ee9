//! The token and revocation endpoints.

use super::{
    DEVICE_CODE, OidcError, Parameters, TOKEN_EXCHANGE, device, exchange,
    issue::{Wanted, issue, known_resource},
    json_answer, machine, refresh,
};
use crate::{
    Application, Failure, Kind, TokenCall,
    grants::Grant,
    keys,
    state::{CODE_LIFETIME, Shared, State as Known},
};
use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::sync::Arc;
use url::form_urlencoded;

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    failure: Option<Extension<Failure>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let issuer = shared.issuer();
    let mut state = shared.state();
    let failure = failure.map(|Extension(failure)| failure);
    state.spoiled = failure;
    let mut call = TokenCall::default();
    let answer = form(&headers, &body, "/token").and_then(|form| {
        call = seen(&state, &form);
        let application = authenticate(&state, &issuer, &headers, &form)?;
        let grant_type = form
            .get("grant_type")
            .ok_or_else(|| OidcError::invalid_request("missing required parameter 'grant_type'"))?;
        let answer = match grant_type {
            "authorization_code" => exchange_code,
            "refresh_token" => refresh::refresh,
            "client_credentials" => machine::client_credentials,
            TOKEN_EXCHANGE => exchange::exchange,
            DEVICE_CODE => device::exchange,
            _ => {
                let description = "unsupported grant_type requested";
                return Err(OidcError::new(400, "unsupported_grant_type", description));
            }
        };
        if !application.may_use(grant_type) {
            return Err(OidcError::invalid_request("requested grant type is not allowed for this client"));
        }
        answer(&mut state, &issuer, &application, &form)
    });
    state.spoiled = None;
    call.error = answer.as_ref().err().map(OidcError::error);
    let issued = answer.as_ref().ok().and_then(|answer| answer.get("refresh_token")?.as_str());
    call.issued = issued.map(str::to_owned);
    if let Some(watch) = &state.tampers.watch {
        watch(&call);
    }
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => return error.into_response(),
    };
    match failure {
        Some(Failure::WithoutExpiresIn) => drop(answer.remove("expires_in")),
        Some(Failure::OddTokenType) => drop(answer.insert("token_type".to_owned(), "bEaReR".into())),
        _ => {}
    }
    if let Some(tamper) = state.tampers.token_answer.clone() {
        tamper(&mut answer);
    }
    json_answer(StatusCode::OK, &Value::Object(answer))
}

/// The call as it comes, before anything changes by it.
fn seen(state: &Known, form: &Parameters) -> TokenCall {
    let presented = form.get("code").or(form.get("refresh_token")).unwrap_or_default();
    let (username, used_before) = match state.grants.owner(presented) {
        Some((username, used_before)) => (Some(username), used_before),
        None => (None, false),
    };
    TokenCall {
        grant_type: form.get("grant_type").unwrap_or_default().to_owned(),
        presented: presented.to_owned(),
        username,
        used_before,
        resource: form.get("resource").map(str::to_owned),
        ..TokenCall::default()
    }
}

pub(super) async fn revoke(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let issuer = shared.issuer();
    let mut state = shared.state();
    let outcome = form(&headers, &body, "/token/revocation").and_then(|form| {
        let application = authenticate(&state, &issuer, &headers, &form)?;
        let token = form
            .get("token")
            .ok_or_else(|| OidcError::invalid_request("missing required parameter 'token'"))?;
        if token.matches('.').count() == 2 {
            let description = "Structured JWT Tokens cannot be revoked via the revocation_endpoint";
            return Err(OidcError::new(400, "unsupported_token_type", description));
        }
        let now = state.now();
        let of_access = || state.grants.of_access_token(token, now).map(|(id, grant, _)| (id, grant));
        let found = state.grants.of_refresh_token(token).or_else(of_access);
        match found.map(|(id, grant)| (id, grant.authorization.client_id == application.id)) {
            Some((id, true)) => state.grants.end(id),
            Some((_, false)) => {
                let description = "client is not authorized to revoke the presented token";
                return Err(OidcError::invalid_request(description));
            }
            None => {}
        }
        Ok(())
    });
    match outcome {
        Ok(()) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "").into_response(),
        Err(error) => error.into_response(),
    }
}

pub(super) fn form(headers: &HeaderMap, body: &Bytes, path: &str) -> Result<Parameters, OidcError> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return Ok(Parameters::parse(body));
    }
    // The server takes JSON as well.
    if content_type.starts_with("application/json")
        && let Ok(Value::Object(members)) = serde_json::from_slice(body)
    {
        return Ok(Parameters::of(members));
    }
    Err(OidcError::invalid_request(format!(
        "only application/x-www-form-urlencoded content-type bodies are supported on POST {path}"
    )))
}

/// By HTTP Basic or by the form, not by both; public clients by their id alone.
pub(super) fn authenticate(
    state: &Known,
    issuer: &str,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Application, OidcError> {
    let basic = headers.get(header::AUTHORIZATION).map(|value| basic_credentials(value.as_bytes()));
    let (id, secret, by_basic) = match (basic, form.get("client_id"), form.get("client_secret")) {
        (Some(_), _, Some(_)) => {
            return Err(OidcError::invalid_request(
                "client authentication must only be provided using one mechanism",
            ));
        }
        (Some(None), ..) => {
            return Err(OidcError::invalid_request("invalid authorization header value format"));
        }
        (Some(Some((id, _))), Some(other), _) if id != other => {
            return Err(OidcError::invalid_request("mismatch in body and authorization client ids"));
        }
        (Some(Some((id, secret))), ..) => (id, Some(secret), true),
        (None, Some(id), secret) => (id.to_owned(), secret.map(str::to_owned), false),
        (None, None, _) => {
            return Err(OidcError::invalid_request("no client authentication mechanism provided"));
        }
    };
    let application = state
        .tenant
        .applications
        .get(&id)
        .ok_or_else(|| OidcError::new(400, "invalid_client", format!("invalid client {id}")))?;
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    if let Some(origin) = origin.filter(|origin| !application.allows_origin(origin)) {
        let description = format!("origin {origin} not allowed for client: {id}");
        return Err(OidcError::invalid_request(description));
    }
    if application.is_proven_by(secret.as_deref()) {
        return Ok(application.clone());
    }
    let error = OidcError::new(401, "invalid_client", "client authentication failed");
    Err(if by_basic { error.challenging("Basic", issuer) } else { error })
}

/// Form-encoded, as RFC 6749 §2.3.1 says.
fn basic_credentials(header: &[u8]) -> Option<(String, String)> {
    let encoded = std::str::from_utf8(header).ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| {
        let pairs = format!("x={text}");
        form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

fn exchange_code(
    state: &mut Known,
    issuer: &str,
    application: &Application,
    form: &Parameters,
) -> Result<Map<String, Value>, OidcError> {
    let presented =
        form.get("code").ok_or_else(|| OidcError::invalid_request("missing required parameter 'code'"))?;
    let verifier = form.get("code_verifier");
    if verifier.is_some_and(|verifier| verifier.len() < 43) {
        let description = "code_verifier must be a string with a minimum length of 43 characters";
        return Err(OidcError::invalid_request(description));
    }
    let now = state.now();
    let code = state.grants.codes.get(presented).ok_or_else(OidcError::invalid_grant)?;
    let authorization = &code.grant.authorization;
    let proven = match (&authorization.challenge, verifier) {
        (Some(challenge), Some(verifier)) => keys::hash(verifier) == *challenge,
        (None, None) => true,
        _ => false,
    };
    let same_address = match form.get("redirect_uri").or(application.only_redirect_uri()) {
        Some(uri) => uri == authorization.redirect_uri,
        None => return Err(OidcError::invalid_request("missing required parameter 'redirect_uri'")),
    };
    let expired = now > code.issued_at + CODE_LIFETIME;
    if expired || authorization.client_id != application.id || !proven || !same_address {
        return Err(OidcError::invalid_grant());
    }
    if let Some(grant) = code.used {
        // A code that comes twice ends what the first one brought.
        state.grants.end(grant);
        return Err(OidcError::invalid_grant());
    }
    let grant = code.grant.clone();
    let id = state.grants.open(grant.clone());
    if let Some(code) = state.grants.codes.get_mut(presented) {
        code.used = Some(id);
    }
    first_tokens(state, issuer, application, form, id, &grant)
}

/// The tokens of a sign-in that needs no code.
pub(super) fn tokens_of_sign_in(
    state: &mut Known,
    issuer: &str,
    application: &Application,
    form: &Parameters,
    grant: &Grant,
) -> Result<Map<String, Value>, OidcError> {
    let id = state.grants.open(grant.clone());
    first_tokens(state, issuer, application, form, id, grant)
}

fn first_tokens(
    state: &mut Known,
    issuer: &str,
    application: &Application,
    form: &Parameters,
    id: usize,
    grant: &Grant,
) -> Result<Map<String, Value>, OidcError> {
    let asked = &grant.authorization;
    // Without `openid` and with one resource in the request its token comes unasked.
    let resource = match (form.get("resource"), asked.resources.as_slice()) {
        (Some(resource), _) => Some(known_resource(asked, resource)?),
        (None, [only]) if !asked.has_scope("openid") => Some(only.clone()),
        _ => None,
    };
    let always = application.always_issue_refresh_token && application.kind() == Kind::Traditional;
    let now = state.time();
    let refresh_token = (asked.has_scope("offline_access") || always)
        .then(|| state.grants.issue_refresh_token(id, now, application.refresh_token_lifetime));
    // An organization is not looked at here: its tokens come by refresh.
    let wanted = Wanted { resource, organization: None, scope: asked.scope.clone() };
    issue(state, issuer, id, grant, &wanted, refresh_token)
}
