//! What hostile input must not do, as twelve functions of bytes: the fuzzers and the replay of their seeds
//! call the same ones.
//!
//! A target panics where the SDK panics, and where what it answers may not be. Nothing in it leaves the
//! process: the provider is a script, the clock stands still.

mod answers;
mod mutate;
mod requests;
mod scene;
mod stored;
mod tokens;

#[cfg(test)]
mod tests;

pub use mutate::Mutations;

use std::fmt;

/// One kind of input from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: of the fuzz target, and of the folder of its seeds.
    pub name: &'static str,
    run: fn(&[u8]) -> bool,
}

impl Target {
    /// Feeds it one input; whether the SDK has taken it for good.
    ///
    /// # Panics
    ///
    /// Where the input does harm.
    pub fn feed(&self, input: &[u8]) -> bool {
        (self.run)(input)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.name)
    }
}

/// All targets.
pub const TARGETS: [Target; 12] = [
    Target { name: "jwt", run: tokens::jwt },
    Target { name: "jwks", run: tokens::jwks },
    Target { name: "discovery", run: answers::discovery },
    Target { name: "token_answer", run: answers::token_answer },
    Target { name: "user_info", run: answers::user_info },
    Target { name: "logout_token", run: tokens::logout_token },
    Target { name: "callback_query", run: requests::callback_query },
    Target { name: "ticket", run: stored::ticket },
    Target { name: "return_path", run: requests::return_path },
    Target { name: "stored_record", run: stored::stored_record },
    Target { name: "bearer_header", run: tokens::bearer_header },
    Target { name: "retry_after", run: answers::retry_after },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Feeds the target of this name: what a fuzz target does.
///
/// # Panics
///
/// Where there is no such target, or the input does harm.
pub fn feed(name: &str, input: &[u8]) {
    match target(name) {
        Some(target) => drop(target.feed(input)),
        None => panic!("no target is called {name}"),
    }
}
