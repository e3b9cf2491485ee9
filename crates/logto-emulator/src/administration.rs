//! What an administrator does while it runs: people, roles, organizations, applications, keys.

use crate::{
    Application, Emulator, OrganizationRole, Resource, Role, SigningKey, User,
    webhook::{Call, announce, of, of_change},
};
use serde_json::json;
use std::{io, time::Duration};

impl Emulator {
    /// One more application, or another one under the same id.
    pub fn add_application(&self, application: Application) {
        let applications = &mut self.shared.state().tenant.applications;
        applications.insert(application.id.clone(), application);
    }

    /// Changes an application. Nothing where there is none of this id.
    pub fn update_application(&self, id: &str, change: impl FnOnce(Application) -> Application) {
        let applications = &mut self.shared.state().tenant.applications;
        if let Some(known) = applications.remove(id) {
            applications.insert(id.to_owned(), change(known));
        }
    }

    /// An application's only secret from now on.
    pub fn set_secret(&self, application: &str, secret: &str) {
        if let Some(known) = self.shared.state().tenant.applications.get_mut(application) {
            known.set_secret(secret);
        }
    }

    /// Keeps a person out of an application, or lets them in again. Their refresh tokens there are refused
    /// meanwhile, and live on.
    pub fn set_access(&self, application: &str, username: &str, allowed: bool) {
        if let Some(known) = self.shared.state().tenant.applications.get_mut(application) {
            match allowed {
                true => drop(known.denied.remove(username)),
                false => drop(known.denied.insert(username.to_owned())),
            }
        }
    }

    /// One more person.
    pub fn add_user(&self, user: User) {
        announce(&self.shared, |state| {
            let call = Call { method: "POST", route: "/users", status: 200, parameter: None };
            let deliveries = of_change(state, "User.Created", &call, &user);
            state.tenant.users.insert(user.username.clone(), user);
            deliveries
        });
    }

    /// Changes a person: profile, password, custom data. Nothing where nobody has this name.
    pub fn update_user(&self, username: &str, change: impl FnOnce(User) -> User) {
        announce(&self.shared, |state| {
            let Some(user) = state.tenant.users.remove(username) else { return Vec::new() };
            let mut user = change(user);
            user.updated_at = state.milliseconds();
            let id = user.sub();
            let parameter = Some(("userId", id.as_str()));
            let call = Call { method: "PATCH", route: "/users/:userId", status: 200, parameter };
            let deliveries = of_change(state, "User.Data.Updated", &call, &user);
            state.tenant.users.insert(user.username.clone(), user);
            deliveries
        });
    }

    /// Deletes a person: their tokens are refused from now on.
    pub fn remove_user(&self, username: &str) {
        announce(&self.shared, |state| {
            let Some(user) = state.tenant.users.remove(username) else { return Vec::new() };
            state.grants.end_all(|grant| grant.username == username);
            let id = user.sub();
            let parameter = Some(("userId", id.as_str()));
            let call = Call { method: "DELETE", route: "/users/:userId", status: 204, parameter };
            of_change(state, "User.Deleted", &call, &user)
        });
    }

    /// Suspends a person, or ends that. Their tokens are refused meanwhile.
    pub fn suspend(&self, username: &str, suspended: bool) {
        if let Some(user) = self.shared.state().tenant.users.get_mut(username) {
            user.suspended = suspended;
        }
    }

    /// One more API resource, or another one under the same indicator.
    pub fn add_resource(&self, resource: Resource) {
        self.shared.state().tenant.resources.insert(resource.indicator.clone(), resource);
    }

    /// One more role, or what the role of this name gives from now on.
    pub fn add_role(&self, role: Role) {
        self.shared.state().tenant.roles.insert(role.name.clone(), role);
    }

    /// One more role of organizations, or what the one of this name gives from now on.
    pub fn add_organization_role(&self, role: OrganizationRole) {
        self.shared.state().tenant.organization_roles.insert(role.name.clone(), role);
    }

