//! The authorization endpoint.

use super::{OidcError, Parameters, redirect, session, set_cookie};
use crate::{
    keys,
    state::{Authorization, Shared, State as Known},
};
use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use url::{Url, form_urlencoded};

/// Why a request is not taken up.
enum Invalid {
    /// Shown on a page: nobody knows where to redirect to.
    Shown(OidcError),
    /// Told to the application.
    Redirected(String),
}

pub(super) async fn by_query(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    authorize(&shared, &headers, &Parameters::parse(query.unwrap_or_default().as_bytes()))
}

pub(super) async fn by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    authorize(&shared, &headers, &Parameters::parse(&body))
}

fn authorize(shared: &Shared, headers: &HeaderMap, parameters: &Parameters) -> Response {
    let issuer = shared.issuer();
    let mut state = shared.state();
    let authorization = match check(&state, &issuer, parameters) {
        Ok(authorization) => authorization,
        Err(Invalid::Shown(error)) => return error.into_response(),
        Err(Invalid::Redirected(to)) => return redirect(&to, &[]),
    };
    let asks = |prompt: &str| authorization.prompt.iter().any(|asked| asked == prompt);
    let signed_in = session(&state, headers);
    match signed_in {
        None if asks("none") => {
            let to =
                error(&authorization, &issuer, "login_required", Some("End-User authentication is required"));
            redirect(&to, &[])
        }
        Some(session) if !asks("login") && !third_party(&state, &authorization) => {
            redirect(&succeed(&mut state, &issuer, authorization, &session), &[])
        }
        _ => {
            let direct = parameters.get("direct_sign_in").and_then(|direct| direct.split_once(':'));
            let page = match (signed_in, direct) {
                (Some(_), _) if !asks("login") => "consent".to_owned(),
                (_, Some((method, target))) => format!("direct/{}/{}", encoded(method), encoded(target)),
                _ if authorization.registers => "register".to_owned(),
                _ => "sign-in".to_owned(),
            };
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("app_id", &authorization.client_id);
            if let Some(hint) = &authorization.login_hint {
                query.append_pair("login_hint", hint);
            }
            for name in ["identifier", "organization_id", "ui_locales"] {
                if let Some(value) = parameters.get(name) {
                    query.append_pair(name, value);
                }
            }
            if page.starts_with("direct/") {
                query.append_pair("fallback", if authorization.registers { "register" } else { "sign-in" });
            }
            let uid = keys::random();
            let to = format!("/{page}?{}", query.finish());
            state.interactions.insert(uid.clone(), authorization);
            redirect(&to, &[set_cookie("_interaction", &uid)])
        }
    }
}

/// After the sign-in page: to consent where it is asked for, else back to the application.
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(uid): Path<String>,
) -> Response {
    let issuer = shared.issuer();
    let mut state = shared.state();
    let signed_in = session(&state, &headers);
    let (Some(authorization), Some(session)) = (state.interactions.get(&uid).cloned(), signed_in) else {
        return OidcError::new(400, "session.not_found", "interaction session not found").into_response();
    };
    if third_party(&state, &authorization) {
        let to = format!("/consent?app_id={}", encoded(&authorization.client_id));
        return redirect(&to, &[set_cookie("_interaction", &uid)]);
    }
    state.interactions.remove(&uid);
    redirect(&succeed(&mut state, &issuer, authorization, &session), &[])
}

pub(super) fn succeed(
    state: &mut Known,
    issuer: &str,
    authorization: Authorization,
    session: &str,
) -> String {
    let (redirect_uri, echoed) = (authorization.redirect_uri.clone(), authorization.state.clone());
    let code = state.issue_code(authorization, session);
    callback(&redirect_uri, &[("code", code.as_deref()), ("state", echoed.as_deref()), ("iss", Some(issuer))])
}

pub(super) fn error(
    authorization: &Authorization,
    issuer: &str,
    error: &str,
    description: Option<&str>,
) -> String {
    callback(
        &authorization.redirect_uri,
        &[
            ("error", Some(error)),
            ("error_description", description),
            ("state", authorization.state.as_deref()),
            ("iss", Some(issuer)),
        ],
    )
}

