//! The way of a browser from the authorization request to its callback: pages, cookies, answers.

use super::{
    OidcError, Parameters, cookie, pages, redirect, request::Answer, session, session_cookies, signed,
    with_cookies,
};
use crate::{
    grants::Authorization,
    http_date,
    state::{INTERACTION_LIFETIME, Interaction, SESSION_LIFETIME, Shared, State as Known, Step},
    webhook,
};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;
use url::form_urlencoded;

/// The next page, or the answer to the application.
pub(super) fn proceed(
    state: &mut Known,
    shared: &Shared,
    authorization: Authorization,
    session: Option<String>,
    done: Step,
    parameters: &Parameters,
) -> Response {
    let issuer = shared.issuer();
    let silent = authorization.asks_for("none");
    // Whoever has a session is told of it anew, whatever comes of the request.
    let until = state.now() + SESSION_LIFETIME;
    let cookies: Vec<String> = session.iter().flat_map(|session| session_cookies(session, until)).collect();
    let fails = |error, description| {
        Answer::error(&authorization, &issuer, error, Some(description)).into_response(&cookies)
    };
    let signed_in = session.filter(|_| done != Step::SignIn || !authorization.asks_for("login"));
    let Some(session) = signed_in else {
        return match silent {
            true => fails("login_required", "End-User authentication is required"),
            false => with_cookies(to_sign_in(state, authorization, parameters), &cookies),
        };
    };
    let agreed = done == Step::Consented
        || !authorization.asks_for("consent") && state.is_consented(&authorization, &session);
    if !agreed {
        return match silent {
            true => fails("consent_required", "requested scopes not granted"),
            false => with_cookies(to_consent(state, authorization), &cookies),
        };
    }
    if let Some(device) = &authorization.device {
        let device = device.clone();
        let grant = state.grant(authorization, &session);
        state.devices.complete(&device, grant);
        return with_cookies(pages::device_done(), &cookies);
    }
    let code = state.issue_code(authorization.clone(), &session);
    Answer::code(&authorization, &issuer, code).into_response(&cookies)
}

