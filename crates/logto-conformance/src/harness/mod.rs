//! The harness: real processes of one application over a real store, at a local Logto that replaces each
//! refresh token and forgives nothing. The programs `race` and `kill` play with it.

mod arguments;
mod chance;
mod gateway;
mod process;
mod provider;
mod report;
mod site;
mod store;
mod wire;
pub mod worker;

pub use arguments::Arguments;
pub use chance::Chance;
pub use gateway::{Gateway, Passage};
pub use process::Process;
pub use provider::{Provider, Setting};
pub use report::{Figure, Report, highest, sum};
pub use site::{Person, Site, token_path};
pub use store::{NoStore, Store};
pub use wire::{Answer, Wire};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use std::{future::Future, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

/// What a JWT says; nothing of it is verified.
#[must_use]
pub fn claims(token: &str) -> Option<Value> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Plays rounds, so many at the same time; what each has brought, in the order of their numbers.
///
/// # Panics
///
/// Where a round panics.
pub async fn overlapping<F>(rounds: usize, at_once: usize, round: impl Fn(usize) -> F) -> Vec<Value>
where
    F: Future<Output = Value> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(at_once));
    let mut playing = JoinSet::new();
    for number in 0..rounds {
        let permit = Arc::clone(&room).acquire_owned().await.expect("the semaphore is open");
        let round = round(number);
        playing.spawn(async move {
            let outcome = round.await;
            drop(permit);
            (number, outcome)
        });
    }
    let mut outcomes = playing.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
