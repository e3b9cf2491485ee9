//! People who can sign in.

use serde_json::{Map, Value, json};
use std::fmt;

/// A person who can sign in.
#[derive(Clone)]
pub struct User {
    pub(crate) username: String,
    pub(crate) password: String,
    name: Option<String>,
    email: Option<String>,
    custom_data: Value,
    organizations: Vec<String>,
}

impl User {
    /// A person of this user name, without a password.
    #[must_use]
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: String::new(),
            name: None,
            email: None,
            custom_data: json!({}),
            organizations: Vec::new(),
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
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// The display name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The e-mail address.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// The custom data, an object.
    #[must_use]
    pub fn custom_data(mut self, data: Value) -> Self {
        self.custom_data = data;
        self
    }

    /// Makes the person a member of an organization.
    #[must_use]
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organizations.push(id.into());
        self
    }

    pub(crate) fn is_in(&self, organization: &str) -> bool {
        self.organizations.iter().any(|known| known == organization)
    }

    /// The person's id: twelve characters, the same for the same user name.
    #[must_use]
    pub fn sub(&self) -> String {
        crate::keys::hash(&self.username).to_lowercase().replace(['-', '_'], "0").chars().take(12).collect()
    }

    /// The claims that these scopes give; user info gives more than an ID token.
    pub(crate) fn claims(&self, scope: &[String], user_info: bool) -> Map<String, Value> {
        let has = |name: &str| scope.iter().any(|scope| scope == name);
        let mut claims = Map::new();
        let mut add = |name: &str, value: Value| {
            claims.insert(name.to_owned(), value);
        };
        add("sub", self.sub().into());
        if has("profile") {
            let mut words = self.name.as_deref().unwrap_or_default().splitn(2, ' ');
            add("name", self.name.clone().into());
            add("given_name", words.next().filter(|word| !word.is_empty()).into());
            add("family_name", words.next().into());
            add("preferred_username", self.username.clone().into());
            add("picture", Value::Null);
            // Milliseconds, as Logto sends them.
            add("updated_at", 1_795_402_047_343_u64.into());
            add("username", self.username.clone().into());
            add("created_at", 1_795_400_000_000_u64.into());
        }
        if has("email") {
            add("email", self.email.clone().into());
            add("email_verified", self.email.is_some().into());
        }
        if has("phone") {
            add("phone_number", Value::Null);
            add("phone_number_verified", false.into());
        }
        if has("roles") {
            add("roles", json!([]));
        }
        if has("urn:logto:scope:organizations") {
            add("organizations", self.organizations.clone().into());
        }
        if has("urn:logto:scope:organization_roles") {
            let roles: Vec<String> = self.organizations.iter().map(|id| format!("{id}:member")).collect();
            add("organization_roles", roles.into());
        }
        if user_info {
            if has("custom_data") {
                add("custom_data", self.custom_data.clone());
            }
            if has("identities") {
                add("identities", json!({}));
                add("sso_identities", json!([]));
            }
            if has("urn:logto:scope:organizations") {
                let data: Vec<Value> = self
                    .organizations
                    .iter()
                    .map(|id| json!({"id": id, "name": id, "description": null}))
                    .collect();
                add("organization_data", data.into());
            }
        }
        claims
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("username", &self.username).finish_non_exhaustive()
    }
}
