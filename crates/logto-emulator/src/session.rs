//! Sessions of people at the server.

use crate::keys;
use std::collections::{BTreeMap, HashMap};

/// A person who has signed in with a browser.
pub(crate) struct Session {
    pub(crate) username: String,
    /// The name of the session at the server; it stays when its cookie is renewed.
    pub(crate) uid: String,
    /// The session's id for each application in which the person has signed in: as at the server, no two
    /// applications know it by the same one.
    sids: BTreeMap<String, String>,
    /// What the person has consented to, for each application.
    pub(crate) consents: BTreeMap<String, usize>,
    /// Seconds since 1970.
    until: u64,
}

impl Session {
    /// The session's id for this application, where the person has signed in there.
    pub(crate) fn sid(&self, client_id: &str) -> Option<&str> {
        self.sids.get(client_id).map(String::as_str)
    }

    /// Whether one of the applications knows it by this id.
    pub(crate) fn is_known_as(&self, sid: &str) -> bool {
        self.sids.values().any(|known| known == sid)
    }
}

/// All of them, by the cookie that a browser sends.
#[derive(Default)]
pub(crate) struct Sessions(HashMap<String, Session>);

impl Sessions {
    /// A new session; its cookie.
    pub(crate) fn open(&mut self, username: &str, until: u64) -> String {
        self.insert(Session {
            username: username.to_owned(),
            uid: keys::random(),
            sids: BTreeMap::new(),
            consents: BTreeMap::new(),
            until,
        })
    }

    /// The session after a sign-in in a browser that sent `cookie`: the same person's goes on under a new
    /// cookie.
    pub(crate) fn renew(&mut self, cookie: Option<&str>, username: &str, until: u64) -> String {
        let known =
            cookie.filter(|cookie| self.0.get(*cookie).is_some_and(|known| known.username == username));
        match known.and_then(|cookie| self.0.remove(cookie)) {
            Some(session) => self.insert(Session { until, ..session }),
            None => self.open(username, until),
        }
    }

    fn insert(&mut self, session: Session) -> String {
        let cookie = keys::random();
        self.0.insert(cookie.clone(), session);
        cookie
    }

    /// The one of this cookie, where it is not over.
    pub(crate) fn get(&self, cookie: &str, now: u64) -> Option<&Session> {
        self.0.get(cookie).filter(|session| now < session.until)
    }

    /// The person signs in to an application: the session, and its id there.
    pub(crate) fn enter(&mut self, cookie: &str, client_id: &str) -> Option<(&mut Session, String)> {
        let session = self.0.get_mut(cookie)?;
        let sid = session.sids.entry(client_id.to_owned()).or_insert_with(keys::random).clone();
        Some((session, sid))
    }

    pub(crate) fn end(&mut self, cookie: &str) -> Option<Session> {
        self.0.remove(cookie)
    }

    pub(crate) fn end_all_of(&mut self, username: &str) -> Vec<Session> {
        self.0.extract_if(|_, session| session.username == username).map(|(_, session)| session).collect()
    }
}
