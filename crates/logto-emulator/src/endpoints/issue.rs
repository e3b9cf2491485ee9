//! What a grant brings: access token, ID token and the answer around them.

use super::OidcError;
use crate::{
    Application, TokenContext,
    grants::{Authorization, Grant},
    keys,
    state::State as Known,
    tenant::{ACCESS_TOKEN_LIFETIME, is_oidc_scope},
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
    known.ok_or_else(OidcError::invalid_target)
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
    let user = state.active_user(&grant.username).cloned().ok_or_else(OidcError::invalid_grant)?;
    let now = state.now();
    let organization = wanted.organization.as_deref();
    let audience = match (&wanted.resource, organization) {
        (Some(resource), _) => {
            let scope = state.resource_scope(grant, &wanted.scope, resource, organization);
            Some((resource.clone(), scope, state.tenant.lifetime_of(resource)))
        }
        (None, Some(organization)) => {
            let scope = state.organization_scope(grant, &wanted.scope, organization);
            Some((urn(organization), scope, ACCESS_TOKEN_LIFETIME))
        }
        (None, None) => None,
    };
    let (access_token, scope, lifetime) = match audience {
        Some((audience, scope, lifetime)) => {
            let claims = AccessToken {
                username: Some(&grant.username),
                sub: &user.sub(),
                client_id: &asked.client_id,
                audience: &audience,
                organization: organization.filter(|_| wanted.resource.is_some()),
                scope: Some(&scope),
                actor: None,
                lifetime,
            };
            (claims.sign(state, issuer)?, scope, lifetime)
        }
        None => {
            let scope: Vec<String> =
                wanted.scope.iter().filter(|scope| is_oidc_scope(scope)).cloned().collect();
            let joined = scope.join(" ");
            let token = state.grants.issue_opaque_token(id, scope, now, ACCESS_TOKEN_LIFETIME);
            (token, joined, ACCESS_TOKEN_LIFETIME)
        }
    };
    let mut body = Map::new();
    body.insert("access_token".to_owned(), access_token.into());
    body.insert("expires_in".to_owned(), lifetime.into());
    if wanted.scope.iter().any(|scope| scope == "openid") {
        let mut claims = user.claims(&state.tenant, &wanted.scope, false);
        if let Some(nonce) = &asked.nonce {
            claims.insert("nonce".to_owned(), nonce.clone().into());
        }
        let application = state.tenant.applications.get(&asked.client_id);
        let id_token_lifetime = application.map_or(ACCESS_TOKEN_LIFETIME, |known| known.id_token_lifetime);
        if application.is_some_and(Application::is_told_sid) {
            claims.insert("sid".to_owned(), grant.sid.clone().into());
        }
        claims.insert("aud".to_owned(), asked.client_id.clone().into());
        claims.insert("exp".to_owned(), (now + id_token_lifetime).into());
        claims.insert("iat".to_owned(), now.into());
        claims.insert("iss".to_owned(), issuer.into());
        if let Some(tamper) = state.tampers.id_token.clone() {
            tamper(&mut claims);
        }
        body.insert("id_token".to_owned(), state.sign(None, Value::Object(claims)).into());
    }
    if let Some(refresh_token) = refresh_token {
        body.insert("refresh_token".to_owned(), refresh_token.into());
    }
    body.insert("scope".to_owned(), scope.into());
    body.insert("token_type".to_owned(), "Bearer".into());
    Ok(body)
}

/// An organization as an audience.
pub(super) fn urn(organization: &str) -> String {
    format!("urn:logto:organization:{organization}")
}

/// An access token that is a JWT (RFC 9068).
pub(super) struct AccessToken<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) sub: &'a str,
    pub(super) client_id: &'a str,
    pub(super) audience: &'a str,
    /// Named beside a resource only.
    pub(super) organization: Option<&'a str>,
    pub(super) scope: Option<&'a str>,
    pub(super) actor: Option<&'a str>,
    /// Seconds.
    pub(super) lifetime: u64,
}

impl AccessToken<'_> {
    pub(super) fn sign(&self, state: &Known, issuer: &str) -> Result<String, OidcError> {
        let now = state.now();
        let mut claims = Map::new();
        if let Some(customize) = &state.customize {
            let context = TokenContext {
                username: self.username.map(str::to_owned),
                client_id: self.client_id.to_owned(),
                audience: self.audience.to_owned(),
            };
            claims = customize(&context).map_err(|reason| OidcError::new(400, "access_denied", reason))?;
        }
        let mut add = |name: &str, value: Value| {
            claims.insert(name.to_owned(), value);
        };
        if let Some(actor) = self.actor {
            add("act", json!({ "sub": actor }));
        }
        if let Some(organization) = self.organization {
            add("organization_id", organization.into());
        }
        add("jti", keys::random().into());
        add("sub", self.sub.into());
        add("iat", now.into());
        add("exp", (now + self.lifetime).into());
        if let Some(scope) = self.scope {
            add("scope", scope.into());
        }
        add("client_id", self.client_id.into());
        add("iss", issuer.into());
        add("aud", self.audience.into());
        Ok(state.sign(Some("at+jwt"), Value::Object(claims)))
    }
}
