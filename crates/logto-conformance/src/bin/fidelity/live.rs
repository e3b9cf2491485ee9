//! The emulator, set up as the recorded server was.

use crate::{
    clients::Client,
    people::Person,
    scopes,
    script::Script,
    world::{Right, World},
};
use logto_emulator::{
    Application, Builder, Emulator, Organization, OrganizationRole, Resource, Role, SigningKey, User,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, env, net::SocketAddr, time::Duration};

/// A refresh token of an application with a secret is replaced in the last 30 % of its life.
const AGE_OF_REPLACEMENT: Duration = Duration::from_secs(14 * 86_400 * 74 / 100);
/// Of people whose own is not recorded.
const PASSWORD: &str = "not-recorded";
/// What people have, where the role that gives it is not named.
const ROLE: &str = "role";

/// A running emulator.
#[derive(Debug)]
pub(crate) struct Live {
    emulator: Emulator,
    speaks: bool,
}

impl Live {
    pub(crate) async fn start(world: &World) -> Result<Self, String> {
        let mut builder = Emulator::empty().endpoint(&world.origin);
        for client in world.clients.values() {
            builder = builder.application(application(client));
        }
        for (indicator, scopes) in &world.resources {
            builder = builder.api_resource(Resource::new(indicator).scopes(scopes));
        }
        for (id, (name, description)) in &world.organizations {
            let organization = Organization::new(id).name(name);
            builder = builder.organization(match description {
                Some(description) => organization.description(description),
                None => organization,
            });
        }
        for person in &world.people {
            builder = roles(builder, person).user(user(person, &memberships(person)));
        }
        let emulator = builder.start().await.map_err(|error| error.to_string())?;
        let speaks = env::var_os("LOGTO_FIDELITY_LOG").is_some();
        Ok(Self { emulator, speaks })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.emulator.address()
    }

    /// Says what went wrong on the way, where that is asked for.
    pub(crate) fn log(&self, line: &str) {
        if self.speaks {
            eprintln!("{line}");
        }
    }

    fn tried<T>(&self, what: &str, outcome: Result<T, impl std::fmt::Display>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(problem) => {
                self.log(&format!("{what}: {problem}"));
                None
            }
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.emulator.advance(by);
    }

    pub(crate) fn age_refresh_token(&self, token: &str) {
        self.emulator.age_refresh_token(token, AGE_OF_REPLACEMENT);
    }

    pub(crate) fn sign_in_at(&self, uid: &str, username: &str) {
        self.tried("sign-in", self.emulator.sign_in(uid, username));
    }

    pub(crate) fn consent_at(&self, uid: &str) {
        self.tried("consent", self.emulator.consent(uid));
    }

    pub(crate) fn abort_at(&self, uid: &str) {
        self.tried("abort", self.emulator.abort_interaction(uid));
    }

    pub(crate) fn subject_token(&self, username: &str) -> Option<String> {
        self.tried("subject token", self.emulator.subject_token(username))
    }

    pub(crate) fn personal_access_token(&self, username: &str) -> Option<String> {
        self.tried("personal access token", self.emulator.personal_access_token(username, None))
    }

    pub(crate) fn set_client(&self, client: &Client) {
        self.emulator.add_application(application(client));
    }

    /// The person's organizations from now on, and roles in them; without them those of most of the recordings.
    pub(crate) fn set_organizations(&self, person: &Person, told: Option<&(Vec<String>, Vec<String>)>) {
        let usual = memberships(person);
        let now = match told {
            Some((organizations, roles)) => {
                organizations.iter().map(|id| (id.clone(), role_in(id, roles, &usual))).collect()
            }
            None => usual,
        };
        self.emulator.add_user(user(person, &now));
    }

    pub(crate) fn set_roles(&self, person: &Person, given: bool) {
        for role in roles_of(person) {
            match given {
                true => self.emulator.assign_role(&person.username, &role),
                false => self.emulator.remove_role(&person.username, &role),
            }
        }
    }

    pub(crate) fn remove_user(&self, username: &str) {
        self.emulator.remove_user(username);
    }

    pub(crate) fn suspend(&self, username: &str, suspended: bool) {
        self.emulator.suspend(username, suspended);
    }

    pub(crate) fn customize(&self, script: Option<Script>) {
        let script = script.unwrap_or(Script::Claims(Map::new()));
        self.emulator.customize_access_tokens(move |_| match &script {
            Script::Claims(claims) => Ok(claims.clone()),
            Script::Deny(text) => Err(text.clone()),
        });
    }

    pub(crate) fn rotate_keys(&self, rsa: bool) {
        let kind = if rsa { SigningKey::Rsa } else { SigningKey::Ec };
        self.tried("rotation", self.emulator.rotate_keys_to(kind));
    }

    pub(crate) fn drop_previous_key(&self) {
        self.emulator.delete_previous_key();
    }

    /// One more person, as the Management API makes one.
    pub(crate) fn add_user(&self, person: &Person) {
        self.emulator.add_user(user(person, &memberships(person)));
    }
}

/// The person's password.
pub(crate) fn password(person: &Person) -> &str {
    person.password.as_deref().unwrap_or(PASSWORD)
}

