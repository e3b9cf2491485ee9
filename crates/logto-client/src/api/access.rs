//! What a request must bring: one of Logto's three models, and scopes.

use super::{ApiRequest, Organization, Scopes};
use crate::{AccessError, verify::AuthInfo};
use std::borrow::Cow;

/// What the access token of a request must be for, and which scopes it must have.
///
/// Three models, as Logto has them; who calls the API asks for the
/// [`TokenTarget`](crate::TokenTarget) of the same form:
///
/// | what is protected | here | the token |
/// |---|---|---|
/// | an API resource | [`Access::api`] | `aud` is the API, no `organization_id` |
/// | an organization | [`Access::organization`] | `aud` is `urn:logto:organization:<id>` |
/// | an API resource in an organization | [`Access::organization_api`] | `aud` is the API, and `organization_id` |
///
/// ```
/// use logto_client::{Access, Organization, Scopes};
///
/// let list = Access::api().scopes(["read:orders"]);
/// let edit = Access::api().scopes(Scopes::any_of(["write:orders", "admin"]));
/// let members = Access::organization(Organization::path("organization_id")).scopes(["read:member"]);
/// let invoices = Access::organization_api("acme").scopes(["read:invoices"]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is checked before a token is verified for it"]
pub struct Access {
    model: Model,
    audience: Option<String>,
    scopes: Scopes,
}

#[derive(Clone, Debug)]
enum Model {
    Api,
    Organization(Organization),
    OrganizationApi(Organization),
    AnyOrganizationApi,
}

impl Access {
    fn new(model: Model) -> Self {
        Self { model, audience: None, scopes: Scopes::default() }
    }

    /// A token for the API itself.
    ///
    /// One that was issued within an organization is refused: its scopes are those of a role in that
    /// organization, and say nothing about the rest of the API.
    pub fn api() -> Self {
        Self::new(Model::Api)
    }

    /// A token for an organization: one of this id, or the one that the request names.
    pub fn organization(organization: impl Into<Organization>) -> Self {
        Self::new(Model::Organization(organization.into()))
    }

    /// A token for the API within an organization: one of this id, or the one that the request names.
    pub fn organization_api(organization: impl Into<Organization>) -> Self {
        Self::new(Model::OrganizationApi(organization.into()))
    }

    /// A token for the API within an organization, whichever: for requests that name none. What they reach is
    /// then for the handler to limit, by [`AuthInfo::organization_id`].
    pub fn any_organization_api() -> Self {
        Self::new(Model::AnyOrganizationApi)
    }

    /// For this API instead of those of the configuration.
    pub fn audience(mut self, indicator: impl Into<String>) -> Self {
        self.audience = Some(indicator.into());
        self
    }

    /// These scopes are needed, beside those that were named before: a list stands for all of them.
    pub fn scopes(mut self, scopes: impl Into<Scopes>) -> Self {
        self.scopes = self.scopes.and(scopes.into());
        self
    }

    fn organization_place(&self) -> Option<&Organization> {
        match &self.model {
            Model::Organization(place) | Model::OrganizationApi(place) => Some(place),
            Model::Api | Model::AnyOrganizationApi => None,
        }
    }

    /// The organization of this request, where the model is about one.
    pub(super) fn organization_of<'a>(
        &'a self,
        request: &'a dyn ApiRequest,
    ) -> Result<Option<Cow<'a, str>>, AccessError> {
        self.organization_place().map(|place| place.of(request)).transpose()
    }

    /// The organization, where the model is about one and no request is needed to tell which.
    fn organization_id(&self) -> Result<Option<&str>, AccessError> {
        self.organization_place().map(Organization::known).transpose()
    }

    /// Whether a good token is for this, among the API's own audiences.
    pub(super) fn check(&self, auth: &AuthInfo, audiences: &[String]) -> Result<(), AccessError> {
        self.check_within(self.organization_id()?, auth, audiences)
    }

    /// The same, with the organization that the request names.
    pub(super) fn check_within(
        &self,
        id: Option<&str>,
        auth: &AuthInfo,
        audiences: &[String],
    ) -> Result<(), AccessError> {
        match (&self.model, id) {
            (Model::Organization(_), Some(id)) => check_organization(auth, id)?,
            (model, id) => {
                self.check_audience(auth, audiences)?;
                check_organization_claim(auth, model, id)?;
            }
        }
        if self.scopes.are_met(|scope| auth.has_scope(scope)) {
            return Ok(());
        }
        Err(AccessError::insufficient("the access token lacks a scope", self.scopes.named()))
    }

    fn check_audience(&self, auth: &AuthInfo, audiences: &[String]) -> Result<(), AccessError> {
        let wanted = self.audience.as_ref().map_or(audiences, std::slice::from_ref);
        if wanted.is_empty() {
            return Err(AccessError::misconfigured(
                "no audience is configured: give the API's indicator to ApiConfig::audience",
            ));
        }
        if auth.audience().any(|audience| wanted.iter().any(|wanted| wanted == audience)) {
            return Ok(());
        }
        // An opaque token names no audience; whose it may be was looked at when the provider was asked.
        if auth.is_introspected() && self.audience.is_none() && auth.audience().next().is_none() {
            return Ok(());
        }
        Err(AccessError::invalid_token("the access token is for another API"))
    }
}

fn check_organization(auth: &AuthInfo, id: &str) -> Result<(), AccessError> {
    if auth.organizations().any(|organization| organization == id)
        && auth.organization_claim().is_none_or(|claim| claim == id)
    {
        return Ok(());
    }
    if auth.organizations().next().is_none() {
        return Err(AccessError::invalid_token("the access token is for no organization"));
    }
    Err(AccessError::insufficient(OTHER_ORGANIZATION, None))
}

