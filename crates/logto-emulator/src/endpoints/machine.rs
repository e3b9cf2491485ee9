//! The client credentials grant: tokens that machine-to-machine applications ask for with their own name.

use super::{
    OidcError, Parameters,
    issue::{AccessToken, urn},
};
use crate::{Application, state::State as Known};
use serde_json::{Map, Value};
use url::Url;

pub(super) fn client_credentials(
    state: &mut Known,
    issuer: &str,
    application: &Application,
    form: &Parameters,
) -> Result<Map<String, Value>, OidcError> {
    let organization = form.get("organization_id");
    if organization.is_some_and(|id| !application.belongs_to(id)) {
        let description = "app has not associated with the organization";
        return Err(OidcError::new(403, "access_denied", description));
    }
    let resource = requested_resource(state, form)?;
    if resource.is_none() && organization.is_none() {
        let description = "both `resource` and `organization_id` are not provided";
        return Err(OidcError::new(400, "invalid_target", description));
    }
    let asked = form.words("scope");
    let mut granted = application.scopes_at(organization, resource.as_deref());
    granted.retain(|scope| asked.contains(scope));
    // Of an API that grants nothing there is no `scope` at all, of an organization it is empty.
    let scope = Some(granted.join(" ")).filter(|scope| !scope.is_empty() || resource.is_none());
    let audience = resource.clone().unwrap_or_else(|| urn(organization.unwrap_or_default()));
    let lifetime = state.tenant.lifetime_of(&audience);
    let token = AccessToken {
        username: None,
        sub: &application.id,
        client_id: &application.id,
        audience: &audience,
        organization: organization.filter(|_| resource.is_some()),
        scope: scope.as_deref(),
        actor: None,
        lifetime,
    };
    let mut body = Map::new();
    body.insert("access_token".to_owned(), token.sign(state, issuer)?.into());
    body.insert("expires_in".to_owned(), lifetime.into());
    body.insert("token_type".to_owned(), "Bearer".into());
    if let Some(scope) = scope {
        body.insert("scope".to_owned(), scope.into());
    }
    Ok(body)
}

/// The one resource that a request names, if it names one.
pub(super) fn requested_resource(state: &Known, form: &Parameters) -> Result<Option<String>, OidcError> {
    let refused = |description: &str| Err(OidcError::new(400, "invalid_target", description));
    match form.all("resource").as_slice() {
        [] => Ok(None),
        [one] if one.is_empty() => Ok(None),
        [one] if Url::parse(one).is_ok() && state.tenant.knows_resource(one) => Ok(Some(one.clone())),
        [_] => refused("resource indicator is missing, or unknown"),
        _ => refused("only a single resource indicator value is supported for this grant type"),
    }
}