fn callback(redirect_uri: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let present = parameters.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let Ok(mut url) = Url::parse(redirect_uri) else { return redirect_uri.to_owned() };
    url.query_pairs_mut().extend_pairs(present);
    url.into()
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn third_party(state: &Known, authorization: &Authorization) -> bool {
    state.applications.get(&authorization.client_id).is_some_and(|application| application.third_party)
}

fn check(state: &Known, issuer: &str, parameters: &Parameters) -> Result<Authorization, Invalid> {
    let echoed = parameters.get("state").map(str::to_owned);
    let shown = |error: OidcError| {
        let error = error.with("iss", issuer);
        Invalid::Shown(match &echoed {
            Some(state) => error.with("state", state),
            None => error,
        })
    };
    let client_id = parameters
        .get("client_id")
        .ok_or_else(|| shown(OidcError::invalid_request("missing required parameter 'client_id'")))?;
    let application = state
        .applications
        .get(client_id)
        .ok_or_else(|| shown(OidcError::new(400, "invalid_client", format!("invalid client {client_id}"))))?;
    let redirect_uri = parameters
        .get("redirect_uri")
        .or_else(|| application.only_redirect_uri())
        .ok_or_else(|| shown(OidcError::invalid_request("missing required parameter 'redirect_uri'")))?;
    if !application.accepts_redirect_uri(redirect_uri) {
        let description = "redirect_uri did not match any of the client's registered redirect_uris";
        return Err(shown(OidcError::new(400, "invalid_redirect_uri", description)));
    }
    let authorization = Authorization {
        client_id: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        state: echoed.clone(),
        nonce: parameters.get("nonce").map(str::to_owned),
        scope: granted_scope(parameters),
        resources: parameters.all("resource"),
        challenge: parameters.get("code_challenge").map(str::to_owned),
        prompt: parameters.words("prompt"),
        login_hint: parameters.get("login_hint").map(str::to_owned),
        registers: parameters.get("first_screen").is_some_and(|screen| screen.ends_with("register")),
    };
    let told = |code, description| Invalid::Redirected(error(&authorization, issuer, code, description));
    if parameters.get("request").is_some() {
        return Err(told("request_not_supported", None));
    }
    if parameters.get("response_type") != Some("code") {
        let to = error(
            &authorization,
            issuer,
            "unsupported_response_type",
            Some("unsupported response_type requested"),
        );
        return Err(Invalid::Redirected(to.replacen('?', "#", 1)));
    }
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (Some(_), Some("S256")) => {}
        (Some(_), None) => {
            return Err(told("invalid_request", Some("code_challenge_method must be provided")));
        }
        (Some(_), Some(_)) => {
            return Err(told("invalid_request", Some("not supported value of code_challenge_method")));
        }
        (None, _) if application.secret.is_none() => {
            let description = "Authorization Server policy requires PKCE to be used for this request";
            return Err(told("invalid_request", Some(description)));
        }
        (None, _) => {}
    }
    if authorization.prompt.iter().any(|prompt| !matches!(prompt.as_str(), "none" | "login" | "consent")) {
        return Err(told("invalid_request", Some("unsupported prompt value requested")));
    }
    if authorization.resources.iter().any(|resource| Url::parse(resource).is_err()) {
        return Err(told("invalid_target", Some("resource indicator must be an absolute URI")));
    }
    if !authorization.resources.iter().all(|resource| state.knows_resource(resource)) {
        return Err(told("invalid_target", Some("resource indicator is missing, or unknown")));
    }
    Ok(authorization)
}

/// Without `prompt=consent` the server drops `offline_access` silently.
fn granted_scope(parameters: &Parameters) -> Vec<String> {
    let consent = parameters.words("prompt").iter().any(|prompt| prompt == "consent");
    parameters.words("scope").into_iter().filter(|scope| consent || scope != "offline_access").collect()
}

/// In-process: the callback of a person who signs in with a browser of their own and agrees.
pub(crate) fn approve(shared: &Shared, url: &str, username: &str) -> Result<String, String> {
    in_process(shared, url, |state, issuer, authorization| {
        if state.user(username).is_none() {
            return Err(format!("nobody is called {username}"));
        }
        let session = state.sessions.open(username);
        Ok(succeed(state, issuer, authorization, &session))
    })
}

/// In-process: the callback of a person who aborts.
pub(crate) fn abort(shared: &Shared, url: &str) -> Result<String, String> {
    in_process(shared, url, |_, issuer, authorization| {
        Ok(error(&authorization, issuer, "oidc.aborted", None))
    })
}

fn in_process(
    shared: &Shared,
    url: &str,
    finish: impl FnOnce(&mut Known, &str, Authorization) -> Result<String, String>,
) -> Result<String, String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let issuer = shared.issuer();
    let mut state = shared.state();
    match check(&state, &issuer, &Parameters::parse(url.query().unwrap_or_default().as_bytes())) {
        Ok(authorization) => finish(&mut state, &issuer, authorization),
        Err(Invalid::Redirected(to)) => Ok(to),
        Err(Invalid::Shown(error)) => Err(error.body().to_string()),
    }
}
