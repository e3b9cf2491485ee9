//! The refresh grant: resources, organizations, narrower scopes, rotation and reuse.

use super::{
    OidcError, Parameters,
    issue::{Wanted, issue, known_resource},
};
use crate::{
    Application,
    state::{Authorization, State as Known},
};
use serde_json::{Map, Value};

const ORGANIZATIONS: &str = "urn:logto:scope:organizations";

pub(super) fn refresh(
    state: &mut Known,
    issuer: &str,
    application: &Application,
    form: &Parameters,
) -> Result<Map<String, Value>, OidcError> {
    let presented = form
        .get("refresh_token")
        .ok_or_else(|| OidcError::invalid_request("missing required parameter 'refresh_token'"))?;
    let (id, grant) = state.use_refresh_token(presented).ok_or_else(OidcError::invalid_grant)?;
    if grant.authorization.client_id != application.id {
        return Err(OidcError::invalid_grant());
    }
    let wanted = wanted(state, &grant.authorization, &grant.username, form)?;
    let refresh_token = state.rotate(presented, application.secret.is_none());
    issue(state, issuer, id, &grant, &wanted, Some(refresh_token))
}

fn wanted(
    state: &Known,
    asked: &Authorization,
    username: &str,
    form: &Parameters,
) -> Result<Wanted, OidcError> {
    let scope = match form.words("scope") {
        all if all.is_empty() => asked.scope.clone(),
        narrower => narrower,
    };
    if let Some(missing) = scope.iter().find(|scope| !asked.scope.contains(scope)) {
        let error = OidcError::new(400, "invalid_scope", "refresh token missing requested scope");
        return Err(error.with("scope", missing));
    }
    let organization = form.get("organization_id").map(str::to_owned);
    if let Some(organization) = &organization {
        if !asked.scope.iter().any(|scope| scope == ORGANIZATIONS) {
            let error = OidcError::new(403, "insufficient_scope", "refresh token missing required scope");
            return Err(error.with("scope", ORGANIZATIONS));
        }
        if !state.user(username).is_some_and(|user| user.is_in(organization)) {
            let description = "user is not a member of the organization";
            return Err(OidcError::new(403, "access_denied", description));
        }
    }
    let openid = scope.iter().any(|scope| scope == "openid");
    let resource = match (form.all("resource").as_slice(), asked.resources.as_slice()) {
        ([one], _) => Some(known_resource(asked, one)?),
        // Narrowed so far, a single resource's token comes unasked.
        ([], [only]) if !openid && organization.is_none() => Some(only.clone()),
        // Two at once are both left out.
        _ => None,
    };
    Ok(Wanted { resource, organization, scope })
}
