//! The application as a whole: its processes, the provider, and people who sign in.

use super::{Answer, Process, Provider, Setting, Wire, worker};
use serde_json::Value;
use std::time::Duration;

/// Everything a harness plays with.
#[derive(Debug)]
pub struct Site {
    /// The provider.
    pub provider: Provider,
    /// The processes of the application.
    pub processes: Vec<Process>,
    /// The way to them.
    pub wire: Wire,
}

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user name at the provider.
    pub username: String,
    /// Who they are in tokens.
    pub sub: String,
    /// The cookie that their browser holds.
    pub cookie: String,
}

impl Site {
    /// Starts a provider, and processes over the store at this address.
    pub async fn start(
        store: &str,
        client: worker::Client,
        processes: usize,
        setting: &Setting,
        at_once: usize,
    ) -> Self {
        let provider = Provider::start(setting).await;
        let plan = worker::Plan { endpoint: provider.emulator.endpoint(), store: store.to_owned(), client };
        let mut started = Vec::new();
        for _ in 0..processes {
            started.push(Process::start(&plan).await);
        }
        Self { provider, processes: started, wire: Wire::new(at_once) }
    }

    /// The ids of the processes.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::pid).collect()
    }

    /// The address of a path at the process of this number, counted on from the last to the first.
    #[must_use]
    pub fn at(&self, process: usize, path: &str) -> String {
        self.processes[process % self.processes.len()].at(path)
    }

    /// Goes to a path of a process with the person's cookie.
    pub async fn get(&self, process: usize, path: &str, cookie: &str) -> Answer {
        self.wire.get(&self.at(process, path), cookie).await
    }

    /// Starts a sign-in at one process; the cookie, and path and query of the callback.
    ///
    /// # Errors
    ///
    /// The answer that is no redirect.
    pub async fn start_sign_in(&self, process: usize, username: &str) -> Result<(String, String), String> {
        let start = self.get(process, "/logto/sign-in", "").await;
        let (Some(location), Some(cookie)) = (&start.location, start.cookie.clone()) else {
            return Err(format!("the sign-in does not start: {start:?}"));
        };
        let callback = self.provider.emulator.approve(location, username)?;
        let path = callback.strip_prefix(worker::BASE).ok_or("the callback leads elsewhere")?;
        Ok((cookie, path.to_owned()))
    }

    /// Signs a new person in, the callback at another process than the start.
    ///
    /// # Errors
    ///
    /// The answer that is not as it should be.
    pub async fn sign_in(&self, process: usize, username: &str) -> Result<Person, String> {
        let sub = self.provider.add(username);
        let (cookie, callback) = self.start_sign_in(process, username).await?;
        let answer = self.get(process + 1, &callback, &cookie).await;
        if answer.status != 303 {
            return Err(format!("the sign-in is not completed: {answer:?}"));
        }
        Ok(Person { username: username.to_owned(), sub, cookie: answer.cookie.unwrap_or(cookie) })
    }

    /// Signs a new person in and gets a token for this resource, which expires before this returns; the
    /// person, and the token's id.
    ///
    /// # Errors
    ///
    /// The answer that is not as it should be.
    pub async fn expired_session(
        &self,
        process: usize,
        username: &str,
        resource: &str,
    ) -> Result<(Person, String), String> {
        self.provider.set_brief(username, true);
        let person = self.sign_in(process, username).await?;
        let answer = self.get(process, &token_path(resource), &person.cookie).await;
        let token: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let Some(jti) = token["jti"].as_str() else { return Err(format!("no token: {answer:?}")) };
        self.provider.set_brief(username, false);
        // To the second: a token of one second is over when two have begun since.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        drop(self.provider.take_calls(username));
        Ok((person, jti.to_owned()))
    }

    /// Whether the person is signed in with living tokens: by one more refresh.
    pub async fn is_alive(&self, process: usize, person: &Person, resource: &str) -> bool {
        let answer = self.get(process, &format!("{}&force=1", token_path(resource)), &person.cookie).await;
        let token: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        answer.status == 200
            && token["sub"] == person.sub.as_str()
            && self.provider.emulator.living_grants_of(&person.username) == 1
    }

    /// How many records a person has in the store, as this process finds them.
    ///
    /// # Panics
    ///
    /// Where the store does not say.
    pub async fn records_of(&self, process: usize, sub: &str) -> u64 {
        let answer = self.wire.post(&self.at(process, &format!("/control/records?sub={sub}")), "").await;
        answer.body.parse().unwrap_or_else(|_| panic!("the records of a person: {answer:?}"))
    }
}

/// The path at which a process gives a token for this resource.
#[must_use]
pub fn token_path(resource: &str) -> String {
    format!("/access-token?resource={resource}")
}
