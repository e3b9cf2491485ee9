//! Tokens that stand for a person at token exchange, and the calls that make them.

use crate::{Emulator, keys};
use std::{collections::HashMap, time::Duration};

/// Seconds.
const SUBJECT_TOKEN_LIFETIME: u64 = 600;

/// All of them.
#[derive(Default)]
pub(crate) struct Subjects {
    subject_tokens: HashMap<String, Token>,
    personal_access_tokens: HashMap<String, Token>,
}

struct Token {
    username: String,
    /// Seconds since 1970; `None` lives for ever.
    until: Option<u64>,
}

impl Token {
    fn is_good(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Subjects {
    /// Whom this subject token stands for.
    pub(crate) fn impersonated(&self, token: &str, now: u64) -> Option<&String> {
        self.subject_tokens.get(token).filter(|known| known.is_good(now)).map(|known| &known.username)
    }

    /// Whose personal access token this is.
    pub(crate) fn holder(&self, token: &str, now: u64) -> Option<&String> {
        self.personal_access_tokens.get(token).filter(|known| known.is_good(now)).map(|known| &known.username)
    }

    /// A subject token is good for one exchange.
    pub(crate) fn consume(&mut self, token: &str) {
        self.subject_tokens.remove(token);
    }
}

impl Emulator {
    /// A token by which an application acts as this person, as `POST /api/subject-tokens` gives it: for one
    /// exchange within 600 s.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let emulator = logto_emulator::Emulator::start().await?;
    /// assert!(emulator.subject_token("alice")?.starts_with("sub_"));
    /// assert!(emulator.subject_token("mallory").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where nobody has this name.
    pub fn subject_token(&self, username: &str) -> Result<String, String> {
        let mut state = self.shared.state();
        let until = Some(state.now() + SUBJECT_TOKEN_LIFETIME);
        let username = known(state.user(username), username)?;
        let token = format!("sub_{}", keys::random_of(keys::LOWER_CASE, 21));
        state.subjects.subject_tokens.insert(token.clone(), Token { username, until });
        Ok(token)
    }

    /// A personal access token of this person, for any number of exchanges within this time or for ever.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let emulator = logto_emulator::Emulator::start().await?;
    /// assert!(emulator.personal_access_token("alice", None)?.starts_with("pat_"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where nobody has this name.
    pub fn personal_access_token(
        &self,
        username: &str,
        lifetime: Option<Duration>,
    ) -> Result<String, String> {
        let mut state = self.shared.state();
        let until = lifetime.map(|lifetime| state.now().saturating_add(lifetime.as_secs()));
        let username = known(state.user(username), username)?;
        let token = format!("pat_{}", keys::random_of(keys::LETTERS, 32));
        state.subjects.personal_access_tokens.insert(token.clone(), Token { username, until });
        Ok(token)
    }
}

fn known(user: Option<&crate::User>, username: &str) -> Result<String, String> {
    user.map(|user| user.username.clone()).ok_or_else(|| format!("nobody is called {username}"))
}
