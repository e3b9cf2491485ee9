//! Where a request names its organization.

use crate::AccessError;
use std::{borrow::Cow, fmt, sync::Arc};

/// Where a request names the organization that it is about. The token is compared with it: what the request
/// says gives no right of its own.
///
/// ```
/// use logto_client::{Access, Organization};
///
/// let by_path = Access::organization(Organization::path("organization_id"));
/// let by_header = Access::organization_api(Organization::header("x-organization-id"));
/// let by_host = Access::organization(Organization::from_fn(|request| {
///     let host = request.header("host").first().copied()?;
///     Some(std::str::from_utf8(host).ok()?.split_once('.')?.0.to_owned())
/// }));
/// let always = Access::organization("acme");
/// ```
#[derive(Clone)]
#[must_use = "it does nothing before it is given to Access"]
pub struct Organization(Place);

#[derive(Clone)]
enum Place {
    Id(String),
    Path(String),
    Header(String),
    Function(Arc<Read>),
}

type Read = dyn Fn(&dyn ApiRequest) -> Option<String> + Send + Sync;

/// What of a request to an API is looked at; a binding makes it.
pub trait ApiRequest {
    /// The method, for example `GET`.
    fn method(&self) -> &str;

    /// The path as the route sees it, percent-encoded.
    fn path(&self) -> &str;

    /// The query, percent-encoded, without its question mark.
    fn query(&self) -> Option<&str>;

    /// All headers of this name, whatever its case, as sent.
    fn header(&self, name: &str) -> Vec<&[u8]>;

    /// The part of the path that the route gives this name, decoded.
    fn path_parameter(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl Organization {
    /// This one, whatever the request says.
    pub fn id(id: impl Into<String>) -> Self {
        Self(Place::Id(id.into()))
    }

    /// The one that a parameter of the route's path names, for example `organization_id` of
    /// `/organizations/{organization_id}/members`.
    pub fn path(parameter: impl Into<String>) -> Self {
        Self(Place::Path(parameter.into()))
    }

    /// The one that this header names. Two headers of the name are an invalid request.
    pub fn header(name: impl Into<String>) -> Self {
        Self(Place::Header(name.into()))
    }

    /// The one that this function reads from the request; `None` where the request names none.
    pub fn from_fn(read: impl Fn(&dyn ApiRequest) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Place::Function(Arc::new(read)))
    }

    /// The id, where it does not depend on the request.
    pub(super) fn known(&self) -> Result<&str, AccessError> {
        match &self.0 {
            Place::Id(id) if id.is_empty() => Err(named_nowhere()),
            Place::Id(id) => Ok(id),
            _ => Err(AccessError::misconfigured(
                "the organization stands in the request: verify with AccessTokenVerifier::verify_request",
            )),
        }
    }

    /// The id that this request names.
    pub(super) fn of<'a>(&'a self, request: &'a dyn ApiRequest) -> Result<Cow<'a, str>, AccessError> {
        let id = match &self.0 {
            Place::Id(id) => Some(id.into()),
            Place::Path(name) => match request.path_parameter(name) {
                Some(id) => Some(id),
                None => {
                    return Err(AccessError::misconfigured(format!(
                        "the route's path has no parameter `{name}` for the organization"
                    )));
                }
            },
            Place::Header(name) => match request.header(name).as_slice() {
                [one] => std::str::from_utf8(one).ok().map(|id| id.trim().into()),
                [] => None,
                _ => return Err(AccessError::invalid_request("the request names its organization twice")),
            },
            Place::Function(read) => read(request).map(Cow::Owned),
        };
        id.filter(|id: &Cow<'_, str>| !id.is_empty()).ok_or_else(named_nowhere)
    }
}

fn named_nowhere() -> AccessError {
    AccessError::invalid_request("the request names no organization")
}

impl From<&str> for Organization {
    fn from(id: &str) -> Self {
        Self::id(id)
    }
}

impl From<String> for Organization {
    fn from(id: String) -> Self {
        Self::id(id)
    }
}

impl From<&String> for Organization {
    fn from(id: &String) -> Self {
        Self::id(id)
    }
}

impl fmt::Debug for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Id(id) => f.debug_tuple("id").field(id).finish(),
            Place::Path(name) => f.debug_tuple("path").field(name).finish(),
            Place::Header(name) => f.debug_tuple("header").field(name).finish(),
            Place::Function(_) => f.write_str("from_fn"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessErrorKind;

    struct Asked(Vec<(&'static str, &'static str)>);

    impl ApiRequest for Asked {
        fn method(&self) -> &str {
            "GET"
        }

        fn path(&self) -> &str {
            "/organizations/acme/members"
        }

        fn query(&self) -> Option<&str> {
            Some("organization=acme")
        }

        fn header(&self, name: &str) -> Vec<&[u8]> {
            self.0.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_bytes()).collect()
        }

        fn path_parameter(&self, name: &str) -> Option<Cow<'_, str>> {
            (name == "organization_id").then_some("acme".into())
        }
    }

    #[test]
    fn the_organization_is_read_where_it_stands_and_missing_or_twice_is_told() {
        let request = Asked(vec![("x-one", " acme "), ("x-none", ""), ("x-two", "a"), ("x-two", "a")]);
        let invalid = Err(AccessErrorKind::InvalidRequest);
        for (organization, expected) in [
            (Organization::id("acme"), Ok("acme")),
            (Organization::path("organization_id"), Ok("acme")),
            (Organization::path("id"), Err(AccessErrorKind::Misconfigured)),
            (Organization::header("x-one"), Ok("acme")),
            (Organization::header("x-none"), invalid),
            (Organization::header("x-missing"), invalid),
            (Organization::header("x-two"), invalid),
            (
                Organization::from_fn(|request| request.query()?.split_once('=').map(|it| it.1.to_owned())),
                Ok("acme"),
            ),
            (Organization::from_fn(|_| None), invalid),
        ] {
            let found = organization.of(&request);
            assert_eq!(found.as_deref().map_err(AccessError::kind), expected, "{organization:?}");
        }
    }
}