fn to_sign_in(state: &mut Known, authorization: Authorization, parameters: &Parameters) -> Response {
    let direct = parameters.get("direct_sign_in").and_then(|direct| direct.split_once(':'));
    let first = if authorization.registers { "register" } else { "sign-in" };
    let page = match direct {
        Some((method, target)) => format!("direct/{}/{}", encoded(method), encoded(target)),
        None => first.to_owned(),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("app_id", &authorization.client_id);
    if let Some(hint) = &authorization.login_hint {
        query.append_pair("login_hint", hint);
    }
    let mut remembered = json!({ "appId": authorization.client_id });
    for (name, member) in
        [("identifier", ""), ("organization_id", "organizationId"), ("ui_locales", "uiLocales")]
    {
        let Some(value) = parameters.get(name) else { continue };
        query.append_pair(name, value);
        if !member.is_empty() {
            remembered[member] = value.into();
        }
    }
    if direct.is_some() {
        query.append_pair("fallback", first);
    }
    let to = format!("/{page}?{}", query.finish());
    let client_id = authorization.client_id.clone();
    let uid = state.open_interaction(authorization, Step::SignIn);
    redirect(&to, &interaction_cookies(state, &client_id, &uid, &remembered))
}

fn to_consent(state: &mut Known, authorization: Authorization) -> Response {
    let client_id = authorization.client_id.clone();
    let uid = state.open_interaction(authorization, Step::Consent);
    let remembered = json!({ "appId": client_id });
    let cookies = interaction_cookies(state, &client_id, &uid, &remembered);
    redirect(&format!("/consent?app_id={}", encoded(&client_id)), &cookies)
}

/// `_interaction` tells the pages of all sign-ins of a browser, `_interaction_resume` goes to one only.
fn interaction_cookies(state: &Known, client_id: &str, uid: &str, remembered: &Value) -> Vec<String> {
    let until = http_date::format(state.now() + INTERACTION_LIFETIME);
    let attributes = |path: &str| format!("path={path}; expires={until}; samesite=lax; httponly");
    let map = encoded(&json!({ client_id: uid, "_legacy": uid }).to_string());
    let mut cookies = signed("_logto", &remembered.to_string(), "path=/; samesite=lax").to_vec();
    cookies.extend(signed("_interaction", &map, &attributes("/")));
    cookies.extend(signed("_interaction_resume", uid, &attributes(&format!("/oidc/auth/{uid}"))));
    cookies
}

fn gone(uid: &str) -> [String; 2] {
    let past = http_date::format(0);
    signed(
        "_interaction_resume",
        "",
        &format!("path=/oidc/auth/{uid}; expires={past}; samesite=lax; httponly"),
    )
}

pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The sign-in that a page belongs to: by its cookie, for the application that its address names.
pub(super) fn current(headers: &HeaderMap, query: &Parameters) -> Option<String> {
    let cookie = cookie(headers, "_interaction")?;
    let text = form_urlencoded::parse(cookie.as_bytes()).next().map(|(name, _)| name.into_owned())?;
    let map: Value = serde_json::from_str(&text).ok()?;
    let named = query.get("app_id").and_then(|id| map.get(id));
    named.or_else(|| map.get("_legacy"))?.as_str().map(str::to_owned)
}

/// After a page: to the next one, or back to the application.
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(uid): Path<String>,
) -> Response {
    let issuer = shared.issuer();
    let (response, deliveries) = {
        let mut state = shared.state();
        let resumes = cookie(&headers, "_interaction_resume").is_some_and(|value| !value.is_empty());
        let Some(interaction) = state.interaction(&uid).cloned() else {
            let description = match resumes {
                true => "interaction session not found",
                false => "authorization request has expired",
            };
            let until = state.now() + SESSION_LIFETIME;
            let known = session(&state, &headers);
            let cookies: Vec<String> = known.iter().flat_map(|known| session_cookies(known, until)).collect();
            return with_cookies(
                OidcError::session_not_found(description, &issuer).into_response(),
                &cookies,
            );
        };
        let Interaction { authorization, step, username, .. } = interaction;
        let known = session(&state, &headers);
        let nothing = Parameters::from_pairs(Vec::new());
        match step {
            // Whoever comes without having been at the page is sent there.
            Step::SignIn => {
                return redirect(&format!("/sign-in?app_id={}", encoded(&authorization.client_id)), &[]);
            }
            Step::Consent => {
                return redirect(&format!("/consent?app_id={}", encoded(&authorization.client_id)), &[]);
            }
            Step::Aborted => {
                state.interactions.remove(&uid);
                let until = state.now() + SESSION_LIFETIME;
                let mut cookies = gone(&uid).to_vec();
                cookies.extend(known.iter().flat_map(|known| session_cookies(known, until)));
                let answer = Answer::error(&authorization, &issuer, "oidc.aborted", None);
                return answer.into_response(&cookies);
            }
            Step::SignedIn => {
                state.interactions.remove(&uid);
                let session = state.sign_in(known.as_deref(), username.as_deref().unwrap_or_default());
                let deliveries = webhook::of_sign_in(&state, &authorization.client_id, &session);
                let response = proceed(&mut state, &shared, authorization, Some(session), step, &nothing);
                (response, deliveries)
            }
            Step::Consented => {
                state.interactions.remove(&uid);
                let response = proceed(&mut state, &shared, authorization, known, step, &nothing);
                (with_cookies(response, &gone(&uid)), Vec::new())
            }
        }
    };
    webhook::send(deliveries);
    response
}

/// In-process: a person has signed in, agreed or gone away at the page of this interaction; where the browser
/// goes next.
pub(crate) fn decide(
    shared: &Shared,
    uid: &str,
    step: Step,
    username: Option<&str>,
) -> Result<String, String> {
    let mut state = shared.state();
    if let Some(username) = username
        && state.active_user(username).is_none()
    {
        return Err(format!("nobody who may sign in is called {username}"));
    }
    let known = state.interactions.get_mut(uid).ok_or_else(|| format!("no interaction is called {uid}"))?;
    known.step = step;
    known.username = username.map(str::to_owned);
    Ok(format!("{}/oidc/auth/{uid}", shared.endpoint))
}
