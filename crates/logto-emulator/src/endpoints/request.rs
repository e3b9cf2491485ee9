//! Authorization requests: what is in order, and how everything else is refused.

use super::{OidcError, Parameters, pages, redirect};
use crate::{
    grants::{Authorization, ResponseMode},
    state::State as Known,
    tenant::is_oidc_scope,
};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use url::{Url, form_urlencoded};

/// What an application is told about its request.
pub(super) struct Answer {
    pub(super) redirect_uri: String,
    pub(super) mode: ResponseMode,
    pub(super) parameters: Vec<(&'static str, String)>,
}

impl Answer {
    pub(super) fn code(authorization: &Authorization, issuer: &str, code: Option<String>) -> Self {
        Self::of(authorization, issuer, code.map(|code| ("code", code)).into_iter().collect())
    }

    pub(super) fn error(
        authorization: &Authorization,
        issuer: &str,
        error: &str,
        description: Option<&str>,
    ) -> Self {
        let description = description.map(|text| ("error_description", text.to_owned()));
        let parameters = std::iter::once(("error", error.to_owned())).chain(description).collect();
        Self::of(authorization, issuer, parameters)
    }

    fn of(authorization: &Authorization, issuer: &str, mut parameters: Vec<(&'static str, String)>) -> Self {
        parameters.extend(authorization.state.clone().map(|state| ("state", state)));
        parameters.push(("iss", issuer.to_owned()));
        let (redirect_uri, mode) = (authorization.redirect_uri.clone(), authorization.response_mode);
        Self { redirect_uri, mode, parameters }
    }

    /// The callback as an address.
    pub(super) fn address(&self) -> String {
        let Ok(mut url) = Url::parse(&self.redirect_uri) else { return self.redirect_uri.clone() };
        if self.mode == ResponseMode::Fragment {
            let pairs =
                form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
            url.set_fragment(Some(&pairs));
        } else {
            url.query_pairs_mut().extend_pairs(&self.parameters);
        }
        url.into()
    }

    pub(super) fn into_response(self, cookies: &[String]) -> Response {
        if self.mode != ResponseMode::FormPost {
            return redirect(&self.address(), cookies);
        }
        let failed = self.parameters.iter().any(|(name, _)| *name == "error");
        let status = if failed { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let page = pages::form_post(&self.redirect_uri, &self.parameters);
        let headers =
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        super::with_cookies((status, headers, page).into_response(), cookies)
    }
}

/// Why a request is not taken up.
pub(super) enum Invalid {
    /// Shown on a page: nobody knows where to redirect to.
    Shown(OidcError),
    /// Told to the application.
    Told(Answer),
}

pub(super) fn check(state: &Known, issuer: &str, parameters: &Parameters) -> Result<Authorization, Invalid> {
    let echoed = parameters.get("state").map(str::to_owned);
    let shown = |error: OidcError| {
        let error = match &echoed {
            Some(state) => error.with("state", state),
            None => error,
        };
        Invalid::Shown(error.with("iss", issuer))
    };
    let client_id = parameters
        .get("client_id")
        .ok_or_else(|| shown(OidcError::invalid_request("missing required parameter 'client_id'")))?;
    let application =
        state.tenant.applications.get(client_id).ok_or_else(|| {
            shown(OidcError::new(400, "invalid_client", format!("invalid client {client_id}")))
        })?;
    let redirect_uri = parameters
        .get("redirect_uri")
        .or_else(|| application.only_redirect_uri())
        .ok_or_else(|| shown(OidcError::invalid_request("missing required parameter 'redirect_uri'")))?;
    if !application.accepts_redirect_uri(redirect_uri) {
        let description = "redirect_uri did not match any of the client's registered redirect_uris";
        return Err(shown(OidcError::new(400, "invalid_redirect_uri", description)));
    }
    let response_type = parameters.get("response_type").unwrap_or_default();
    let mut authorization = Authorization {
        client_id: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        response_mode: mode(parameters, response_type),
        state: echoed.clone(),
        nonce: parameters.get("nonce").map(str::to_owned),
        scope: parameters.words("scope"),
        resources: parameters.all("resource").into_iter().filter(|resource| !resource.is_empty()).collect(),
        challenge: parameters.get("code_challenge").map(str::to_owned),
        prompt: parameters.words("prompt"),
        login_hint: parameters.get("login_hint").map(str::to_owned),
        registers: parameters.get("first_screen").is_some_and(|screen| screen.ends_with("register")),
        device: None,
    };
    if let Some((error, description, more)) = refused(state, application, parameters, &authorization) {
        let mut answer = Answer::error(&authorization, issuer, error, description.as_deref());
        // After the description, as at the server.
        for (name, value) in more {
            answer.parameters.insert(2, (name, value));
        }
        return Err(Invalid::Told(answer));
    }
    // Without `prompt=consent` the server drops `offline_access` silently.
    if !authorization.asks_for("consent") {
        authorization.scope.retain(|scope| scope != "offline_access");
    }
    Ok(authorization)
}

fn mode(parameters: &Parameters, response_type: &str) -> ResponseMode {
    match parameters.get("response_mode") {
        Some("form_post") => ResponseMode::FormPost,
        Some("fragment") => ResponseMode::Fragment,
        Some("query") => ResponseMode::Query,
        _ if response_type.split(' ').any(|word| word == "token" || word == "id_token") => {
            ResponseMode::Fragment
        }
        _ => ResponseMode::Query,
    }
}

type Refusal = (&'static str, Option<String>, Vec<(&'static str, String)>);

fn refused(
    state: &Known,
    application: &crate::Application,
    parameters: &Parameters,
    authorization: &Authorization,
) -> Option<Refusal> {
    let refusal = |error, description: &str| Some((error, Some(description.to_owned()), Vec::new()));
    if let Some(name) = parameters.repeated() {
        return refusal("invalid_request", &format!("'{name}' parameter must not be provided twice"));
    }
    for (name, error) in
        [("request", "request_not_supported"), ("registration", "registration_not_supported")]
    {
        if parameters.get(name).is_some() {
            return Some((error, None, Vec::new()));
        }
    }
    match parameters.get("response_type") {
        Some("code") => {}
        None => return refusal("invalid_request", "missing required parameter 'response_type'"),
        Some("code id_token" | "id_token" | "none") => {
            return refusal("unauthorized_client", "requested response_type is not allowed for this client");
        }
        Some(_) => return refusal("unsupported_response_type", "unsupported response_type requested"),
    }
    if !matches!(parameters.get("response_mode"), None | Some("query" | "fragment" | "form_post")) {
        return refusal("unsupported_response_mode", "unsupported response_mode requested");
    }
    let prompts = &authorization.prompt;
    if prompts.iter().any(|prompt| !matches!(prompt.as_str(), "none" | "login" | "consent")) {
        return refusal("invalid_request", "unsupported prompt value requested");
    }
    if authorization.asks_for("none") && prompts.len() > 1 {
        return refusal("invalid_request", "prompt none must only be used alone");
    }
    if let Some(refusal) = refused_scope(application, authorization) {
        return Some(refusal);
    }
    let challenge = parameters.get("code_challenge");
    match (challenge, parameters.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) if challenge.len() != 43 => {
            return refusal(
                "invalid_request",
                "code_challenge must be a string with a minimum length of 43 characters",
            );
        }
        (_, Some("S256")) if challenge.is_none() => {
            return refusal("invalid_request", "code_challenge must be provided with code_challenge_method");
        }
        (_, None | Some("S256")) => {}
        (_, Some(_)) => return refusal("invalid_request", "not supported value of code_challenge_method"),
    }
    match (challenge, parameters.get("code_challenge_method")) {
        (Some(_), None) => return refusal("invalid_request", "code_challenge_method must be provided"),
        (None, _) if application.is_public() => {
            let description = "Authorization Server policy requires PKCE to be used for this request";
            return refusal("invalid_request", description);
        }
        _ => {}
    }
    let resources = &authorization.resources;
    if resources.iter().any(|resource| Url::parse(resource).is_err()) {
        return refusal("invalid_target", "resource indicator must be an absolute URI");
    }
    if !resources.iter().all(|resource| state.tenant.knows_resource(resource)) {
        return refusal("invalid_target", "resource indicator is missing, or unknown");
    }
    None
}

/// What a third party may not ask people for.
fn refused_scope(application: &crate::Application, authorization: &Authorization) -> Option<Refusal> {
    let asked = authorization.scope.iter().map(String::as_str).filter(|scope| is_oidc_scope(scope));
    let scope = application.forbidden_scope(asked)?.to_owned();
    Some(("invalid_scope", Some("requested scope is not allowed".to_owned()), vec![("scope", scope)]))
}
