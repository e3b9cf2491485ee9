//! The applications that are known.

use crate::{
    endpoints::{DEVICE_CODE, TOKEN_EXCHANGE},
    kind::Kind,
};
use std::{collections::BTreeSet, fmt, time::Duration};
use url::{Host, Url};

/// The Management API, as a self-hosted server names it whatever its domain is.
const MANAGEMENT_API: &str = "https://default.logto.app/api";

/// Seconds.
const ID_TOKEN_LIFETIME: u64 = 3600;
const REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(14 * 86_400);

/// What a machine-to-machine application may do: globally or within an organization, at an API resource or
/// in the organization itself.
#[derive(Clone)]
struct Role {
    organization: Option<String>,
    resource: Option<String>,
    scopes: Vec<String>,
}

/// An application, as registered in Logto's console.
#[derive(Clone)]
pub struct Application {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) third_party: bool,
    pub(crate) id_token_lifetime: u64,
    pub(crate) refresh_token_lifetime: Duration,
    pub(crate) rotates_refresh_token: bool,
    /// Who is kept out, by user name.
    pub(crate) denied: BTreeSet<String>,
    secrets: Vec<String>,
    native: bool,
    device_flow: bool,
    /// What people may be asked for by a third party; without a list, for everything.
    user_scopes: Option<Vec<String>>,
    pub(crate) always_issue_refresh_token: bool,
    pub(crate) back_channel_logout_uri: Option<String>,
    back_channel_logout_session_required: bool,
    machine: bool,
    token_exchange: bool,
    organizations: Vec<String>,
    roles: Vec<Role>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
}