const OTHER_ORGANIZATION: &str = "the access token is within another organization";

fn check_organization_claim(auth: &AuthInfo, model: &Model, id: Option<&str>) -> Result<(), AccessError> {
    match (model, auth.organization_claim()) {
        (Model::Api, None) | (Model::AnyOrganizationApi, Some(_)) => Ok(()),
        (Model::Api, Some(_)) => Err(AccessError::insufficient(
            "the access token is within an organization, and this is not",
            None,
        )),
        (Model::OrganizationApi(_), Some(claim)) if Some(claim) == id => Ok(()),
        (_, Some(_)) => Err(AccessError::insufficient(OTHER_ORGANIZATION, None)),
        (_, None) => Err(AccessError::insufficient("the access token is within no organization", None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AccessErrorKind::{self, InsufficientScope, InvalidRequest, InvalidToken, Misconfigured},
        verify::tests::access_token,
    };
    use serde_json::{Value, json};

    fn audiences() -> Vec<String> {
        vec!["https://other.example".to_owned(), access_token::API.to_owned()]
    }

    /// A token with these claims beside the usual ones.
    fn auth(claims: &[(&str, Value)]) -> AuthInfo {
        access_token::auth_info(claims)
    }

    fn judge(access: &Access, auth: &AuthInfo) -> Result<(), AccessErrorKind> {
        access.check(auth, &audiences()).map_err(|error| error.kind())
    }

    #[test]
    fn each_model_takes_its_own_tokens_and_no_others() {
        let urn = |id: &str| json!(format!("urn:logto:organization:{id}"));
        let global = auth(&[]);
        let in_list = auth(&[("aud", json!(["https://unknown.example", access_token::API]))]);
        let acme = auth(&[("aud", urn("acme"))]);
        let acme_api = auth(&[("organization_id", json!("acme"))]);
        let strange = auth(&[("aud", urn("acme")), ("organization_id", json!("other"))]);
        let foreign = auth(&[("aud", json!("https://api.example.evil"))]);
        let all = [&global, &in_list, &acme, &acme_api, &strange, &foreign];
        let (no, less) = (Err(InvalidToken), Err(InsufficientScope));
        for (access, expected) in [
            (Access::api(), [Ok(()), Ok(()), no, less, no, no]),
            (Access::organization("acme"), [no, no, Ok(()), no, less, no]),
            (Access::organization("acm"), [no, no, less, no, less, no]),
            (Access::organization("other"), [no, no, less, no, less, no]),
            (Access::organization_api("acme"), [less, less, no, Ok(()), no, no]),
            (Access::organization_api("ACME"), [less, less, no, less, no, no]),
            (Access::any_organization_api(), [less, less, no, Ok(()), no, no]),
            (Access::api().audience("https://api.example.evil"), [no, no, no, no, no, Ok(())]),
            (Access::api().audience("https://"), [no, no, no, no, no, no]),
        ] {
            assert_eq!(all.map(|auth| judge(&access, auth)), expected, "{access:?}");
        }
    }

    #[test]
    fn a_request_that_names_no_organization_is_told_so() {
        let nameless = auth(&[("aud", json!("urn:logto:organization:"))]);
        for access in [Access::organization(""), Access::organization_api("")] {
            assert_eq!(judge(&access, &nameless), Err(InvalidRequest));
        }
    }

    #[test]
    fn without_an_audience_the_api_is_not_set_up() {
        let error = Access::api().check(&auth(&[]), &[]).unwrap_err();
        assert_eq!(error.kind(), Misconfigured);
        assert!(Access::api().audience(access_token::API).check(&auth(&[]), &[]).is_ok());
        let acme = auth(&[("aud", json!("urn:logto:organization:acme"))]);
        assert!(Access::organization("acme").check(&acme, &[]).is_ok());
    }

    #[test]
    fn all_or_any_of_the_scopes_are_needed_to_the_letter() {
        let auth = auth(&[("scope", json!("read write"))]);
        let api = Access::api;
        let none: [&str; 0] = [];
        for (access, needed) in [
            (api(), None),
            (api().scopes(none), None),
            (api().scopes(["read"]), None),
            (api().scopes(["write", "read"]), None),
            (api().scopes(["write read"]), None),
            (api().scopes(Scopes::any_of(["admin", "read"])), None),
            (api().scopes(["read"]).scopes(Scopes::any_of(["admin", "write"])), None),
            (api().scopes(["read", "admin"]), Some("read admin")),
            (api().scopes(["read"]).scopes(["admin"]), Some("read admin")),
            (api().scopes(["READ"]), Some("READ")),
            (api().scopes(["rea"]), Some("rea")),
            (api().scopes(Scopes::any_of(["admin", "owner"])), Some("admin owner")),
            (api().scopes(["read"]).scopes(Scopes::any_of(["admin", "read2"])), Some("read admin read2")),
            (api().scopes(["admin"]).scopes(Scopes::any_of(["read", "admin"])), Some("admin read")),
        ] {
            let error = access.check(&auth, &audiences()).err();
            assert_eq!(error.as_ref().and_then(AccessError::scope), needed, "{access:?}");
            assert_eq!(error.is_none(), needed.is_none(), "{access:?}");
        }
        assert_eq!(
            judge(&api().scopes(Scopes::any_of(none)), &auth),
            Err(InsufficientScope),
            "nothing meets none"
        );
    }

    #[test]
    fn a_token_without_scopes_lacks_every_one() {
        for scope in [json!(""), json!(" ")] {
            let auth = auth(&[("scope", scope)]);
            assert_eq!(judge(&Access::api(), &auth), Ok(()));
            assert_eq!(judge(&Access::api().scopes(["read"]), &auth), Err(InsufficientScope));
        }
    }
}
