//! People who can sign in.

use crate::tenant::Tenant;
use serde_json::{Map, Value, json};
use std::fmt;

/// A person who can sign in.
///
/// ```
/// use logto_emulator::User;
///
/// let bob = User::new("bob").password("bob").name("Bob Builder").email("bob@example.test")
///     .role("x-user")
///     .organization_role("acme", "admin");
/// ```
#[derive(Clone)]
#[must_use = "a person is known once the builder has them"]
pub struct User {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) suspended: bool,
    id: Option<String>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    picture: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    custom_data: Value,
    identities: Value,
    roles: Vec<String>,
    organizations: Vec<String>,
    organization_roles: Vec<(String, String)>,
    /// Milliseconds since 1970, as all times of a person at the server.
    pub(crate) created_at: u64,
    pub(crate) updated_at: u64,
    pub(crate) last_sign_in_at: Option<u64>,
}

impl User {
    /// A person of this user name, without a password.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: String::new(),
            suspended: false,
            id: None,
            name: None,
            given_name: None,
            family_name: None,
            picture: None,
            email: None,
            phone: None,
            custom_data: json!({}),
            identities: json!({}),
            roles: Vec::new(),
            organizations: Vec::new(),
            organization_roles: Vec::new(),
            created_at: 1_795_400_000_000,
            updated_at: 1_795_402_047_343,
            last_sign_in_at: None,
        }
    }

    pub(crate) fn alice() -> Self {
        Self::new("alice")
            .password("alice")
            .name("Alice Example")
            .email("alice@example.test")
            .custom_data(json!({"plan": "pro", "seats": 3}))
            .organization("acme")
    }

    /// The password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// The id; without it one that follows from the user name.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The display name. Given and family name are its first word and the rest, unless they are said.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The given name of the profile.
    pub fn given_name(mut self, name: impl Into<String>) -> Self {
        self.given_name = Some(name.into());
        self
    }

    /// The family name of the profile.
    pub fn family_name(mut self, name: impl Into<String>) -> Self {
        self.family_name = Some(name.into());
        self
    }

    /// The address of a picture.
    pub fn picture(mut self, address: impl Into<String>) -> Self {
        self.picture = Some(address.into());
        self
    }

    /// The e-mail address.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// The phone number.
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }

    /// The custom data, an object.
    pub fn custom_data(mut self, data: Value) -> Self {
        self.custom_data = data;
        self
    }

    /// Social identities, an object of connector to identity.
    pub fn identities(mut self, identities: Value) -> Self {
        self.identities = identities;
        self
    }

    /// Gives the person a role.
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.give_role(&name.into());
        self
    }

    /// Makes the person a member of an organization; in user info they are its `member` as long as they have
    /// no other role there.
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.join(&id.into());
        self
    }

    /// Makes the person a member of an organization with this role.
    pub fn organization_role(mut self, id: impl Into<String>, role: impl Into<String>) -> Self {
        let (id, role) = (id.into(), role.into());
        self.join(&id);
        self.organization_roles.push((id, role));
        self
    }

    /// Suspends the person: nobody signs in as them, and their tokens are refused.
    pub fn suspended(mut self, suspended: bool) -> Self {
        self.suspended = suspended;
        self
    }

    /// Milliseconds since 1970.
    pub(crate) fn created_at(mut self, at: u64) -> Self {
        (self.created_at, self.updated_at) = (at, at);
        self
    }

    pub(crate) fn give_role(&mut self, name: &str) {
        if !self.roles.iter().any(|known| known == name) {
            self.roles.push(name.to_owned());
        }
    }

    pub(crate) fn take_role(&mut self, name: &str) {
        self.roles.retain(|known| known != name);
    }

    pub(crate) fn join(&mut self, organization: &str) {
        if !self.is_in(organization) {
            self.organizations.push(organization.to_owned());
        }
    }

    pub(crate) fn leave(&mut self, organization: &str) {
        self.organizations.retain(|known| known != organization);
        self.organization_roles.retain(|(known, _)| known != organization);
    }

    pub(crate) fn roles(&self) -> &[String] {
        &self.roles
    }

    pub(crate) fn organizations(&self) -> &[String] {
        &self.organizations
    }

    pub(crate) fn organization_roles(&self) -> &[(String, String)] {
        &self.organization_roles
    }

    pub(crate) fn is_in(&self, organization: &str) -> bool {
        self.organizations.iter().any(|known| known == organization)
    }

    /// The person's id: twelve characters, the same for the same user name.
    #[must_use]
    pub fn sub(&self) -> String {
        let of_name = || {
            crate::keys::hash(&self.username)
                .to_lowercase()
                .replace(['-', '_'], "0")
                .chars()
                .take(12)
                .collect()
        };
        self.id.clone().unwrap_or_else(of_name)
    }

    fn given(&self) -> Option<&str> {
        self.given_name
            .as_deref()
            .or_else(|| self.name.as_deref()?.split(' ').next().filter(|word| !word.is_empty()))
    }

    fn family(&self) -> Option<&str> {
        self.family_name.as_deref().or_else(|| self.name.as_deref()?.split_once(' ').map(|(_, rest)| rest))
    }

    /// The claims that these scopes give; user info gives more than an ID token.
    pub(crate) fn claims(&self, tenant: &Tenant, scope: &[String], user_info: bool) -> Map<String, Value> {
        let has = |name: &str| scope.iter().any(|scope| scope == name);
        let mut claims = Map::new();
        let mut add = |name: &str, value: Value| {
            claims.insert(name.to_owned(), value);
        };
        add("sub", self.sub().into());
        if has("profile") {
            add("name", self.name.clone().into());
            // Members of the profile are left out where they are not known, other claims are null.
            if let Some(family) = self.family() {
                add("family_name", family.into());
            }
            if let Some(given) = self.given() {
                add("given_name", given.into());
            }
            add("preferred_username", self.username.clone().into());
            add("picture", self.picture.clone().into());
            add("updated_at", self.updated_at.into());
            add("username", self.username.clone().into());
            add("created_at", self.created_at.into());
        }
        if has("email") {
            add("email", self.email.clone().into());
            add("email_verified", self.email.is_some().into());
        }
        if has("phone") {
            add("phone_number", self.phone.clone().into());
            add("phone_number_verified", self.phone.is_some().into());
        }
        if has("custom_data") && user_info {
            add("custom_data", self.custom_data.clone());
        }
        if has("identities") && user_info {
            add("identities", self.identities.clone());
            add("sso_identities", json!([]));
        }
        if has("roles") {
            add("roles", self.roles.clone().into());
        }
        if has("urn:logto:scope:organizations") {
            add("organizations", self.organizations.clone().into());
            if user_info {
                let data = self.organizations.iter().map(|id| tenant.organization(id));
                let data: Vec<Value> = data
                    .map(
                        |known| json!({"id": known.id, "name": known.name, "description": known.description}),
                    )
                    .collect();
                add("organization_data", data.into());
            }
        }
        if has("urn:logto:scope:organization_roles") {
            add("organization_roles", self.roles_in_organizations().into());
        }
        claims
    }

    fn roles_in_organizations(&self) -> Vec<String> {
        let of = |id: &String| {
            let named = self.organization_roles.iter().filter(|(known, _)| known == id);
            let roles: Vec<String> = named.map(|(_, role)| format!("{id}:{role}")).collect();
            if roles.is_empty() { vec![format!("{id}:member")] } else { roles }
        };
        self.organizations.iter().flat_map(of).collect()
    }

    /// The person as the server tells of them in webhooks.
    pub(crate) fn data(&self) -> Value {
        let mut profile = Map::new();
        for (name, value) in [("familyName", self.family()), ("givenName", self.given())] {
            if let Some(value) = value {
                profile.insert(name.to_owned(), value.into());
            }
        }
        json!({
            "id": self.sub(), "username": self.username, "primaryEmail": self.email,
            "primaryPhone": self.phone, "name": self.name, "avatar": self.picture,
            "customData": self.custom_data, "identities": self.identities,
            "lastSignInAt": self.last_sign_in_at, "createdAt": self.created_at, "updatedAt": self.updated_at,
            "profile": profile, "applicationId": null, "cimdClientId": null, "isSuspended": self.suspended,
        })
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("username", &self.username).finish_non_exhaustive()
    }
}
