//! Token exchange (RFC 8693): a token in somebody else's name.

use super::{
    OidcError, Parameters,
    machine::{requested_resource, urn},
};
use crate::{
    Application, keys,
    state::{ACCESS_TOKEN_LIFETIME, Authorization, Grant, State as Known},
};
use serde_json::{Map, Value, json};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const IMPERSONATION_TOKEN: &str = "urn:logto:token-type:impersonation_token";
const PERSONAL_ACCESS_TOKEN: &str = "urn:logto:token-type:personal_access_token";

/// The scopes of tokens that are for the server itself.
const OIDC_SCOPES: [&str; 11] = [
    "openid",
    "offline_access",
    "profile",
    "email",
    "phone",
    "address",
    "custom_data",
    "identities",
    "roles",
    "urn:logto:scope:organizations",
    "urn:logto:scope:organization_roles",
];

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
    let user = state.user(&username).cloned().ok_or_else(OidcError::invalid_grant)?;
    let organization = form.get("organization_id");
    if organization.is_some_and(|id| !user.is_in(id)) {
        return Err(OidcError::new(403, "access_denied", "user is not a member of the organization"));
    }
    let resource = requested_resource(state, form)?;
    let actor = actor(state, form)?;
    let asked = form.words("scope");
    let granted = |known: &[String]| -> String {
        known.iter().filter(|scope| asked.contains(scope)).cloned().collect::<Vec<_>>().join(" ")
    };
    let audience = match (&resource, organization) {
        (Some(resource), _) => Some((resource.clone(), granted(state.scopes_of(resource)))),
        (None, Some(organization)) => Some((urn(organization), granted(state.organization_scopes()))),
        (None, None) => None,
    };
    let (token, scope) = match audience {
        Some((audience, scope)) => {
            let now = state.now();
            let mut claims = json!({
                "jti": keys::random(), "sub": user.sub(), "iat": now, "exp": now + ACCESS_TOKEN_LIFETIME,
                "scope": scope, "client_id": application.id, "iss": issuer, "aud": audience,
            });
            if let (Some(_), Some(organization)) = (&resource, organization) {
                claims["organization_id"] = organization.into();
            }
            if let Some(actor) = actor {
                claims["act"] = json!({ "sub": actor });
            }
            (state.keys.sign(Some("at+jwt"), &claims), scope)
        }
        None => {
            let scope: Vec<_> =
                asked.iter().filter(|scope| OIDC_SCOPES.contains(&scope.as_str())).cloned().collect();
            let joined = scope.join(" ");
            (opaque(state, application, username, scope), joined)
        }
    };
    state.subjects.consume(subject_token);
    let mut body = Map::new();
    body.insert("access_token".to_owned(), token.into());
    body.insert("expires_in".to_owned(), ACCESS_TOKEN_LIFETIME.into());
    body.insert("scope".to_owned(), scope.into());
    body.insert("token_type".to_owned(), "Bearer".into());
    Ok(body)
}

/// Whom a token is of, that is good and of this type.
fn subject(state: &Known, token: &str, kind: &str) -> Option<String> {
    let now = state.now();
    let impersonated = || state.subjects.impersonated(token, now);
    let holder = match kind {
        ACCESS_TOKEN => impersonated().or_else(|| Some(&state.access_grant(token)?.1.username)),
        IMPERSONATION_TOKEN => impersonated(),
        PERSONAL_ACCESS_TOKEN => state.subjects.holder(token, now),
        _ => None,
    };
    holder.cloned()
}

/// Who acts, where a token says so: an opaque one with `openid`.
fn actor(state: &Known, form: &Parameters) -> Result<Option<String>, OidcError> {
    let Some(token) = form.get("actor_token") else { return Ok(None) };
    let grant = state.access_grant(token).map(|(_, grant)| grant);
    let grant = grant.filter(|grant| grant.authorization.scope.iter().any(|scope| scope == "openid"));
    let user = grant.and_then(|grant| state.user(&grant.username));
    match (user, form.get("actor_token_type")) {
        (Some(user), Some(ACCESS_TOKEN)) => Ok(Some(user.sub())),
        _ => Err(OidcError::invalid_grant()),
    }
}

/// A token for user info, by a grant of its own that no session ends.
fn opaque(state: &mut Known, application: &Application, username: String, scope: Vec<String>) -> String {
    let authorization = Authorization {
        client_id: application.id.clone(),
        redirect_uri: String::new(),
        state: None,
        nonce: None,
        scope,
        resources: Vec::new(),
        challenge: None,
        prompt: Vec::new(),
        login_hint: None,
        registers: false,
    };
    let grant = state.open_grant(Grant { authorization, username, sid: keys::random(), alive: true });
    state.issue_opaque_token(grant)
}
