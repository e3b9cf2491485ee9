//! The provider: the local Logto, with a list of everything its token endpoint has decided.

use super::{Gateway, claims};
use crate::servers::free_port;
use logto_emulator::{Emulator, Endpoint, Rotation, TokenCall, User};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How the provider behaves.
#[derive(Clone, Debug)]
pub struct Setting {
    /// For so long a refresh token that was replaced is taken again.
    pub leeway: Duration,
    /// How long a token call takes.
    pub latency: Range<Duration>,
    /// What its random times begin with.
    pub seed: u64,
    /// Whether it is reached through a gateway.
    pub behind_gateway: bool,
}

/// The provider. Every refresh brings a new refresh token, and a used one ends the grant.
pub struct Provider {
    /// The local Logto.
    pub emulator: Emulator,
    /// What stands before it, where it does.
    pub gateway: Option<Gateway>,
    calls: Arc<Mutex<HashMap<String, Vec<TokenCall>>>>,
    brief: Arc<Mutex<HashSet<String>>>,
}

impl Provider {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    pub async fn start(setting: &Setting) -> Self {
        let (emulator, gateway) = match setting.behind_gateway {
            true => {
                let port = free_port();
                let emulator = Emulator::builder().endpoint(format!("http://127.0.0.1:{port}")).start().await;
                let emulator = emulator.expect("the local Logto starts");
                let gateway = Gateway::start(port, emulator.address()).await;
                (emulator, Some(gateway))
            }
            false => (Emulator::start().await.expect("the local Logto starts"), None),
        };
        emulator.set_rotation(Rotation::Always);
        emulator.set_reuse_interval(setting.leeway);
        let Range { start, end } = setting.latency;
        emulator.set_latency_between(Endpoint::Token, start, end, setting.seed);
        let calls = Arc::new(Mutex::new(HashMap::<String, Vec<TokenCall>>::new()));
        let ledger = Arc::clone(&calls);
        emulator.watch_token_calls(move |call| {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.entry(call.username.clone().unwrap_or_default()).or_default().push(call.clone());
        });
        let brief = Arc::new(Mutex::new(HashSet::<String>::new()));
        let known = Arc::clone(&brief);
        emulator.tamper_token_answer(move |answer| {
            let id_token = answer.get("id_token").and_then(|token| claims(token.as_str()?));
            let person = id_token.and_then(|claims| Some(claims.get("username")?.as_str()?.to_owned()));
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if person.is_some_and(|person| known.contains(&person)) {
                answer.insert("expires_in".to_owned(), 1.into());
            }
        });
        Self { emulator, gateway, calls, brief }
    }

    /// One more person; their `sub`.
    #[must_use]
    pub fn add(&self, username: &str) -> String {
        let user = User::new(username).password(username);
        let sub = user.sub();
        self.emulator.add_user(user);
        sub
    }

    /// Whether access tokens of this person live for one second from now on, or for their usual hour.
    pub fn set_brief(&self, username: &str, brief: bool) {
        let mut known = self.brief.lock().unwrap_or_else(PoisonError::into_inner);
        match brief {
            true => drop(known.insert(username.to_owned())),
            false => drop(known.remove(username)),
        }
    }

    /// What the token endpoint has decided for this person since this was last asked.
    #[must_use]
    pub fn take_calls(&self, username: &str) -> Vec<TokenCall> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(username).unwrap_or_default()
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("emulator", &self.emulator).finish_non_exhaustive()
    }
}
