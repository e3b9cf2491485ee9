//! What the server remembers.

use crate::{
    User,
    connection::Gate,
    customize::Customize,
    device::Devices,
    fault::{Failure, Faults},
    grants::{Authorization, Code, Grant, Grants, Rotation},
    keys::{self, Keys, SigningKey},
    session::{Session, Sessions},
    subjects::Subjects,
    tenant::{ORGANIZATIONS, Tenant, is_oidc_scope},
    watch::Watch,
    webhook::Webhook,
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Seconds.
pub(crate) const CODE_LIFETIME: u64 = 60;
pub(crate) const INTERACTION_LIFETIME: u64 = 3600;
pub(crate) const SESSION_LIFETIME: u64 = 14 * 86_400;
pub(crate) const PUSHED_LIFETIME: u64 = 60;

/// For so long a refresh token that was replaced is taken again.
const REUSE_INTERVAL: Duration = Duration::from_secs(3);

pub(crate) type Tamper = Arc<dyn Fn(&mut Map<String, Value>) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) endpoint: String,
    pub(crate) gate: Gate,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) tenant: Tenant,
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    pub(crate) tampers: Tampers,
    /// Sign-ins under way, by the id in the page's form.
    pub(crate) interactions: HashMap<String, Interaction>,
    pub(crate) sessions: Sessions,
    pub(crate) grants: Grants,
    /// Pushed authorization requests and until when they are known, by their `request_uri`.
    pub(crate) pushed: HashMap<String, (Vec<(String, String)>, u64)>,
    pub(crate) devices: Devices,
    pub(crate) subjects: Subjects,
    pub(crate) webhooks: Vec<Webhook>,
    pub(crate) customize: Option<Customize>,
    pub(crate) rotation: Rotation,
    pub(crate) reuse_interval: Duration,
    /// Where sign-outs under way lead to, by the form's `xsrf`.
    pub(crate) sign_outs: HashMap<String, Option<String>>,
    /// How tokens that are signed now are spoiled.
    pub(crate) spoiled: Option<Failure>,
    ahead: Duration,
}

#[derive(Default)]
pub(crate) struct Tampers {
    pub(crate) metadata: Option<Tamper>,
    pub(crate) published_keys: Option<Tamper>,
    pub(crate) id_token: Option<Tamper>,
    pub(crate) token_answer: Option<Tamper>,
    pub(crate) user_info: Option<Tamper>,
    pub(crate) watch: Option<Watch>,
}

/// A person on the way through the pages.
#[derive(Clone)]
pub(crate) struct Interaction {
    pub(crate) authorization: Authorization,
    pub(crate) step: Step,
    /// Who has signed in.
    pub(crate) username: Option<String>,
    /// Seconds since 1970.
    pub(crate) until: u64,
}

/// What the person has done of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Is at the sign-in page, or the one to register.
    SignIn,
    /// Has signed in.
    SignedIn,
    /// Is at the consent page.
    Consent,
    /// Has agreed.
    Consented,
    /// Has gone away from either page.
    Aborted,
}

impl Shared {
    pub(crate) fn new(
        endpoint: String,
        tenant: Tenant,
        signing_key: SigningKey,
        webhooks: Vec<Webhook>,
    ) -> io::Result<Self> {
        let state = State {
            tenant,
            keys: Keys::generate(signing_key)?,
            faults: Faults::default(),
            tampers: Tampers::default(),
            interactions: HashMap::new(),
            sessions: Sessions::default(),
            grants: Grants::default(),
            pushed: HashMap::new(),
            devices: Devices::default(),
            subjects: Subjects::default(),
            webhooks,
            customize: None,
            rotation: Rotation::default(),
            reuse_interval: REUSE_INTERVAL,
            sign_outs: HashMap::new(),
            spoiled: None,
            ahead: Duration::ZERO,
        };
        Ok(Self { endpoint, gate: Gate::new(), state: Mutex::new(state) })
    }

    pub(crate) fn issuer(&self) -> String {
        format!("{}/oidc", self.endpoint)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.time().as_secs()
    }

    pub(crate) fn time(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.ahead
    }

