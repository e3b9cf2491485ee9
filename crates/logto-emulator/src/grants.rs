//! What people have given, and the codes and tokens by which applications hold it.

use crate::keys;
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// A refresh token is not replaced any more so long after the sign-in.
const LONGEST_ROTATION: Duration = Duration::from_secs(31_557_600);
/// Seconds.
const CONSENT_LIFETIME: u64 = 180 * 86_400;

/// An authorization request that is in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorization {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) response_mode: ResponseMode,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) scope: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) prompt: Vec<String>,
    pub(crate) login_hint: Option<String>,
    pub(crate) registers: bool,
    /// The code of the device that waits for it.
    pub(crate) device: Option<String>,
}

impl Authorization {
    pub(crate) fn asks_for(&self, prompt: &str) -> bool {
        self.prompt.iter().any(|asked| asked == prompt)
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scope.iter().any(|known| known == scope)
    }
}

/// How an answer reaches the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    #[default]
    Query,
    Fragment,
    FormPost,
}

/// What a person has agreed to for an application, in one session. All sign-ins of that session share it.
pub(crate) struct Consent {
    pub(crate) scope: BTreeSet<String>,
    /// The scopes of each resource.
    pub(crate) resources: HashMap<String, BTreeSet<String>>,
    /// A sign-in with `offline_access` outlives the session.
    pub(crate) outlives_session: bool,
    pub(crate) alive: bool,
    pub(crate) until: u64,
}

/// What one sign-in has brought an application.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) authorization: Authorization,
    pub(crate) username: String,
    /// The session in which it was given, as the application knows it.
    pub(crate) sid: String,
    pub(crate) consent: usize,
    pub(crate) alive: bool,
}

impl Grant {
    /// Without `offline_access` it ends with its session.
    fn is_online(&self) -> bool {
        !self.authorization.has_scope("offline_access")
    }
}

pub(crate) struct Code {
    pub(crate) grant: Grant,
    pub(crate) issued_at: u64,
    /// Once it is used.
    pub(crate) used: Option<usize>,
}

struct AccessToken {
    grant: usize,
    scope: Vec<String>,
    from: u64,
    until: u64,
}

struct RefreshToken {
    grant: usize,
    from: Duration,
    until: Duration,
    /// When the sign-in was.
    first: Duration,
    /// Once it is replaced.
    used_at: Option<Duration>,
}

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

/// How an application's refresh tokens are replaced.
pub(crate) struct Rotates {
    pub(crate) rotation: Rotation,
    pub(crate) public: bool,
    /// Whether a new one ends when the old one would have ended.
    pub(crate) keeps_end: bool,
    pub(crate) lifetime: Duration,
}

/// What a token that is alive stands for.
pub(crate) struct Inspected<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) scope: &'a [String],
    /// Seconds since 1970.
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) is_access_token: bool,
}

#[derive(Default)]
pub(crate) struct Grants {
    pub(crate) consents: Vec<Consent>,
    grants: Vec<Grant>,
    pub(crate) codes: HashMap<String, Code>,
    access_tokens: HashMap<String, AccessToken>,
    refresh_tokens: HashMap<String, RefreshToken>,
}

impl Grants {
    pub(crate) fn open_consent(&mut self, now: u64) -> usize {
        self.consents.push(Consent {
            scope: BTreeSet::new(),
            resources: HashMap::new(),
            outlives_session: false,
            alive: true,
            until: now + CONSENT_LIFETIME,
        });
        self.consents.len() - 1
    }

    pub(crate) fn consent(&self, id: usize, now: u64) -> Option<&Consent> {
        self.consents.get(id).filter(|consent| consent.alive && now < consent.until)
    }

    pub(crate) fn open(&mut self, grant: Grant) -> usize {
        self.grants.push(grant);
        self.grants.len() - 1
    }

    /// Ends what the person has consented to, and all that was issued by it.
    pub(crate) fn end(&mut self, grant: usize) {
        let consent = self.grants.get(grant).map(|grant| grant.consent);
        if let Some(consent) = consent.and_then(|id| self.consents.get_mut(id)) {
            consent.alive = false;
        }
    }

    /// Those that are meant.
    pub(crate) fn end_all(&mut self, meant: impl Fn(&Grant) -> bool) {
        for id in 0..self.grants.len() {
            if meant(&self.grants[id]) {
                self.end(id);
            }
        }
    }

    /// Those of a session that is over, unless they outlive it.
    pub(crate) fn end_session(
        &mut self,
        consents: impl Iterator<Item = usize>,
        is_of: impl Fn(&str) -> bool,
    ) {
        for id in consents {
            if let Some(consent) = self.consents.get_mut(id) {
                consent.alive &= consent.outlives_session;
            }
        }
        for grant in self.grants.iter_mut().filter(|grant| is_of(&grant.sid) && grant.is_online()) {
            grant.alive = false;
        }
    }

