//! The file that a tenant is set up by, in TOML.

mod shape;

use crate::{
    Application, Builder, Organization, OrganizationRole, Resource, Role, SigningKey, User, Webhook,
};
use shape::{File, Kind};
use std::{collections::BTreeMap, fmt, ops::Range, path::Path, time::Duration};
use url::Url;

const DAY: u64 = 86_400;

/// Why a file is not taken: where, what, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    line: Option<usize>,
    message: String,
}

impl ConfigError {
    fn at(text: &str, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let before = span.and_then(|span| text.get(..span.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        Self { line, message: message.into() }
    }

    /// The line of the file, where it is known.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Builder {
    /// A tenant as a text in TOML describes it, and nothing beside.
    ///
    /// ```
    /// use logto_emulator::Builder;
    ///
    /// let tenant = r#"
    ///     [[applications]]
    ///     id = "shop"
    ///     type = "traditional"
    ///     secret = "s3cret"
    ///     redirect_uris = ["http://localhost:3000/callback"]
    ///
    ///     [[users]]
    ///     username = "bob"
    ///     password = "bob"
    /// "#;
    /// assert!(Builder::from_toml(tenant).is_ok());
    ///
    /// let error = Builder::from_toml("[[users]]\nname = 'Bob'\npasword = 'b'").unwrap_err();
    /// assert_eq!(error.line(), Some(3));
    /// assert!(error.to_string().contains("expected one of `username`, `password`"));
    /// ```
    ///
    /// # Errors
    ///
    /// Where the text is not TOML, names something that is not there, or lacks something.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let file: File =
            toml::from_str(text).map_err(|error| ConfigError::at(text, error.span(), error.message()))?;
        Reader { text, file: &file }.builder()
    }

    /// A tenant as a file in TOML describes it.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, and as [`from_toml`](Self::from_toml).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError { line: None, message: format!("{}: {error}", path.display()) })?;
        Self::from_toml(&text)
    }
}

struct Reader<'a> {
    text: &'a str,
    file: &'a File,
}

type Name = toml::Spanned<String>;

