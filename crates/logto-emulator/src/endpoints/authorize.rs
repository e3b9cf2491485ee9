//! The authorization endpoint.

use super::{
    Parameters, interaction,
    request::{Answer, Invalid, check},
    session,
};
use crate::{
    grants::Authorization,
    state::{SESSION_LIFETIME, Shared, State as Known, Step},
    webhook,
};
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use url::Url;

pub(super) async fn by_query(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    authorize(&shared, &headers, Parameters::parse(query.unwrap_or_default().as_bytes()))
}

pub(super) async fn by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    authorize(&shared, &headers, Parameters::parse(&body))
}

fn authorize(shared: &Shared, headers: &HeaderMap, parameters: Parameters) -> Response {
    let issuer = shared.issuer();
    let mut state = shared.state();
    let (parameters, checked) = checked(&state, &issuer, parameters);
    match checked {
        Ok(authorization) => {
            let session = session(&state, headers);
            interaction::proceed(&mut state, shared, authorization, session, Step::SignIn, &parameters)
        }
        Err(Invalid::Shown(error)) => error.into_response(),
        Err(Invalid::Told(answer)) => answer.into_response(&[]),
    }
}

/// The request, or the one that was pushed before.
fn checked(
    state: &Known,
    issuer: &str,
    parameters: Parameters,
) -> (Parameters, Result<Authorization, Invalid>) {
    let parameters = match super::pushed::resolve(state, parameters) {
        Ok(parameters) => parameters,
        Err(error) => {
            return (Parameters::from_pairs(Vec::new()), Err(Invalid::Shown(error.with("iss", issuer))));
        }
    };
    let checked = check(state, issuer, &parameters);
    (parameters, checked)
}

/// In-process: the callback of a person who signs in with a browser of their own and agrees.
pub(crate) fn approve(shared: &Shared, url: &str, username: &str) -> Result<String, String> {
    let (callback, deliveries) = in_process(shared, url, |state, issuer, authorization| {
        if state.user(username).is_none() {
            return Err(format!("nobody is called {username}"));
        }
        if state.active_user(username).is_none() {
            return Err(format!("{username} is suspended"));
        }
        let until = state.now() + SESSION_LIFETIME;
        let session = state.sessions.open(username, until);
        let deliveries = webhook::of_sign_in(state, &authorization.client_id, &session);
        let code = state.issue_code(authorization.clone(), &session);
        Ok((Answer::code(&authorization, issuer, code).address(), deliveries))
    })?;
    webhook::send(deliveries);
    Ok(callback)
}

/// In-process: the callback of a person who aborts.
pub(crate) fn abort(shared: &Shared, url: &str) -> Result<String, String> {
    let (callback, _) = in_process(shared, url, |_, issuer, authorization| {
        Ok((Answer::error(&authorization, issuer, "oidc.aborted", None).address(), Vec::new()))
    })?;
    Ok(callback)
}

type Finished = Result<(String, Vec<webhook::Delivery>), String>;

fn in_process(
    shared: &Shared,
    url: &str,
    finish: impl FnOnce(&mut Known, &str, Authorization) -> Finished,
) -> Finished {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let issuer = shared.issuer();
    let mut state = shared.state();
    let parameters = Parameters::parse(url.query().unwrap_or_default().as_bytes());
    match checked(&state, &issuer, parameters).1 {
        Ok(authorization) => finish(&mut state, &issuer, authorization),
        Err(Invalid::Told(answer)) => Ok((answer.address(), Vec::new())),
        Err(Invalid::Shown(error)) => Err(error.body().to_string()),
    }
}
