//! The members of the file, as they are written.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

type Name = Spanned<String>;
type Scopes = BTreeMap<Name, Vec<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) port: Option<u16>,
    pub(super) endpoint: Option<Name>,
    pub(super) signing_key: Option<SigningKey>,
    #[serde(default)]
    pub(super) applications: Vec<Application>,
    #[serde(default)]
    pub(super) users: Vec<User>,
    #[serde(default)]
    pub(super) resources: Vec<Resource>,
    #[serde(default)]
    pub(super) roles: Vec<Role>,
    #[serde(default)]
    pub(super) organizations: Vec<Organization>,
    #[serde(default)]
    pub(super) organization_roles: Vec<OrganizationRole>,
    #[serde(default)]
    pub(super) webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
pub(super) enum SigningKey {
    #[serde(rename = "EC")]
    Ec,
    #[serde(rename = "RSA")]
    Rsa,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Traditional,
    SinglePage,
    Native,
    MachineToMachine,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Application {
    pub(super) id: Name,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    pub(super) secret: Option<String>,
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    #[serde(default)]
    pub(super) redirect_uris: Vec<Name>,
    #[serde(default)]
    pub(super) post_logout_redirect_uris: Vec<Name>,
    pub(super) back_channel_logout_uri: Option<Name>,
    #[serde(default)]
    pub(super) back_channel_logout_session_required: bool,
    #[serde(default)]
    pub(super) third_party: bool,
    pub(super) user_scopes: Option<Vec<String>>,
    #[serde(default)]
    pub(super) always_issue_refresh_token: bool,
    pub(super) rotate_refresh_token: Option<bool>,
    #[serde(default)]
    pub(super) device_flow: bool,
    #[serde(default)]
    pub(super) token_exchange: bool,
    pub(super) id_token_lifetime_seconds: Option<u64>,
    pub(super) refresh_token_lifetime_days: Option<u64>,
    /// Of a machine: its scopes at APIs, in organizations, and at APIs within organizations.
    #[serde(default)]
    pub(super) api_scopes: Scopes,
    #[serde(default)]
    pub(super) organizations: Scopes,
    #[serde(default)]
    pub(super) organization_api_scopes: BTreeMap<String, Scopes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) username: String,
    pub(super) password: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) family_name: Option<String>,
    pub(super) picture: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) custom_data: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    pub(super) roles: Vec<Name>,
    /// Roles by organization.
    #[serde(default)]
    pub(super) organizations: BTreeMap<Name, Vec<Name>>,
    #[serde(default)]
    pub(super) suspended: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    pub(super) indicator: Name,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    pub(super) lifetime_seconds: Option<u64>,
    #[serde(default)]
    pub(super) for_everybody: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) name: String,
    #[serde(default)]
    pub(super) scopes: Scopes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganizationRole {
    pub(super) name: String,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    pub(super) api_scopes: Scopes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) url: Name,
    pub(super) id: Option<String>,
    pub(super) signing_key: Option<String>,
    #[serde(default)]
    pub(super) events: Vec<String>,
}