    /// Milliseconds since 1970.
    pub(crate) fn milliseconds(&self) -> u64 {
        u64::try_from(self.time().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.tenant.users.get(username)
    }

    /// A person who may use what they have given.
    pub(crate) fn active_user(&self, username: &str) -> Option<&User> {
        self.user(username).filter(|user| !user.suspended)
    }

    pub(crate) fn sign(&self, typ: Option<&str>, claims: Value) -> String {
        self.keys.sign(typ, claims, self.spoiled)
    }

    /// The session of this cookie, where it is not over and its person may sign in.
    pub(crate) fn session(&self, cookie: &str) -> Option<&Session> {
        self.sessions.get(cookie, self.now()).filter(|session| self.active_user(&session.username).is_some())
    }

    /// Somebody signs in with a browser that sent this cookie: its new one.
    pub(crate) fn sign_in(&mut self, cookie: Option<&str>, username: &str) -> String {
        let (until, at) = (self.now() + SESSION_LIFETIME, self.milliseconds());
        if let Some(user) = self.tenant.users.get_mut(username) {
            user.last_sign_in_at = Some(at);
        }
        self.sessions.renew(cookie, username, until)
    }

    pub(crate) fn interaction(&self, uid: &str) -> Option<&Interaction> {
        self.interactions.get(uid).filter(|known| self.now() < known.until)
    }

    pub(crate) fn open_interaction(&mut self, authorization: Authorization, step: Step) -> String {
        let (uid, until) = (keys::random(), self.now() + INTERACTION_LIFETIME);
        self.interactions.insert(uid.clone(), Interaction { authorization, step, username: None, until });
        uid
    }

    /// The scopes at this resource that a request asks for and its person has.
    fn due(&self, authorization: &Authorization, username: &str, resource: &str) -> BTreeSet<String> {
        let Some(user) = self.user(username) else { return BTreeSet::new() };
        let theirs = self.tenant.scopes_of(user, resource, None);
        authorization.scope.iter().filter(|scope| theirs.contains(scope)).cloned().collect()
    }

    /// Whether the person of a session has agreed to all of this before.
    pub(crate) fn is_consented(&self, authorization: &Authorization, cookie: &str) -> bool {
        let consented = || {
            let session = self.session(cookie)?;
            let id = *session.consents.get(&authorization.client_id)?;
            let consent = self.grants.consent(id, self.now())?;
            let mut openid = authorization.scope.iter().filter(|scope| is_oidc_scope(scope));
            let mut resources = authorization.resources.iter();
            let given = |resource: &String| {
                let due = self.due(authorization, &session.username, resource);
                consent.resources.get(resource).map_or(due.is_empty(), |given| due.is_subset(given))
            };
            Some(openid.all(|scope| consent.scope.contains(scope)) && resources.all(given))
        };
        consented().unwrap_or(false)
    }

    /// The person of a session agrees: what that brings the application. None where the session is over.
    pub(crate) fn grant(&mut self, mut authorization: Authorization, cookie: &str) -> Option<Grant> {
        let now = self.now();
        let username = self.session(cookie)?.username.clone();
        let due: Vec<_> = authorization
            .resources
            .iter()
            .map(|resource| (resource.clone(), self.due(&authorization, &username, resource)))
            .collect();
        let (session, sid) = self.sessions.enter(cookie, &authorization.client_id)?;
        let known = session.consents.get(&authorization.client_id).copied();
        let id = known
            .filter(|id| self.grants.consent(*id, now).is_some())
            .unwrap_or_else(|| self.grants.open_consent(now));
        session.consents.insert(authorization.client_id.clone(), id);
        let consent = self.grants.consents.get_mut(id)?;
        consent.scope.extend(authorization.scope.iter().filter(|scope| is_oidc_scope(scope)).cloned());
        consent.outlives_session |= authorization.has_scope("offline_access");
        for (resource, scopes) in &due {
            consent.resources.entry(resource.clone()).or_default().extend(scopes.iter().cloned());
        }
        // What nobody knows and what the person does not have is left out silently.
        let granted =
            |scope: &String| is_oidc_scope(scope) || due.iter().any(|(_, given)| given.contains(scope));
        authorization.scope.retain(granted);
        Some(Grant { authorization, username, sid, consent: id, alive: true })
    }

    /// A code for the person of a session; none where the session is over.
    pub(crate) fn issue_code(&mut self, authorization: Authorization, cookie: &str) -> Option<String> {
        let grant = self.grant(authorization, cookie)?;
        let (code, issued_at) = (keys::random(), self.now());
        self.grants.codes.insert(code.clone(), Code { grant, issued_at, used: None });
        Some(code)
    }

    /// The scopes of a token for a resource: asked for, agreed to, and had by the person now.
    pub(crate) fn resource_scope(
        &self,
        grant: &Grant,
        asked: &[String],
        resource: &str,
        organization: Option<&str>,
    ) -> String {
        let Some(user) = self.user(&grant.username) else { return String::new() };
        let live = self.tenant.scopes_of(user, resource, organization);
        self.among(grant, asked, resource, &live)
    }

    /// The scopes of a token for an organization.
    pub(crate) fn organization_scope(&self, grant: &Grant, asked: &[String], organization: &str) -> String {
        let Some(user) = self.user(&grant.username) else { return String::new() };
        let live = self.tenant.organization_scopes_of(user, organization);
        self.among(grant, asked, ORGANIZATIONS, &live)
    }

    fn among(&self, grant: &Grant, asked: &[String], resource: &str, live: &[String]) -> String {
        let given =
            self.grants.consents.get(grant.consent).and_then(|consent| consent.resources.get(resource));
        let granted = asked.iter().filter(|scope| {
            live.contains(scope) && given.is_some_and(|given| given.contains(scope.as_str()))
        });
        granted.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// A session is over: so is what does not outlive it.
    pub(crate) fn end_session(&mut self, session: &Session) {
        self.grants.end_session(session.consents.values().copied(), |sid| session.is_known_as(sid));
    }
}