    pub(crate) fn living_of(&self, username: &str) -> usize {
        (0..self.grants.len())
            .filter_map(|id| self.living(id))
            .filter(|(_, grant)| grant.username == username)
            .count()
    }

    fn living(&self, id: usize) -> Option<(usize, &Grant)> {
        let grant = self.grants.get(id).filter(|grant| grant.alive)?;
        self.consents.get(grant.consent).filter(|consent| consent.alive).map(|_| (id, grant))
    }

    /// Whose code or refresh token this is, and whether it was used before.
    pub(crate) fn owner(&self, presented: &str) -> Option<(String, bool)> {
        if let Some(code) = self.codes.get(presented) {
            return Some((code.grant.username.clone(), code.used.is_some()));
        }
        let known = self.refresh_tokens.get(presented)?;
        Some((self.grants.get(known.grant)?.username.clone(), known.used_at.is_some()))
    }

    pub(crate) fn issue_opaque_token(
        &mut self,
        grant: usize,
        scope: Vec<String>,
        from: u64,
        lifetime: u64,
    ) -> String {
        let token = keys::random();
        self.access_tokens.insert(token.clone(), AccessToken { grant, scope, from, until: from + lifetime });
        token
    }

    /// A new refresh token of a sign-in.
    pub(crate) fn issue_refresh_token(&mut self, grant: usize, now: Duration, lifetime: Duration) -> String {
        let token = keys::random();
        let known = RefreshToken { grant, from: now, until: now + lifetime, first: now, used_at: None };
        self.refresh_tokens.insert(token.clone(), known);
        token
    }

    /// The grant of a refresh token that this application uses: a token that was replaced longer ago than
    /// the reuse interval ends it.
    pub(crate) fn use_refresh_token(
        &mut self,
        token: &str,
        client_id: &str,
        now: Duration,
        reuse_interval: Duration,
    ) -> Option<(usize, Grant)> {
        let known = self.refresh_tokens.get(token).filter(|known| now < known.until)?;
        let (id, used_at) = (known.grant, known.used_at);
        self.living(id).filter(|(_, grant)| grant.authorization.client_id == client_id)?;
        if used_at.is_some_and(|at| now.saturating_sub(at) >= reuse_interval) {
            self.end(id);
        }
        self.living(id).map(|(id, grant)| (id, grant.clone()))
    }

    /// The refresh token that comes back: a new one, or the same.
    pub(crate) fn rotate(&mut self, token: &str, now: Duration, how: &Rotates) -> String {
        let Some(known) = self.refresh_tokens.get_mut(token) else { return token.to_owned() };
        let aged = (now.saturating_sub(known.from)).as_secs() * 10
            >= (known.until.saturating_sub(known.from)).as_secs() * 7;
        let rotates = match how.rotation {
            Rotation::Default => (how.public || aged) && now.saturating_sub(known.first) < LONGEST_ROTATION,
            Rotation::Always => true,
            Rotation::Never => false,
        };
        if !rotates && known.used_at.is_none() {
            return token.to_owned();
        }
        // Each use within the interval begins it anew.
        known.used_at = Some(now);
        let until = if how.keeps_end { known.until } else { now + how.lifetime };
        let next = RefreshToken { grant: known.grant, from: now, until, first: known.first, used_at: None };
        let token = keys::random();
        self.refresh_tokens.insert(token.clone(), next);
        token
    }

    /// Makes a refresh token older than it is.
    pub(crate) fn age(&mut self, token: &str, by: Duration) {
        if let Some(known) = self.refresh_tokens.get_mut(token) {
            known.from = known.from.saturating_sub(by);
            known.until = known.until.saturating_sub(by);
        }
    }

    /// The grant of an opaque access token that is good, and its scope.
    pub(crate) fn of_access_token(&self, token: &str, now: u64) -> Option<(usize, &Grant, &[String])> {
        let known = self.access_tokens.get(token).filter(|known| now < known.until)?;
        self.living(known.grant).map(|(id, grant)| (id, grant, known.scope.as_slice()))
    }

    pub(crate) fn of_refresh_token(&self, token: &str) -> Option<(usize, &Grant)> {
        self.living(self.refresh_tokens.get(token)?.grant)
    }

    pub(crate) fn inspect(&self, token: &str, now: Duration) -> Option<Inspected<'_>> {
        if let Some(known) = self.access_tokens.get(token) {
            let (_, grant, scope) = self.of_access_token(token, now.as_secs())?;
            return Some(Inspected {
                grant,
                scope,
                from: known.from,
                until: known.until,
                is_access_token: true,
            });
        }
        let known = self.refresh_tokens.get(token).filter(|known| now < known.until)?;
        let (_, grant) = self.living(known.grant)?;
        let (from, until) = (known.from.as_secs(), known.until.as_secs());
        Some(Inspected { grant, scope: &grant.authorization.scope, from, until, is_access_token: false })
    }
}