    /// Gives a person a role. Tokens that are issued from now on follow it, as far as their sign-in asked.
    pub fn assign_role(&self, username: &str, role: &str) {
        self.of_user(username, |user| user.give_role(role));
    }

    /// Takes a role from a person.
    pub fn remove_role(&self, username: &str, role: &str) {
        self.of_user(username, |user| user.take_role(role));
    }

    /// Makes a person a member of an organization, with this role where one is named.
    pub fn join_organization(&self, username: &str, organization: &str, role: Option<&str>) {
        self.of_user(username, |user| {
            let known = user.clone();
            *user = match role {
                Some(role) => known.organization_role(organization, role),
                None => known.organization(organization),
            };
        });
        self.announce_membership(organization);
    }

    /// Takes a person out of an organization.
    pub fn leave_organization(&self, username: &str, organization: &str) {
        self.of_user(username, |user| user.leave(organization));
        self.announce_membership(organization);
    }

    fn announce_membership(&self, organization: &str) {
        announce(&self.shared, |state| {
            let parameter = Some(("id", organization));
            let call = Call { method: "POST", route: "/organizations/:id/users", status: 201, parameter };
            let mut payload = call.payload(&json!(null));
            payload.insert("organizationId".to_owned(), organization.into());
            of(state, "Organization.Membership.Updated", &payload)
        });
    }

    fn of_user(&self, username: &str, change: impl FnOnce(&mut User)) {
        if let Some(user) = self.shared.state().tenant.users.get_mut(username) {
            change(user);
        }
    }

    /// A new key of the same kind signs from now on; the previous one stays published.
    ///
    /// # Errors
    ///
    /// Where the system gives no random numbers.
    pub fn rotate_keys(&self) -> io::Result<()> {
        let mut state = self.shared.state();
        let kind = state.keys.kind();
        state.keys.rotate(kind)
    }

    /// A new key of this kind signs from now on; the previous one stays published.
    ///
    /// # Errors
    ///
    /// Where the system gives no random numbers.
    pub fn rotate_keys_to(&self, kind: SigningKey) -> io::Result<()> {
        self.shared.state().keys.rotate(kind)
    }

    /// The key that signed before the last rotation is published no more.
    pub fn delete_previous_key(&self) {
        self.shared.state().keys.delete_previous();
    }

    /// The key that signs is missing from the next `fetches` answers of the published keys: a server behind
    /// a cache that is late.
    pub fn hide_signing_key(&self, fetches: u32) {
        self.shared.state().keys.hide_current(fetches);
    }

    /// Ends everything that a refresh or access token belongs to, as an administrator does.
    pub fn revoke_grant(&self, token: &str) {
        let mut state = self.shared.state();
        let now = state.now();
        let of_access = state.grants.of_access_token(token, now).map(|(id, ..)| id);
        if let Some(id) = state.grants.of_refresh_token(token).map(|(id, _)| id).or(of_access) {
            state.grants.end(id);
        }
    }

    /// Ends everything that this person has given, as an administrator does.
    pub fn revoke_grants_of(&self, username: &str) {
        self.shared.state().grants.end_all(|grant| grant.username == username);
    }

    /// How much of what this person has given is alive: one per sign-in.
    #[must_use]
    pub fn living_grants_of(&self, username: &str) -> usize {
        self.shared.state().grants.living_of(username)
    }

    /// Whether a refresh token is good.
    #[must_use]
    pub fn accepts_refresh_token(&self, token: &str) -> bool {
        self.shared.state().grants.of_refresh_token(token).is_some()
    }

    /// Makes one refresh token older than it is, and nothing else: it is replaced, and expires, so much sooner.
    pub fn age_refresh_token(&self, token: &str, by: Duration) {
        self.shared.state().grants.age(token, by);
    }

    /// Moves its time on.
    pub fn advance(&self, by: Duration) {
        self.shared.state().advance(by);
    }
}
