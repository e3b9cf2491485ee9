//! What a grant brings: access token, ID token and the answer around them.

use super::OidcError;
use crate::{
    Application, keys,
    state::{ACCESS_TOKEN_LIFETIME, Authorization, Grant, State as Known},
};
use serde_json::{Map, Value, json};

/// What is asked for, allowed already.
pub(super) struct Wanted {
    pub(super) resource: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) scope: Vec<String>,
}

/// A resource that the authorization request named.
pub(super) fn known_resource(asked: &Authorization, resource: &str) -> Result<String, OidcError> {
    let known = asked.resources.iter().find(|known| *known == resource).cloned();
    known.ok_or_else(|| OidcError::new(400, "invalid_target", "resource indicator is missing, or unknown"))
}

pub(super) fn issue(
    state: &mut Known,
    issuer: &str,
    id: usize,
    grant: &Grant,
    wanted: &Wanted,
    refresh_token: Option<String>,
) -> Result<Map<String, Value>, OidcError> {
    let asked = &grant.authorization;
    let user = state.user(&grant.username).cloned().ok_or_else(OidcError::invalid_grant)?;
    let now = state.now();
    let among = |scopes: &[String]| -> String {
        let granted = scopes.iter().filter(|scope| wanted.scope.contains(scope)).cloned();
        granted.collect::<Vec<_>>().join(" ")
    };
    let audience = match (&wanted.resource, &wanted.organization) {
        (Some(resource), _) => Some((resource.clone(), among(state.scopes_of(resource)))),
        (None, Some(organization)) => {
            let scope = among(state.organization_scopes());
            Some((format!("urn:logto:organization:{organization}"), scope))
        }
        (None, None) => None,
    };
    let (access_token, scope) = match audience {
        Some((audience, scope)) => {
            let mut claims = json!({
                "jti": keys::random(), "sub": user.sub(), "iat": now, "exp": now + ACCESS_TOKEN_LIFETIME,
                "scope": scope, "client_id": asked.client_id, "iss": issuer, "aud": audience,
            });
            if let (Some(_), Some(organization)) = (&wanted.resource, &wanted.organization) {
                claims["organization_id"] = organization.clone().into();
            }
            (state.keys.sign(Some("at+jwt"), &claims), scope)
        }
        None => (state.issue_opaque_token(id), wanted.scope.join(" ")),
    };
    let mut body = Map::new();
    body.insert("access_token".to_owned(), access_token.into());
    body.insert("expires_in".to_owned(), ACCESS_TOKEN_LIFETIME.into());
    if wanted.scope.iter().any(|scope| scope == "openid") {
        let mut claims = user.claims(&wanted.scope, false);
        if let Some(nonce) = &asked.nonce {
            claims.insert("nonce".to_owned(), nonce.clone().into());
        }
        if state.applications.get(&asked.client_id).is_some_and(Application::is_told_sid) {
            claims.insert("sid".to_owned(), grant.sid.clone().into());
        }
        claims.insert("aud".to_owned(), asked.client_id.clone().into());
        claims.insert("exp".to_owned(), (now + ACCESS_TOKEN_LIFETIME).into());
        claims.insert("iat".to_owned(), now.into());
        claims.insert("iss".to_owned(), issuer.into());
        if let Some(tamper) = state.tampers.id_token.clone() {
            tamper(&mut claims);
        }
        body.insert("id_token".to_owned(), state.keys.sign(None, &Value::Object(claims)).into());
    }
    if let Some(refresh_token) = refresh_token {
        body.insert("refresh_token".to_owned(), refresh_token.into());
    }
    body.insert("scope".to_owned(), scope.into());
    body.insert("token_type".to_owned(), "Bearer".into());
    Ok(body)
}
