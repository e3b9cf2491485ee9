//! Who is known: applications and people.

use serde_json::{Map, Value, json};
use std::fmt;
use url::{Host, Url};

/// An application, as registered in Logto's console.
#[derive(Clone)]
pub struct Application {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) third_party: bool,
    pub(crate) always_issue_refresh_token: bool,
    pub(crate) back_channel_logout_uri: Option<String>,
    back_channel_logout_session_required: bool,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
}

impl Application {
    /// A public application (SPA or native); with a [`secret`](Self::secret) a Traditional one. Without
    /// registered addresses any on loopback is accepted.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: None,
            third_party: false,
            always_issue_refresh_token: false,
            back_channel_logout_uri: None,
            back_channel_logout_session_required: false,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
        }
    }

    pub(crate) fn local() -> Self {
        Self::new("local-app").secret("local-secret")
    }

    /// The secret.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Registers a redirect URI; only registered ones are accepted then.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Registers a post sign-out redirect URI; only registered ones are accepted then.
    #[must_use]
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uris.push(uri.into());
        self
    }

    /// A third party's: people are asked for consent.
    #[must_use]
    pub fn third_party(mut self) -> Self {
        self.third_party = true;
        self
    }

    /// A refresh token comes even without `offline_access`.
    #[must_use]
    pub fn always_issue_refresh_token(mut self) -> Self {
        self.always_issue_refresh_token = true;
        self
    }

    /// Where logout tokens are sent to, over HTTP on loopback.
    #[must_use]
    pub fn back_channel_logout_uri(mut self, uri: impl Into<String>) -> Self {
        self.back_channel_logout_uri = Some(uri.into());
        self
    }

    /// With a [`back_channel_logout_uri`](Self::back_channel_logout_uri), ID tokens and logout tokens name
    /// the session by `sid`.
    #[must_use]
    pub fn back_channel_logout_session_required(mut self) -> Self {
        self.back_channel_logout_session_required = true;
        self
    }

    /// Whether its tokens carry `sid`.
    pub(crate) fn is_told_sid(&self) -> bool {
        self.back_channel_logout_uri.is_some() && self.back_channel_logout_session_required
    }

    pub(crate) fn accepts_redirect_uri(&self, uri: &str) -> bool {
        accepts(&self.redirect_uris, uri, |registered| registered == uri)
    }

    /// The one to use where a request names none.
    pub(crate) fn only_redirect_uri(&self) -> Option<&str> {
        match self.redirect_uris.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    pub(crate) fn accepts_post_logout_redirect_uri(&self, uri: &str) -> bool {
        let normal = |uri: &str| Url::parse(uri).map(String::from).ok();
        accepts(&self.post_logout_redirect_uris, uri, |registered| normal(registered) == normal(uri))
    }
}

fn accepts(registered: &[String], uri: &str, same: impl Fn(&str) -> bool) -> bool {
    match registered {
        [] => Url::parse(uri).is_ok_and(|url| is_loopback(&url)),
        list => list.iter().any(|uri| same(uri)),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("id", &self.id).finish_non_exhaustive()
    }
}

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
