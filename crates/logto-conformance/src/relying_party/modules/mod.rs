//! The modules, by plan; each function has the name of its module.

mod basic;
mod comprehensive;
mod config;
mod fapi;
mod logout;
mod refresh;

pub use basic::*;
pub use comprehensive::*;
pub use config::*;
pub use fapi::*;
pub use logout::*;
pub use refresh::*;

use super::trial::both_ways;
use crate::flow::Application;
use logto_emulator::SigningKey;
use serde_json::{Map, Value};

/// A sign-in is accepted, and refused as soon as the claims of ID tokens are changed in this way.
async fn changed_claims_are_refused<A: Application>(
    change: impl Fn(&mut Map<String, Value>) + Clone + Send + Sync + 'static,
) {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        trial.accepts().await;
        trial.stage.emulator.tamper_id_token(change.clone());
        trial.refuses_tokens().await;
    })
    .await;
}

/// A sign-in is refused as soon as this claim of ID tokens has this value.
async fn a_wrong_claim_is_refused<A: Application>(name: &'static str, value: impl Into<Value>) {
    let value = value.into();
    changed_claims_are_refused::<A>(move |claims| drop(claims.insert(name.to_owned(), value.clone()))).await;
}

/// A sign-in is refused as soon as this claim of ID tokens is missing.
async fn a_missing_claim_is_refused<A: Application>(name: &'static str) {
    changed_claims_are_refused::<A>(|claims| drop(claims.remove(name))).await;
}

/// A sign-in is accepted, and refused as soon as ID tokens are forged in this way.
async fn forged_tokens_are_refused<A: Application>(
    key: SigningKey,
    forge: impl Fn(&str) -> String + Copy + Send + Sync + 'static,
) {
    both_ways::<A>(key, async |trial| {
        trial.accepts().await;
        trial.forge_id_tokens(forge);
        trial.refuses_tokens().await;
    })
    .await;
}