impl Application {
    /// A public application (SPA or native); with a [`secret`](Self::secret) a Traditional one. Without
    /// registered addresses any on loopback is accepted.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            name: id.clone(),
            id,
            third_party: false,
            id_token_lifetime: ID_TOKEN_LIFETIME,
            refresh_token_lifetime: REFRESH_TOKEN_LIFETIME,
            rotates_refresh_token: true,
            denied: BTreeSet::new(),
            secrets: Vec::new(),
            native: false,
            device_flow: false,
            user_scopes: None,
            always_issue_refresh_token: false,
            back_channel_logout_uri: None,
            back_channel_logout_session_required: false,
            machine: false,
            token_exchange: false,
            organizations: Vec::new(),
            roles: Vec::new(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
        }
    }

    pub(crate) fn local() -> Self {
        Self::new("local-app").secret("local-secret")
    }

    pub(crate) fn local_machine() -> Self {
        let machine = Self::new("local-machine").secret("local-machine-secret").machine_to_machine();
        machine.api_scopes(MANAGEMENT_API, ["all"]).token_exchange()
    }

    /// A secret. An application may have several, all of them good.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// The name that people see; default its id.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// A native application, where it has no secret: its refresh tokens live for their full time again after
    /// each rotation.
    #[must_use]
    pub fn native(mut self) -> Self {
        self.native = true;
        self
    }

    /// A native application for devices without a browser (RFC 8628).
    #[must_use]
    pub fn device_flow(mut self) -> Self {
        (self.native, self.device_flow) = (true, true);
        self
    }

    /// Its refresh tokens are never replaced.
    #[must_use]
    pub fn without_rotation(mut self) -> Self {
        self.rotates_refresh_token = false;
        self
    }

    /// For how long ID tokens are good; default one hour.
    #[must_use]
    pub fn id_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.id_token_lifetime = lifetime.as_secs();
        self
    }

    /// For how long refresh tokens are good; default 14 days.
    #[must_use]
    pub fn refresh_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_token_lifetime = lifetime;
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

    /// What a third party's application may ask people for, beside `openid` and `offline_access`.
    #[must_use]
    pub fn user_scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.user_scopes = Some(scopes.into_iter().map(Into::into).collect());
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

    /// A machine-to-machine application: nobody signs in with it, it asks for tokens with its own credentials.
    ///
    /// ```
    /// use logto_emulator::Application;
    ///
    /// let machine = Application::new("reports").secret("s3cret").machine_to_machine()
    ///     .api_scopes("https://api.example.test", ["read:orders"])
    ///     .organization("acme", ["read:member"])
    ///     .organization_api_scopes("acme", "https://api.example.test", ["write:orders"]);
    /// ```
    #[must_use]
    pub fn machine_to_machine(mut self) -> Self {
        self.machine = true;
        self
    }

    /// Gives a machine-to-machine application a role with these scopes of an API resource, which exists by that.
    #[must_use]
    pub fn api_scopes<T: Into<String>>(
        self,
        indicator: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        self.role(None, Some(indicator.into()), scopes)
    }

    /// Makes a machine-to-machine application belong to an organization, with these scopes in it.
    #[must_use]
    pub fn organization<T: Into<String>>(
        mut self,
        id: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        let id = id.into();
        self.organizations.push(id.clone());
        self.role(Some(id), None, scopes)
    }

    /// Gives a machine-to-machine application scopes of an API resource within an organization that it
    /// [belongs to](Self::organization).
    #[must_use]
    pub fn organization_api_scopes<T: Into<String>>(
        self,
        id: impl Into<String>,
        indicator: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        self.role(Some(id.into()), Some(indicator.into()), scopes)
    }

    fn role<T: Into<String>>(
        mut self,
        organization: Option<String>,
        resource: Option<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        self.roles.push(Role { organization, resource, scopes });
        self
    }

    /// Allows it to exchange tokens (RFC 8693); by default no application may.
    #[must_use]
    pub fn token_exchange(mut self) -> Self {
        self.token_exchange = true;
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.secrets.is_empty() {
            _ if self.machine => Kind::MachineToMachine,
            false => Kind::Traditional,
            true if self.native => Kind::Native,
            true => Kind::SinglePage,
        }
    }

    /// Without a secret: it authenticates by its id alone.
    pub(crate) fn is_public(&self) -> bool {
        self.secrets.is_empty()
    }

    pub(crate) fn first_secret(&self) -> Option<&str> {
        self.secrets.first().map(String::as_str)
    }

    pub(crate) fn set_secret(&mut self, secret: &str) {
        self.secrets = vec![secret.to_owned()];
    }

    /// Whether these credentials are its own.
    pub(crate) fn is_proven_by(&self, secret: Option<&str>) -> bool {
        match secret {
            Some(secret) => self.secrets.iter().any(|known| known == secret),
            None => self.secrets.is_empty(),
        }
    }

    pub(crate) fn is_for_devices(&self) -> bool {
        self.device_flow
    }

    /// The first scope that a third party must not ask for.
    pub(crate) fn forbidden_scope<'a>(&self, mut asked: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let allowed = self.user_scopes.as_ref().filter(|_| self.third_party)?;
        asked.find(|scope| {
            !matches!(*scope, "openid" | "offline_access") && !allowed.iter().any(|known| known == scope)
        })
    }

    /// Whether a page of this origin may call the server for it: that of a registered redirect URI.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        let same = |url: &Url| url.origin().ascii_serialization() == origin;
        match self.redirect_uris.as_slice() {
            [] => Url::parse(origin).is_ok_and(|url| is_loopback(&url)),
            list => list.iter().any(|uri| Url::parse(uri).is_ok_and(|url| same(&url))),
        }
    }

    /// Whether it may ask for tokens in this way.
    pub(crate) fn may_use(&self, grant_type: &str) -> bool {
        match grant_type {
            "client_credentials" => self.machine,
            TOKEN_EXCHANGE => self.token_exchange,
            DEVICE_CODE => self.device_flow,
            _ => !self.machine,
        }
    }

    pub(crate) fn belongs_to(&self, organization: &str) -> bool {
        self.organizations.iter().any(|known| known == organization)
    }

    /// Whether a role of its names this API resource.
    pub(crate) fn names_resource(&self, indicator: &str) -> bool {
        self.roles.iter().any(|role| role.resource.as_deref() == Some(indicator))
    }

    /// What its roles give here.
    pub(crate) fn scopes_at(&self, organization: Option<&str>, resource: Option<&str>) -> Vec<String> {
        let here = |role: &&Role| {
            role.organization.as_deref() == organization && role.resource.as_deref() == resource
        };
        self.roles.iter().filter(here).flat_map(|role| role.scopes.iter().cloned()).collect()
    }

    /// Whether its tokens carry `sid`.
    pub(crate) fn is_told_sid(&self) -> bool {
        self.back_channel_logout_uri.is_some() && self.back_channel_logout_session_required
    }

    pub(crate) fn accepts_redirect_uri(&self, uri: &str) -> bool {
        !self.machine && accepts(&self.redirect_uris, uri, |registered| registered == uri)
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
