//! API resources, roles and organizations, and what they give to whom.

use crate::{Application, User};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// Seconds.
pub(crate) const ACCESS_TOKEN_LIFETIME: u64 = 3600;
/// The resource by which an authorization request asks for scopes of organizations.
pub(crate) const ORGANIZATIONS: &str = "urn:logto:resource:organizations";

/// The scopes of tokens that are for the server itself.
const OIDC_SCOPES: [&str; 13] = [
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
    "urn:logto:scope:sessions",
    "urn:logto:scope:trusted_devices",
];

pub(crate) fn is_oidc_scope(scope: &str) -> bool {
    OIDC_SCOPES.contains(&scope)
}

pub(crate) fn oidc_scopes() -> &'static [&'static str] {
    &OIDC_SCOPES
}

/// An API resource.
///
/// ```
/// use logto_emulator::Resource;
/// use std::time::Duration;
///
/// let api = Resource::new("https://api.example.test").scopes(["read:x", "write:x"]).lifetime(Duration::from_secs(600));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a resource is known once the builder has it"]
pub struct Resource {
    pub(crate) indicator: String,
    scopes: Vec<String>,
    lifetime: u64,
    for_everybody: bool,
}

impl Resource {
    /// An API resource without scopes, whose tokens live for an hour.
    pub fn new(indicator: impl Into<String>) -> Self {
        let (scopes, lifetime) = (Vec::new(), ACCESS_TOKEN_LIFETIME);
        Self { indicator: indicator.into(), scopes, lifetime, for_everybody: false }
    }

    /// Its scopes; people have those that a role gives them.
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// For how long its access tokens are good.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime.as_secs();
        self
    }

    /// Everybody has all of its scopes, without any role.
    pub fn for_everybody(mut self) -> Self {
        self.for_everybody = true;
        self
    }
}

/// A role: what people may do at API resources.
///
/// ```
/// let role = logto_emulator::Role::new("x-user").scopes("https://api.example.test", ["read:x"]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a role is known once the builder has it"]
pub struct Role {
    pub(crate) name: String,
    scopes: BTreeMap<String, Vec<String>>,
}

impl Role {
    /// A role that gives nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), scopes: BTreeMap::new() }
    }

    /// Gives these scopes of an API resource.
    pub fn scopes<T: Into<String>>(
        mut self,
        indicator: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        self.scopes.entry(indicator.into()).or_default().extend(scopes.into_iter().map(Into::into));
        self
    }
}

/// A role of organizations: what members may do in theirs, and at API resources.
///
/// ```
/// let role = logto_emulator::OrganizationRole::new("admin")
///     .scopes(["invite:member"])
///     .api_scopes("https://api.example.test", ["read:x"]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a role is known once the builder has it"]
pub struct OrganizationRole {
    pub(crate) name: String,
    scopes: Vec<String>,
    api_scopes: BTreeMap<String, Vec<String>>,
}

impl OrganizationRole {
    /// A role that gives nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), scopes: Vec::new(), api_scopes: BTreeMap::new() }
    }

    /// Gives these scopes in the organization.
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Gives these scopes of an API resource.
    pub fn api_scopes<T: Into<String>>(
        mut self,
        indicator: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        self.api_scopes.entry(indicator.into()).or_default().extend(scopes.into_iter().map(Into::into));
        self
    }
}

/// An organization. One that is only named by a member exists by that, under its id.
///
/// ```
/// let acme = logto_emulator::Organization::new("acme").name("Acme").description("Makers of anvils");
/// ```
#[derive(Clone, Debug)]
#[must_use = "an organization is known once the builder has it"]
pub struct Organization {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
}

impl Organization {
    /// An organization that is called as its id.
    pub fn new(id: impl Into<String>) -> Self {
        let id = id.into();
        Self { name: id.clone(), id, description: None }
    }

    /// The display name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// All that is set up: who and what is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    pub(crate) applications: HashMap<String, Application>,
    pub(crate) users: HashMap<String, User>,
    /// Without any, every absolute URI is one.
    pub(crate) resources: HashMap<String, Resource>,
    pub(crate) roles: HashMap<String, Role>,
    pub(crate) organizations: HashMap<String, Organization>,
    pub(crate) organization_roles: HashMap<String, OrganizationRole>,
    /// What every member has in an organization.
    pub(crate) organization_scopes: Vec<String>,
}

impl Tenant {
    pub(crate) fn knows_resource(&self, resource: &str) -> bool {
        self.resources.is_empty()
            || self.resources.contains_key(resource)
            || resource == ORGANIZATIONS
            || self.applications.values().any(|application| application.names_resource(resource))
    }

    /// For how long access tokens for this resource are good, in seconds.
    pub(crate) fn lifetime_of(&self, resource: &str) -> u64 {
        self.resources.get(resource).map_or(ACCESS_TOKEN_LIFETIME, |known| known.lifetime)
    }

    /// What the roles of a person give at a resource, in one organization or in all of theirs.
    pub(crate) fn scopes_of(&self, user: &User, resource: &str, organization: Option<&str>) -> Vec<String> {
        if resource == ORGANIZATIONS {
            let all = user.organizations().iter().flat_map(|id| self.organization_scopes_of(user, id));
            return all.collect();
        }
        let known = self.resources.get(resource);
        let free = known.filter(|known| known.for_everybody).map(|known| known.scopes.as_slice());
        let roles = user.roles().iter().filter_map(|name| self.roles.get(name)?.scopes.get(resource));
        let theirs = user
            .organization_roles()
            .iter()
            .filter(|(id, _)| organization.is_none_or(|asked| asked == id))
            .filter_map(|(_, name)| self.organization_roles.get(name)?.api_scopes.get(resource));
        free.into_iter().flatten().chain(roles.flatten()).chain(theirs.flatten()).cloned().collect()
    }

    /// What a member may do in an organization.
    pub(crate) fn organization_scopes_of(&self, user: &User, organization: &str) -> Vec<String> {
        if !user.is_in(organization) {
            return Vec::new();
        }
        let roles = user.organization_roles().iter().filter(|(id, _)| id == organization);
        let theirs = roles.filter_map(|(_, name)| Some(&self.organization_roles.get(name)?.scopes));
        self.organization_scopes.iter().chain(theirs.flatten()).cloned().collect()
    }

    pub(crate) fn organization(&self, id: &str) -> Organization {
        self.organizations.get(id).cloned().unwrap_or_else(|| Organization::new(id))
    }
}
