//! The refresh grant: resources, organizations, narrower scopes, rotation and reuse.

use super::{
    OidcError, Parameters,
    issue::{Wanted, issue, known_resource},
};
use crate::{
    Application, Kind, Rotation,
    grants::{Authorization, Rotates},
    state::State as Known,
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
    let (now, interval) = (state.time(), state.reuse_interval);
    let (id, grant) = state
        .grants
        .use_refresh_token(presented, &application.id, now, interval)
        .ok_or_else(OidcError::invalid_grant)?;
    if state.active_user(&grant.username).is_none() {
        return Err(OidcError::invalid_grant());
    }
    if application.denied.contains(&grant.username) {
        return Err(OidcError::new(400, "access_denied", "user is not allowed to access the application"));
    }
    let wanted = wanted(state, &grant.authorization, &grant.username, form)?;
    let how = Rotates {
        rotation: match state.rotation {
            Rotation::Default if !application.rotates_refresh_token => Rotation::Never,
            rotation => rotation,
        },
        public: application.is_public(),
        keeps_end: application.kind() == Kind::SinglePage,
        lifetime: application.refresh_token_lifetime,
    };
    let refresh_token = state.grants.rotate(presented, now, &how);
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
