//! A suite that both bindings prove themselves by: its tests are played, and what became of each is told.

use crate::run::{cargo, run_hearing};
use std::collections::BTreeMap;

/// A binding, its package, and its tests that hold the suites.
const BINDINGS: [(&str, &str, &str); 2] =
    [("axum", "logto-axum", "flow"), ("actix-web", "logto-actix", "binding")];

/// What became of the tests of a suite over one binding.
#[derive(Debug, Default)]
pub(crate) struct Played {
    results: BTreeMap<String, String>,
    pub(crate) success: bool,
}

/// Plays those tests of this module whose names begin so, over each binding.
pub(crate) fn play(module: &str, beginning: &str) -> [Played; 2] {
    BINDINGS.map(|(_, package, tests)| {
        let mut played = Played::default();
        let mut command = cargo();
        command.args(["test", "--package", package, "--all-features", "--test", tests, "--no-fail-fast"]);
        command.args(["--", &format!("{module}::{beginning}")]);
        let outcome = run_hearing(&mut command, |line| played.note(module, line));
        played.success = outcome.success;
        played
    })
}

impl Played {
    /// A line such as `test asvs::v7_2_4_a_new_session_id_at_sign_in ... ok`. Who has failed once has failed.
    pub(crate) fn note(&mut self, module: &str, line: &str) {
        let rest = line.strip_prefix("test ").and_then(|rest| rest.strip_prefix(module)?.strip_prefix("::"));
        let Some((test, result)) = rest.and_then(|rest| rest.split_once(" ... ")) else { return };
        let known = self.results.entry(test.to_owned()).or_default();
        if known != "FAILED" {
            result.trim().clone_into(known);
        }
    }

    /// `ok`, `FAILED`, or what else is said of a test; nothing of one that did not run.
    pub(crate) fn result(&self, test: &str) -> Option<&str> {
        self.results.get(test).map(String::as_str)
    }
}

/// A line for each item, with a word for each binding.
pub(crate) fn table<'a>(heading: &str, rows: impl IntoIterator<Item = (&'a str, [&'a str; 2])>) -> String {
    let rows: Vec<(&str, [&str; 2])> = rows.into_iter().collect();
    let width = rows.iter().map(|(item, _)| item.len()).max().unwrap_or_default();
    let heading = (heading, BINDINGS.map(|(binding, ..)| binding));
    let lines = std::iter::once(heading).chain(rows);
    lines.map(|(item, [one, other])| format!("{item:<width$}  {one:<9}  {other}\n")).collect()
}
