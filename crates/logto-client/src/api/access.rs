//! What a request must bring: one of Logto's three models, and scopes.

use crate::{AccessError, verify::AuthInfo};

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
/// use logto_client::Access;
///
/// let list = Access::api().scopes(["read:orders"]);
/// let edit = Access::api().scopes(["read:orders"]).any_scope(["write:orders", "admin"]);
/// let members = Access::organization("acme").scopes(["read:member"]);
/// let invoices = Access::organization_api("acme").scopes(["read:invoices"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing is checked before a token is verified for it"]
pub struct Access {
    model: Model,
    audience: Option<String>,
    all: Vec<String>,
    any: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Model {
    Api,
    Organization(String),
    OrganizationApi(String),
    AnyOrganizationApi,
}

impl Access {
    fn new(model: Model) -> Self {
        Self { model, audience: None, all: Vec::new(), any: None }
    }

    /// A token for the API itself.
    ///
    /// One that was issued within an organization is refused: its scopes are those of a role in that
    /// organization, and say nothing about the rest of the API.
    pub fn api() -> Self {
        Self::new(Model::Api)
    }

    /// A token for the organization of this id.
    ///
    /// The id comes from the request, for example from its path; the token is compared with it.
    pub fn organization(id: impl Into<String>) -> Self {
        Self::new(Model::Organization(id.into()))
    }

    /// A token for the API within the organization of this id.
    ///
    /// The id comes from the request, for example from its path; the token is compared with it.
    pub fn organization_api(id: impl Into<String>) -> Self {
        Self::new(Model::OrganizationApi(id.into()))
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

    /// All of these scopes are needed, beside those that were named before.
    pub fn scopes<T: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.all.extend(words(scopes));
        self
    }

    /// One of these scopes is needed, beside all of [`scopes`](Self::scopes). A second call adds to the list;
    /// an empty list is met by no token.
    pub fn any_scope<T: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.any.get_or_insert_default().extend(words(scopes));
        self
    }

    /// Whether the request itself says what the model needs.
    pub(crate) fn check_request(&self) -> Result<(), AccessError> {
        match &self.model {
            Model::Organization(id) | Model::OrganizationApi(id) if id.is_empty() => {
                Err(AccessError::invalid_request("the request names no organization"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a good token is for this, among the API's own audiences.
    pub(crate) fn check(&self, auth: &AuthInfo, audiences: &[String]) -> Result<(), AccessError> {
        self.check_request()?;
        match &self.model {
            Model::Organization(id) => check_organization(auth, id)?,
            model => {
                self.check_audience(auth, audiences)?;
                check_organization_claim(auth, model)?;
            }
        }
        self.check_scopes(auth)
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

    fn check_scopes(&self, auth: &AuthInfo) -> Result<(), AccessError> {
        let all = self.all.iter().all(|scope| auth.has_scope(scope));
        let any = self.any.as_ref().is_none_or(|any| any.iter().any(|scope| auth.has_scope(scope)));
        if all && any {
            return Ok(());
        }
        let mut needed: Vec<&str> = Vec::new();
        for scope in self.all.iter().chain(self.any.iter().flatten()) {
            if !needed.contains(&scope.as_str()) {
                needed.push(scope);
            }
        }
        let needed = Some(needed.join(" ")).filter(|scope| !scope.is_empty());
        Err(AccessError::insufficient("the access token lacks a scope", needed))
    }
}

/// The scopes one by one, also where several stand in one string.
fn words<T: AsRef<str>>(scopes: impl IntoIterator<Item = T>) -> Vec<String> {
    let split = |scopes: T| scopes.as_ref().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    scopes.into_iter().flat_map(split).collect()
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

fn check_organization_claim(auth: &AuthInfo, model: &Model) -> Result<(), AccessError> {
    match (model, auth.organization_claim()) {
        (Model::Api, None) | (Model::AnyOrganizationApi, Some(_)) => Ok(()),
        (Model::Api, Some(_)) => Err(AccessError::insufficient(
            "the access token is within an organization, and this is not",
            None,
        )),
        (Model::OrganizationApi(id), Some(claim)) if claim == id => Ok(()),
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
            (api().any_scope(["admin", "read"]), None),
            (api().scopes(["read"]).any_scope(["admin", "write"]), None),
            (api().scopes(["read", "admin"]), Some("read admin")),
            (api().scopes(["read"]).scopes(["admin"]), Some("read admin")),
            (api().scopes(["READ"]), Some("READ")),
            (api().scopes(["rea"]), Some("rea")),
            (api().any_scope(["admin", "owner"]), Some("admin owner")),
            (api().scopes(["read"]).any_scope(["admin", "read2"]), Some("read admin read2")),
            (api().scopes(["admin"]).any_scope(["read", "admin"]), Some("admin read")),
        ] {
            let error = access.check(&auth, &audiences()).err();
            assert_eq!(error.as_ref().and_then(AccessError::scope), needed, "{access:?}");
            assert_eq!(error.is_none(), needed.is_none(), "{access:?}");
        }
        assert_eq!(judge(&api().any_scope(none), &auth), Err(InsufficientScope), "nothing meets none");
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
