//! Token exchange (RFC 8693): a token in somebody else's name.

use super::{
    OidcError, Parameters,
    issue::{AccessToken, urn},
    machine::requested_resource,
};
use crate::{
    Application,
    grants::{Authorization, Grant},
    keys,
    state::State as Known,
    tenant::{ACCESS_TOKEN_LIFETIME, is_oidc_scope},
};
use serde_json::{Map, Value};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const IMPERSONATION_TOKEN: &str = "urn:logto:token-type:impersonation_token";
const PERSONAL_ACCESS_TOKEN: &str = "urn:logto:token-type:personal_access_token";

pub(super) fn exchange(
    state: &mut Known,
    issuer: &str,
    application: &Application,
    form: &Parameters,
) -> Result<Map<String, Value>, OidcError> {
    let required = |name: &str| {
        form.get(name)
            .ok_or_else(|| OidcError::invalid_request(format!("missing required parameter '{name}'")))
    };
    let (subject_token, kind) = (required("subject_token")?, required("subject_token_type")?);
    let username = subject(state, subject_token, kind).ok_or_else(OidcError::invalid_grant)?;
    let user = state.active_user(&username).cloned().ok_or_else(OidcError::invalid_grant)?;
    let organization = form.get("organization_id");
    if organization.is_some_and(|id| !user.is_in(id)) {
        return Err(OidcError::new(403, "access_denied", "user is not a member of the organization"));
    }
    let resource = requested_resource(state, form)?;
    let actor = actor(state, form)?;
    let asked = form.words("scope");
    let granted = |known: &[String]| -> String {
        asked.iter().filter(|scope| known.contains(scope)).cloned().collect::<Vec<_>>().join(" ")
    };
    let audience = match (&resource, organization) {
        (Some(resource), _) => {
            Some((resource.clone(), granted(&state.tenant.scopes_of(&user, resource, organization))))
        }
        (None, Some(organization)) => {
            Some((urn(organization), granted(&state.tenant.organization_scopes_of(&user, organization))))
        }
        (None, None) => None,
    };
    let (token, scope, lifetime) = match audience {
        Some((audience, scope)) => {
            let lifetime = state.tenant.lifetime_of(&audience);
            let token = AccessToken {
                username: Some(&username),
                sub: &user.sub(),
                client_id: &application.id,
                audience: &audience,
                organization: organization.filter(|_| resource.is_some()),
                scope: Some(&scope),
                actor: actor.as_deref(),
                lifetime,
            };
            (token.sign(state, issuer)?, scope, lifetime)
        }
        None => {
            let scope: Vec<_> = asked.iter().filter(|scope| is_oidc_scope(scope)).cloned().collect();
            let joined = scope.join(" ");
            (opaque(state, application, username, scope), joined, ACCESS_TOKEN_LIFETIME)
        }
    };
    state.subjects.consume(subject_token);
    let mut body = Map::new();
    body.insert("access_token".to_owned(), token.into());
    body.insert("expires_in".to_owned(), lifetime.into());
    body.insert("scope".to_owned(), scope.into());
    body.insert("token_type".to_owned(), "Bearer".into());
    Ok(body)
}

/// Whom a token is of, that is good and of this type.
fn subject(state: &Known, token: &str, kind: &str) -> Option<String> {
    let now = state.now();
    let impersonated = || state.subjects.impersonated(token, now);
    let holder = match kind {
        ACCESS_TOKEN => {
            impersonated().or_else(|| Some(&state.grants.of_access_token(token, now)?.1.username))
        }
        IMPERSONATION_TOKEN => impersonated(),
        PERSONAL_ACCESS_TOKEN => state.subjects.holder(token, now),
        _ => None,
    };
    holder.cloned()
}

/// Who acts, where a token says so: an opaque one with `openid`.
fn actor(state: &Known, form: &Parameters) -> Result<Option<String>, OidcError> {
    let Some(token) = form.get("actor_token") else { return Ok(None) };
    let found = state.grants.of_access_token(token, state.now());
    let found = found.filter(|(_, _, scope)| scope.iter().any(|scope| scope == "openid"));
    let user = found.and_then(|(_, grant, _)| state.user(&grant.username));
    match (user, form.get("actor_token_type")) {
        (Some(user), Some(ACCESS_TOKEN)) => Ok(Some(user.sub())),
        _ => Err(OidcError::invalid_grant()),
    }
}

/// A token for user info, by a grant of its own that no session ends.
fn opaque(state: &mut Known, application: &Application, username: String, scope: Vec<String>) -> String {
    let authorization =
        Authorization { client_id: application.id.clone(), scope: scope.clone(), ..Authorization::default() };
    let now = state.now();
    let consent = state.grants.open_consent(now);
    let grant = Grant { authorization, username, sid: keys::random(), consent, alive: true };
    let grant = state.grants.open(grant);
    state.grants.issue_opaque_token(grant, scope, now, ACCESS_TOKEN_LIFETIME)
}