fn application(client: &Client) -> Application {
    let mut application = Application::new(&client.id);
    if let Some(secret) = &client.secret {
        application = application.secret(secret);
    }
    for uri in &client.redirect_uris {
        application = application.redirect_uri(uri);
    }
    for uri in &client.post_logout_redirect_uris {
        application = application.post_logout_redirect_uri(uri);
    }
    let is = |is: bool, change: fn(Application) -> Application, application: Application| {
        if is { change(application) } else { application }
    };
    application = is(client.native, Application::native, application);
    application = is(client.machine, Application::machine_to_machine, application);
    application = is(client.third_party, Application::third_party, application);
    application = is(client.device_flow, Application::device_flow, application);
    application = is(client.token_exchange, Application::token_exchange, application);
    application = is(client.keeps_refresh_token, Application::without_rotation, application);
    application = is(client.always_issue_refresh_token, Application::always_issue_refresh_token, application);
    application = is(client.session_required, Application::back_channel_logout_session_required, application);
    if let Some(uri) = &client.back_channel_logout_uri {
        application = application.back_channel_logout_uri(uri);
    }
    if let Some(scopes) = &client.user_scopes {
        application = application.user_scopes(scopes);
    }
    for id in &client.organizations {
        application = application.organization(id, Vec::<String>::new());
    }
    for Right { organization, resource, scopes } in &client.rights {
        application = match (organization, resource) {
            (Some(id), Some(resource)) => application.organization_api_scopes(id, resource, scopes),
            (Some(id), None) => application.organization(id, scopes),
            (None, Some(resource)) => application.api_scopes(resource, scopes),
            (None, None) => application,
        };
    }
    application
}

/// Global roles of a person.
fn roles_of(person: &Person) -> Vec<String> {
    let told = person.list("roles");
    if told.is_empty() && !person.claims.contains_key("roles") { vec![ROLE.to_owned()] } else { told }
}

/// Organizations of a person, each with a role in it.
fn memberships(person: &Person) -> BTreeMap<String, String> {
    let mut organizations = person.list("organizations");
    scopes::add(&mut organizations, person.rights.iter().filter_map(|right| right.organization.clone()));
    let roles = person.list("organization_roles");
    organizations.into_iter().map(|id| (id.clone(), role_in(&id, &roles, &BTreeMap::new()))).collect()
}

/// `organization:role` among the roles that are told.
fn role_in(id: &str, roles: &[String], usual: &BTreeMap<String, String>) -> String {
    let told = roles.iter().filter_map(|role| role.split_once(':')).find(|(known, _)| *known == id);
    let told = told.map(|(_, role)| role.to_owned());
    told.or_else(|| usual.get(id).cloned()).unwrap_or_else(|| ROLE.to_owned())
}

/// The roles that give a person what tokens show.
fn roles(mut builder: Builder, person: &Person) -> Builder {
    let mut global = roles_of(person).first().map(Role::new);
    for right in person.rights.iter().filter(|right| right.organization.is_none()) {
        if let Some(resource) = &right.resource {
            global = global.map(|role| role.scopes(resource, &right.scopes));
        }
    }
    if let Some(role) = global {
        builder = builder.role(role);
    }
    let mut in_organizations: BTreeMap<String, OrganizationRole> = BTreeMap::new();
    let memberships = memberships(person);
    for Right { organization, resource, scopes } in &person.rights {
        let Some(name) = organization.as_ref().and_then(|id| memberships.get(id)) else { continue };
        let role = in_organizations.remove(name).unwrap_or_else(|| OrganizationRole::new(name));
        let role = match resource {
            Some(resource) => {
                let everywhere = person
                    .rights
                    .iter()
                    .any(|right| right.organization.is_none() && right.resource.as_ref() == Some(resource));
                // What a role gives everywhere is not given once more.
                if everywhere { role } else { role.api_scopes(resource, scopes) }
            }
            None => role.scopes(scopes),
        };
        in_organizations.insert(name.clone(), role);
    }
    in_organizations.into_values().fold(builder, Builder::organization_role)
}

fn user(person: &Person, memberships: &BTreeMap<String, String>) -> User {
    let mut user = User::new(&person.username).password(password(person));
    if !person.id.is_empty() {
        user = user.id(&person.id);
    }
    let set = |user: User, claim: &str, set: fn(User, String) -> User| match person.text(claim) {
        Some(text) => set(user, text.to_owned()),
        None => user,
    };
    user = set(user, "name", User::name);
    user = set(user, "given_name", User::given_name);
    user = set(user, "family_name", User::family_name);
    user = set(user, "picture", User::picture);
    user = set(user, "email", User::email);
    user = set(user, "phone_number", User::phone);
    let json = |claim: &str| person.claims.get(claim).filter(|value| value.is_object()).cloned();
    user = user.custom_data(json("custom_data").unwrap_or_else(|| Value::Object(Map::new())));
    user = user.identities(json("identities").unwrap_or_else(|| Value::Object(Map::new())));
    for role in roles_of(person) {
        user = user.role(role);
    }
    for (id, role) in memberships {
        user = user.organization_role(id, role);
    }
    user
}
