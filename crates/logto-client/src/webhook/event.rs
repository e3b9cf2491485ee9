//! An event, with what deliveries of a server hold.

use super::{WebhookApplication, WebhookEventKind, WebhookUser, time};
use serde_json::{Map, Value};
use std::fmt;

/// An event that Logto has told. `Debug` shows names of members only.
///
/// There are two shapes. What happens to people while they sign in (`PostSignIn` and others) has
/// [`user`](Self::user), [`application`](Self::application) and [`session_id`](Self::session_id); what the
/// Management API changes (`User.Created` and others) has [`data`](Self::data) and the call that changed it.
/// What an event does not have is `None`.
///
/// ```
/// use logto_client::{WebhookEvent, WebhookEventKind};
///
/// fn on_event(event: &WebhookEvent) {
///     match event.event() {
///         WebhookEventKind::UserDeleted => println!("forget {:?}", event.user_id()),
///         WebhookEventKind::PostSignIn => println!("{:?} from {:?}", event.user_id(), event.ip()),
///         other => println!("{other}: {:?}", event.data()),
///     }
/// }
/// ```
///
/// Source: <https://docs.logto.io/developers/webhooks/webhooks-request>.
#[derive(Clone, PartialEq)]
pub struct WebhookEvent {
    kind: WebhookEventKind,
    hook_id: String,
    created_at: String,
    members: Map<String, Value>,
}

impl WebhookEvent {
    /// An object with the three members that each event has.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |name: &str| members.get(name)?.as_str().map(str::to_owned);
        let (kind, hook_id, created_at) = (text("event")?, text("hookId")?, text("createdAt")?);
        let Ok(kind) = kind.parse();
        Some(Self { kind, hook_id, created_at, members })
    }

    /// What has happened.
    #[must_use]
    pub fn event(&self) -> &WebhookEventKind {
        &self.kind
    }

    /// The webhook that tells it, by its id in Logto.
    #[must_use]
    pub fn hook_id(&self) -> &str {
        &self.hook_id
    }

    /// When it happened, as it was sent: ISO 8601 in UTC.
    #[must_use]
    pub fn created_at(&self) -> &str {
        &self.created_at
    }

    /// When it happened, in milliseconds since 1970, where it is written as Logto writes it.
    #[must_use]
    pub fn created_at_millis(&self) -> Option<u64> {
        time::millis(&self.created_at)
    }

    /// What was created, deleted or changed: the entity, as the Management API answers it.
    #[must_use]
    pub fn data(&self) -> Option<&Value> {
        self.members.get("data").filter(|data| !data.is_null())
    }

    /// The person: who has signed in, or who was created, deleted or changed.
    #[must_use]
    pub fn user(&self) -> Option<WebhookUser<'_>> {
        let of_data = || self.kind.as_str().starts_with("User.").then(|| self.data()).flatten();
        WebhookUser::of(self.members.get("user").or_else(of_data))
    }

    /// The person's id.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.text("userId").or_else(|| Some(self.user()?.id()))
    }

    /// The application that the person has signed in to.
    #[must_use]
    pub fn application(&self) -> Option<WebhookApplication<'_>> {
        WebhookApplication::of(self.members.get("application"))
    }

    /// What the person did at the sign-in page, for example `SignIn`.
    #[must_use]
    pub fn interaction_event(&self) -> Option<&str> {
        self.text("interactionEvent")
    }

    /// The interaction in which it happened.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.text("sessionId")
    }

    /// The address of who did it: the person at the sign-in page, or who called the Management API.
    #[must_use]
    pub fn ip(&self) -> Option<&str> {
        self.text("userIp").or_else(|| self.text("ip"))
    }

    /// The browser or program of who did it.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.text("userAgent")
    }

    /// The path of the call that changed it, for example `/users/u1`.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.text("path")
    }

    /// The method of that call, for example `PATCH`.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.text("method")
    }

    /// The status with which that call was answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.members.get("status")?.as_u64()?.try_into().ok()
    }

    /// The route of that call, for example `/users/:userId`.
    #[must_use]
    pub fn matched_route(&self) -> Option<&str> {
        self.text("matchedRoute")
    }

    /// A parameter of that route, for example `userId`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.members.get("params")?.get(name)?.as_str()
    }

    /// Any member, as it was sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }
}

impl fmt::Debug for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookEvent({}, ", self.kind)?;
        f.debug_set().entries(self.members.keys()).finish()?;
        f.write_str(")")
    }
}
