//! What a local Logto holds when it starts.

use crate::{
    Application, Emulator, Kind, Organization, OrganizationRole, Resource, Role, SigningKey, User, Webhook,
    connection::{Control, Entrance},
    endpoints,
    state::Shared,
    tenant::Tenant,
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use tokio::{net::TcpListener, sync::oneshot};

/// What the local Logto holds when it starts.
#[derive(Debug)]
#[must_use = "nothing runs before start"]
pub struct Builder {
    port: Option<u16>,
    address: IpAddr,
    endpoint: Option<String>,
    tenant: Tenant,
    signing_key: SigningKey,
    webhooks: Vec<Webhook>,
}

impl Builder {
    /// Nobody and nothing.
    pub(crate) fn empty() -> Self {
        Self {
            port: None,
            address: Ipv4Addr::LOCALHOST.into(),
            endpoint: None,
            tenant: Tenant::default(),
            signing_key: SigningKey::default(),
            webhooks: Vec::new(),
        }
    }

    /// The port on 127.0.0.1; default 0, a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The port where none was said.
    pub fn default_port(mut self, port: u16) -> Self {
        self.port = self.port.or(Some(port));
        self
    }

    /// Listens on another address than loopback. Whoever reaches it signs in as anybody, gets tokens for
    /// everything and changes what it holds: it checks nothing that a server on a network must check.
    pub fn dangerously_listen_on(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// What it calls itself, where people reach it by another address than its own: behind TLS or a proxy.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// One more application.
    pub fn application(mut self, application: Application) -> Self {
        self.tenant.applications.insert(application.id.clone(), application);
        self
    }

    /// One more person.
    pub fn user(mut self, user: User) -> Self {
        self.tenant.users.insert(user.username.clone(), user);
        self
    }

    /// One more API resource with its scopes, which everybody has. Without any, every absolute URI is one.
    pub fn resource<T: Into<String>>(
        self,
        indicator: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        self.api_resource(Resource::new(indicator).scopes(scopes).for_everybody())
    }

    /// One more API resource, of which roles give scopes.
    pub fn api_resource(mut self, resource: Resource) -> Self {
        self.tenant.resources.insert(resource.indicator.clone(), resource);
        self
    }

    /// One more role.
    pub fn role(mut self, role: Role) -> Self {
        self.tenant.roles.insert(role.name.clone(), role);
        self
    }

    /// One more organization, with name and description.
    pub fn organization(mut self, organization: Organization) -> Self {
        self.tenant.organizations.insert(organization.id.clone(), organization);
        self
    }

    /// One more role of organizations.
    pub fn organization_role(mut self, role: OrganizationRole) -> Self {
        self.tenant.organization_roles.insert(role.name.clone(), role);
        self
    }

    /// The scopes that every member of an organization has in it.
    pub fn organization_scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.tenant.organization_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// One more webhook.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhooks.push(webhook);
        self
    }

    /// The key that signs.
    pub fn signing_key(mut self, kind: SigningKey) -> Self {
        self.signing_key = kind;
        self
    }

    /// What an application needs, as lines of `NAME=value`: the one of this id, or else the first traditional
    /// one, or any. Only with a [`port`](Self::port) or an [`endpoint`](Self::endpoint) is the address known
    /// before the start.
    ///
    /// ```
    /// let builder = logto_emulator::Emulator::builder().port(3001);
    /// let lines = builder.environment(None).unwrap_or_default();
    /// assert!(lines.contains("LOGTO_ENDPOINT=http://127.0.0.1:3001\nLOGTO_APP_ID=local-app\n"));
    /// ```
    #[must_use]
    pub fn environment(&self, application: Option<&str>) -> Option<String> {
        let mut known: Vec<&Application> = self.tenant.applications.values().collect();
        known.sort_by_key(|known| (known.kind() != Kind::Traditional, known.third_party, &known.id));
        let chosen = match application {
            Some(id) => known.into_iter().find(|known| known.id == id),
            None => known.into_iter().next(),
        }?;
        let port = self.port.unwrap_or_default();
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("http://{}", std::net::SocketAddr::new(self.address, port)),
        };
        let mut lines = format!("LOGTO_ENDPOINT={endpoint}\nLOGTO_APP_ID={}\n", chosen.id);
        if let Some(secret) = chosen.first_secret() {
            lines.push_str(&format!("LOGTO_APP_SECRET={secret}\n"));
        }
        Some(lines)
    }

    /// One line for each application and each person: how to be one of them.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut lines: Vec<String> = self
            .tenant
            .applications
            .values()
            .map(|known| {
                format!(
                    "application {} ({}) {}",
                    known.id,
                    known.kind().name(),
                    known.first_secret().unwrap_or("without secret")
                )
            })
            .chain(
                self.tenant
                    .users
                    .values()
                    .map(|user| format!("person {} / {}", user.username, user.password)),
            )
            .collect();
        lines.sort();
        lines.join("\n")
    }

    /// Starts it in the current tokio runtime.
    ///
    /// # Errors
    ///
    /// Where the port is taken.
    pub async fn start(self) -> io::Result<Emulator> {
        let listener = TcpListener::bind((self.address, self.port.unwrap_or_default())).await?;
        let address = listener.local_addr()?;
        let endpoint = self.endpoint.unwrap_or_else(|| format!("http://{address}"));
        let shared = Arc::new(Shared::new(endpoint, self.tenant, self.signing_key, self.webhooks)?);
        let entrance = Entrance::new(listener, &shared.gate)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = endpoints::router(Arc::clone(&shared)).into_make_service_with_connect_info::<Control>();
        let server = axum::serve(entrance, service).with_graceful_shutdown(async { drop(stopped.await) });
        let server = tokio::spawn(async { drop(server.await) });
        Ok(Emulator { shared, address, stop: Some(stop), server })
    }
}
