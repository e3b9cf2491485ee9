//! A stage whose secrets are known, so that no answer tells one.

use super::check::{Form, check};
use crate::flow::{Application, Page, Plan, Stage};
use logto_emulator::Endpoint;
use std::{
    ops::Deref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What the token endpoint is sent and nobody else may hear.
const SENT: [&str; 5] = ["client_secret", "code", "code_verifier", "refresh_token", "token"];
/// What it answers and nobody else may hear.
const ANSWERED: [&str; 3] = ["access_token", "id_token", "refresh_token"];

/// The stage, with a cookie of the prefix `__Host-`, and all secrets that have crossed it.
pub(super) struct Watched {
    stage: Stage,
    tokens: Arc<Mutex<Vec<String>>>,
    checked: AtomicUsize,
}

impl Watched {
    pub(super) async fn set<A: Application>(plan: Plan) -> Self {
        let stage = Stage::set::<A>(Plan { host_cookie: true, ..plan }).await;
        let tokens = Arc::new(Mutex::new(vec!["local-secret".to_owned()]));
        let seen = Arc::clone(&tokens);
        stage.emulator.tamper_token_answer(move |answer| {
            let told = ANSWERED.iter().filter_map(|name| answer.get(*name)?.as_str().map(str::to_owned));
            seen.lock().expect("no panic while tokens are kept").extend(told);
        });
        Self { stage, tokens, checked: AtomicUsize::new(0) }
    }

    pub(super) async fn plain<A: Application>() -> Self {
        Self::set::<A>(Plan::default()).await
    }

    /// The answer is of this form and tells no secret.
    pub(super) fn check(&self, answer: &Page, form: Form) {
        check(answer, form, &self.secrets());
        self.checked.fetch_add(1, Ordering::Relaxed);
    }

    /// So many answers were looked at, and none was forgotten.
    pub(super) fn assert_checked(&self, answers: usize) {
        assert_eq!(self.checked.load(Ordering::Relaxed), answers);
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.tokens.lock().expect("no panic while tokens are kept").clone();
        for endpoint in [Endpoint::Token, Endpoint::Revocation] {
            let parameters = self.emulator.all_received(endpoint).into_iter().flat_map(|it| it.parameters);
            secrets
                .extend(parameters.filter(|(name, _)| SENT.contains(&name.as_str())).map(|(_, value)| value));
        }
        secrets.retain(|secret| secret.len() >= 8);
        secrets
    }
}

impl Deref for Watched {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}
