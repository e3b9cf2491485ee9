//! What the server remembers.

use crate::{
    Application, User,
    fault::Faults,
    keys::{self, Keys},
    session::{Session, Sessions},
    subjects::Subjects,
    watch::Watch,
};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Seconds.
pub(crate) const CODE_LIFETIME: u64 = 60;
pub(crate) const ACCESS_TOKEN_LIFETIME: u64 = 3600;

const REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(14 * 86_400);
/// For so long a refresh token that was replaced is taken again.
const REUSE_INTERVAL: Duration = Duration::from_secs(3);
const ORGANIZATIONS: &str = "urn:logto:resource:organizations";

/// When a refresh token is replaced by a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// As the server: a public application's always, a confidential one's after 70 % of its life.
    #[default]
    Default,
    /// At every refresh.
    Always,
    /// Never.
    Never,
}

pub(crate) type Tamper = Arc<dyn Fn(&mut Map<String, Value>) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) endpoint: String,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) applications: HashMap<String, Application>,
    users: HashMap<String, User>,
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    pub(crate) tampers: Tampers,
    /// Sign-ins under way, by the id in the page's form.
    pub(crate) interactions: HashMap<String, Authorization>,
    pub(crate) sessions: Sessions,
    pub(crate) codes: HashMap<String, Code>,
    grants: Vec<Grant>,
    access_tokens: HashMap<String, (usize, u64)>,
    refresh_tokens: HashMap<String, RefreshToken>,
    pub(crate) subjects: Subjects,
    /// The scopes of each API resource; without any, every absolute URI is one.
    resources: HashMap<String, Vec<String>>,
    organization_scopes: Vec<String>,
    pub(crate) rotation: Rotation,
    pub(crate) reuse_interval: Duration,
    /// Where sign-outs under way lead to, by the form's `xsrf`.
    pub(crate) sign_outs: HashMap<String, Option<String>>,
    ahead: Duration,
}

#[derive(Default)]
pub(crate) struct Tampers {
    pub(crate) id_token: Option<Tamper>,
    pub(crate) token_answer: Option<Tamper>,
    pub(crate) user_info: Option<Tamper>,
    pub(crate) watch: Option<Watch>,
}

/// An authorization request that is in order.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) scope: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) prompt: Vec<String>,
    pub(crate) login_hint: Option<String>,
    pub(crate) registers: bool,
}

pub(crate) struct Code {
    pub(crate) authorization: Authorization,
    pub(crate) username: String,
    pub(crate) sid: String,
    pub(crate) issued_at: u64,
    /// Once it is used.
    pub(crate) grant: Option<usize>,
}

struct RefreshToken {
    grant: usize,
    from: Duration,
    until: Duration,
    /// Once it is replaced.
    used_at: Option<Duration>,
}

/// What a person gave an application.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) authorization: Authorization,
    pub(crate) username: String,
    /// The session in which it was given, as the application knows it.
    pub(crate) sid: String,
    pub(crate) alive: bool,
}

