//! People and applications as events tell of them.

use serde_json::{Map, Value};
use std::fmt;

/// A person in an event. `Debug` shows names of members only. Times are milliseconds since 1970.
///
/// ```
/// use logto_client::WebhookEvent;
///
/// fn greeting(event: &WebhookEvent) -> Option<String> {
///     let user = event.user()?;
///     Some(format!("Hello {}", user.name().or(user.username()).unwrap_or(user.id())))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct WebhookUser<'a> {
    id: &'a str,
    members: &'a Map<String, Value>,
}

impl<'a> WebhookUser<'a> {
    pub(super) fn of(value: Option<&'a Value>) -> Option<Self> {
        identified(value).map(|(id, members)| Self { id, members })
    }

    /// The id, which is the `sub` of the person's tokens.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> Option<&'a str> {
        self.text("username")
    }

    /// The e-mail address.
    #[must_use]
    pub fn primary_email(&self) -> Option<&'a str> {
        self.text("primaryEmail")
    }

    /// The phone number.
    #[must_use]
    pub fn primary_phone(&self) -> Option<&'a str> {
        self.text("primaryPhone")
    }

    /// The display name.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        self.text("name")
    }

    /// The address of a picture.
    #[must_use]
    pub fn avatar(&self) -> Option<&'a str> {
        self.text("avatar")
    }

    /// The custom data.
    #[must_use]
    pub fn custom_data(&self) -> Option<&'a Map<String, Value>> {
        self.object("customData")
    }

    /// The identities at social connectors, by connector.
    #[must_use]
    pub fn identities(&self) -> Option<&'a Map<String, Value>> {
        self.object("identities")
    }

    /// The profile: `givenName`, `familyName` and others.
    #[must_use]
    pub fn profile(&self) -> Option<&'a Map<String, Value>> {
        self.object("profile")
    }

    /// The application in which the person has registered.
    #[must_use]
    pub fn application_id(&self) -> Option<&'a str> {
        self.text("applicationId")
    }

    /// Whether the person may not sign in.
    #[must_use]
    pub fn is_suspended(&self) -> Option<bool> {
        self.members.get("isSuspended")?.as_bool()
    }

    /// Whether the person has a password; events of sign-ins and deletions do not say.
    #[must_use]
    pub fn has_password(&self) -> Option<bool> {
        self.members.get("hasPassword")?.as_bool()
    }

    /// When the person last signed in.
    #[must_use]
    pub fn last_sign_in_at(&self) -> Option<u64> {
        self.members.get("lastSignInAt")?.as_u64()
    }

    /// When the person was created.
    #[must_use]
    pub fn created_at(&self) -> Option<u64> {
        self.members.get("createdAt")?.as_u64()
    }

    /// When the person was last changed.
    #[must_use]
    pub fn updated_at(&self) -> Option<u64> {
        self.members.get("updatedAt")?.as_u64()
    }

    /// Any member, as it was sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.members.get(name)?.as_str()
    }

    fn object(&self, name: &str) -> Option<&'a Map<String, Value>> {
        self.members.get(name)?.as_object()
    }
}

impl fmt::Debug for WebhookUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

/// An application in an event: the one that a person has signed in to.
///
/// ```
/// use logto_client::WebhookEvent;
///
/// fn is_of_the_shop(event: &WebhookEvent) -> bool {
///     event.application().is_some_and(|application| application.name() == Some("shop"))
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WebhookApplication<'a> {
    id: &'a str,
    members: &'a Map<String, Value>,
}

impl<'a> WebhookApplication<'a> {
    pub(super) fn of(value: Option<&'a Value>) -> Option<Self> {
        identified(value).map(|(id, members)| Self { id, members })
    }

    /// The client id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// The kind, for example `Traditional` or `SPA`.
    #[must_use]
    pub fn kind(&self) -> Option<&'a str> {
        self.members.get("type")?.as_str()
    }

    /// The name in Logto's console.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        self.members.get("name")?.as_str()
    }

    /// The description in Logto's console.
    #[must_use]
    pub fn description(&self) -> Option<&'a str> {
        self.members.get("description")?.as_str()
    }
}

/// A member that is an object with an `id`.
fn identified(value: Option<&Value>) -> Option<(&str, &Map<String, Value>)> {
    let members = value?.as_object()?;
    Some((members.get("id")?.as_str()?, members))
}