impl Reader<'_> {
    fn wrong(&self, at: &Name, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.text, Some(at.span()), message)
    }

    fn builder(&self) -> Result<Builder, ConfigError> {
        let mut builder = Builder::empty();
        if let Some(port) = self.file.port {
            builder = builder.port(port);
        }
        if let Some(endpoint) = &self.file.endpoint {
            builder = builder.endpoint(self.address(endpoint)?);
        }
        builder = builder.signing_key(match self.file.signing_key {
            Some(shape::SigningKey::Rsa) => SigningKey::Rsa,
            _ => SigningKey::Ec,
        });
        for known in &self.file.resources {
            self.address(&known.indicator)?;
            let mut resource = Resource::new(known.indicator.as_ref()).scopes(known.scopes.clone());
            if let Some(lifetime) = known.lifetime_seconds {
                resource = resource.lifetime(Duration::from_secs(lifetime));
            }
            builder =
                builder.api_resource(if known.for_everybody { resource.for_everybody() } else { resource });
        }
        for known in &self.file.roles {
            let role = self
                .by_resource(&known.scopes)?
                .into_iter()
                .fold(Role::new(known.name.clone()), |role, (indicator, scopes)| {
                    role.scopes(indicator, scopes)
                });
            builder = builder.role(role);
        }
        for known in &self.file.organizations {
            let mut organization = Organization::new(known.id.clone());
            if let Some(name) = &known.name {
                organization = organization.name(name);
            }
            if let Some(description) = &known.description {
                organization = organization.description(description);
            }
            builder = builder.organization(organization);
        }
        for known in &self.file.organization_roles {
            let role = self.by_resource(&known.api_scopes)?.into_iter().fold(
                OrganizationRole::new(known.name.clone()).scopes(known.scopes.clone()),
                |role, (indicator, scopes)| role.api_scopes(indicator, scopes),
            );
            builder = builder.organization_role(role);
        }
        for known in &self.file.users {
            builder = builder.user(self.user(known)?);
        }
        for known in &self.file.applications {
            builder = builder.application(self.application(known)?);
        }
        for known in &self.file.webhooks {
            self.address(&known.url)?;
            let mut hook = Webhook::new(known.url.as_ref()).events(known.events.clone());
            if let Some(id) = &known.id {
                hook = hook.id(id);
            }
            if let Some(key) = &known.signing_key {
                hook = hook.signing_key(key);
            }
            builder = builder.webhook(hook);
        }
        Ok(builder)
    }

    fn user(&self, known: &shape::User) -> Result<User, ConfigError> {
        let mut user = User::new(known.username.clone()).suspended(known.suspended);
        let set = |user: User, value: &Option<String>, with: fn(User, String) -> User| match value {
            Some(value) => with(user, value.clone()),
            None => user,
        };
        user = set(user, &known.password, User::password);
        user = set(user, &known.id, User::id);
        user = set(user, &known.name, User::name);
        user = set(user, &known.given_name, User::given_name);
        user = set(user, &known.family_name, User::family_name);
        user = set(user, &known.picture, User::picture);
        user = set(user, &known.email, User::email);
        user = set(user, &known.phone, User::phone);
        if let Some(data) = &known.custom_data {
            user = user.custom_data(data.clone().into());
        }
        for role in &known.roles {
            let names = self.file.roles.iter().map(|known| known.name.as_str());
            self.known(role, "role", names)?;
            user = user.role(role.as_ref());
        }
        for (organization, roles) in &known.organizations {
            let ids = self.file.organizations.iter().map(|known| known.id.as_str());
            self.known(organization, "organization", ids)?;
            user = user.organization(organization.as_ref());
            for role in roles {
                let names = self.file.organization_roles.iter().map(|known| known.name.as_str());
                self.known(role, "organization role", names)?;
                user = user.organization_role(organization.as_ref(), role.as_ref());
            }
        }
        Ok(user)
    }

    fn application(&self, known: &shape::Application) -> Result<Application, ConfigError> {
        let id = &known.id;
        let secrets: Vec<&String> = known.secret.iter().chain(&known.secrets).collect();
        let is_confidential = matches!(known.kind, Kind::Traditional | Kind::MachineToMachine);
        if is_confidential == secrets.is_empty() {
            return Err(self.wrong(
                id,
                match is_confidential {
                    true => "a traditional or machine-to-machine application needs a `secret`",
                    false => "a single-page or native application has no `secret`",
                },
            ));
        }
        let mut application = secrets.into_iter().fold(Application::new(id.as_ref()), Application::secret);
        application = match known.kind {
            Kind::Native => application.native(),
            Kind::MachineToMachine => application.machine_to_machine(),
            Kind::Traditional | Kind::SinglePage => application,
        };
        if let Some(name) = &known.name {
            application = application.name(name);
        }
        for uri in &known.redirect_uris {
            application = application.redirect_uri(self.address(uri)?);
        }
        for uri in &known.post_logout_redirect_uris {
            application = application.post_logout_redirect_uri(self.address(uri)?);
        }
        if let Some(uri) = &known.back_channel_logout_uri {
            application = application.back_channel_logout_uri(self.address(uri)?);
        }
        let mut when = |is: bool, with: fn(Application) -> Application| {
            if is {
                application = with(application.clone());
            }
        };
        when(known.back_channel_logout_session_required, Application::back_channel_logout_session_required);
        when(known.third_party, Application::third_party);
        when(known.always_issue_refresh_token, Application::always_issue_refresh_token);
        when(known.rotate_refresh_token == Some(false), Application::without_rotation);
        when(known.device_flow, Application::device_flow);
        when(known.token_exchange, Application::token_exchange);
        if let Some(scopes) = &known.user_scopes {
            application = application.user_scopes(scopes.clone());
        }
        if let Some(seconds) = known.id_token_lifetime_seconds {
            application = application.id_token_lifetime(Duration::from_secs(seconds));
        }
        if let Some(days) = known.refresh_token_lifetime_days {
            application = application.refresh_token_lifetime(Duration::from_secs(days.saturating_mul(DAY)));
        }
        for (indicator, scopes) in self.by_resource(&known.api_scopes)? {
            application = application.api_scopes(indicator, scopes);
        }
        for (organization, scopes) in &known.organizations {
            let ids = self.file.organizations.iter().map(|known| known.id.as_str());
            self.known(organization, "organization", ids)?;
            application = application.organization(organization.as_ref(), scopes.clone());
        }
        for (organization, by_resource) in &known.organization_api_scopes {
            for (indicator, scopes) in self.by_resource(by_resource)? {
                application = application.organization_api_scopes(organization, indicator, scopes);
            }
        }
        Ok(application)
    }

    /// Scopes by resource, each of a resource that is there.
    fn by_resource<'s>(
        &self,
        scopes: &'s BTreeMap<Name, Vec<String>>,
    ) -> Result<Vec<(&'s str, Vec<String>)>, ConfigError> {
        let mut found = Vec::new();
        for (indicator, scopes) in scopes {
            let known = self.file.resources.iter().map(|known| known.indicator.as_ref().as_str());
            self.known(indicator, "resource", known)?;
            found.push((indicator.as_ref().as_str(), scopes.clone()));
        }
        Ok(found)
    }

    fn known<'n>(
        &self,
        name: &Name,
        what: &str,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<(), ConfigError> {
        if names.clone().any(|known| known == name.as_ref()) {
            return Ok(());
        }
        let names: Vec<String> = names.map(|known| format!("`{known}`")).collect();
        let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(self.wrong(name, format!("unknown {what} `{}`; the file has {allowed}", name.as_ref())))
    }

    fn address(&self, uri: &Name) -> Result<String, ConfigError> {
        match Url::parse(uri.as_ref()) {
            Ok(_) => Ok(uri.as_ref().clone()),
            Err(error) => Err(self.wrong(uri, format!("`{}` is no absolute URI: {error}", uri.as_ref()))),
        }
    }
}