impl Shared {
    pub(crate) fn new(
        endpoint: String,
        applications: Vec<Application>,
        users: Vec<User>,
        resources: HashMap<String, Vec<String>>,
        organization_scopes: Vec<String>,
    ) -> io::Result<Self> {
        let state = State {
            applications: applications.into_iter().map(|known| (known.id.clone(), known)).collect(),
            users: users.into_iter().map(|known| (known.username.clone(), known)).collect(),
            keys: Keys::generate()?,
            faults: Faults::default(),
            tampers: Tampers::default(),
            interactions: HashMap::new(),
            sessions: Sessions::default(),
            codes: HashMap::new(),
            grants: Vec::new(),
            access_tokens: HashMap::new(),
            refresh_tokens: HashMap::new(),
            subjects: Subjects::default(),
            resources,
            organization_scopes,
            rotation: Rotation::default(),
            reuse_interval: REUSE_INTERVAL,
            sign_outs: HashMap::new(),
            ahead: Duration::ZERO,
        };
        Ok(Self { endpoint, state: Mutex::new(state) })
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

    fn time(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.ahead
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.users.get(username)
    }

    pub(crate) fn add_application(&mut self, application: Application) {
        self.applications.insert(application.id.clone(), application);
    }

    pub(crate) fn add_user(&mut self, user: User) {
        self.users.insert(user.username.clone(), user);
    }

    /// A code for the person of a session; none where the session is over.
    pub(crate) fn issue_code(&mut self, authorization: Authorization, session: &str) -> Option<String> {
        let (username, sid) = self.sessions.enter(session, &authorization.client_id)?;
        let (code, issued_at) = (keys::random(), self.now());
        self.codes.insert(code.clone(), Code { authorization, username, sid, issued_at, grant: None });
        Some(code)
    }

    pub(crate) fn open_grant(&mut self, grant: Grant) -> usize {
        self.grants.push(grant);
        self.grants.len() - 1
    }

    pub(crate) fn end_grant(&mut self, grant: usize) {
        if let Some(grant) = self.grants.get_mut(grant) {
            grant.alive = false;
        }
    }

    /// Those of a session that ends: a grant without `offline_access` ends with it.
    pub(crate) fn end_online_grants(&mut self, session: &Session) {
        self.end_grants(|grant| {
            session.is_known_as(&grant.sid)
                && !grant.authorization.scope.iter().any(|scope| scope == "offline_access")
        });
    }

    /// Those that are meant.
    pub(crate) fn end_grants(&mut self, meant: impl Fn(&Grant) -> bool) {
        for grant in self.grants.iter_mut().filter(|grant| meant(grant)) {
            grant.alive = false;
        }
    }

    pub(crate) fn living_grants_of(&self, username: &str) -> usize {
        self.grants.iter().filter(|grant| grant.alive && grant.username == username).count()
    }

    /// Whose code or refresh token this is, and whether it was used before.
    pub(crate) fn owner(&self, presented: &str) -> Option<(String, bool)> {
        if let Some(code) = self.codes.get(presented) {
            return Some((code.username.clone(), code.grant.is_some()));
        }
        let known = self.refresh_tokens.get(presented)?;
        Some((self.grants.get(known.grant)?.username.clone(), known.used_at.is_some()))
    }

    pub(crate) fn issue_opaque_token(&mut self, grant: usize) -> String {
        let token = keys::random();
        self.access_tokens.insert(token.clone(), (grant, self.now() + ACCESS_TOKEN_LIFETIME));
        token
    }

    /// A new refresh token; one that takes another's place may keep its end.
    pub(crate) fn issue_refresh_token(&mut self, grant: usize, until: Option<Duration>) -> String {
        let (token, now) = (keys::random(), self.time());
        let until = until.unwrap_or(now + REFRESH_TOKEN_LIFETIME);
        self.refresh_tokens.insert(token.clone(), RefreshToken { grant, from: now, until, used_at: None });
        token
    }

    /// The grant of a refresh token that is used: a token that was replaced longer ago than the reuse
    /// interval ends it.
    pub(crate) fn use_refresh_token(&mut self, token: &str) -> Option<(usize, Grant)> {
        let now = self.time();
        let known = self.refresh_tokens.get(token).filter(|known| now < known.until)?;
        let (id, reused) =
            (known.grant, known.used_at.is_some_and(|at| now.saturating_sub(at) >= self.reuse_interval));
        if reused {
            self.end_grant(id);
        }
        self.living(id).map(|(id, grant)| (id, grant.clone()))
    }

    /// The refresh token that comes back: a new one, or the same.
    pub(crate) fn rotate(&mut self, token: &str, public: bool) -> String {
        let (now, rotation) = (self.time(), self.rotation);
        let Some(known) = self.refresh_tokens.get_mut(token) else { return token.to_owned() };
        let aged = (now.saturating_sub(known.from)).as_secs() * 10
            >= (known.until.saturating_sub(known.from)).as_secs() * 7;
        let rotates = match rotation {
            Rotation::Default => public || aged,
            Rotation::Always => true,
            Rotation::Never => false,
        };
        if !rotates && known.used_at.is_none() {
            return token.to_owned();
        }
        // Each use within the interval begins it anew.
        known.used_at = Some(now);
        let (grant, until) = (known.grant, public.then_some(known.until));
        self.issue_refresh_token(grant, until)
    }

    pub(crate) fn knows_resource(&self, resource: &str) -> bool {
        self.resources.is_empty()
            || self.resources.contains_key(resource)
            || resource == ORGANIZATIONS
            || self.applications.values().any(|application| application.names_resource(resource))
    }

    pub(crate) fn scopes_of(&self, resource: &str) -> &[String] {
        match resource {
            ORGANIZATIONS => &self.organization_scopes,
            _ => self.resources.get(resource).map_or(&[], Vec::as_slice),
        }
    }

    pub(crate) fn organization_scopes(&self) -> &[String] {
        &self.organization_scopes
    }

    pub(crate) fn access_grant(&self, token: &str) -> Option<(usize, &Grant)> {
        let &(grant, until) = self.access_tokens.get(token)?;
        if self.now() >= until { None } else { self.living(grant) }
    }

    pub(crate) fn refresh_grant(&self, token: &str) -> Option<(usize, &Grant)> {
        self.living(self.refresh_tokens.get(token)?.grant)
    }

    /// What a token that is alive stands for: its grant, since when and until when in seconds since 1970, and
    /// whether it is an access token.
    pub(crate) fn inspect(&self, token: &str) -> Option<(&Grant, u64, u64, bool)> {
        if let Some(&(grant, until)) = self.access_tokens.get(token) {
            let alive = self.living(grant).filter(|_| self.now() < until)?;
            return Some((alive.1, until - ACCESS_TOKEN_LIFETIME, until, true));
        }
        let known = self.refresh_tokens.get(token).filter(|known| self.time() < known.until)?;
        Some((self.living(known.grant)?.1, known.from.as_secs(), known.until.as_secs(), false))
    }

    fn living(&self, grant: usize) -> Option<(usize, &Grant)> {
        self.grants.get(grant).filter(|grant| grant.alive).map(|found| (grant, found))
    }
}
