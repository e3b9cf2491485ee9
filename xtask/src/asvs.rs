//! The items of OWASP ASVS 5.0: the tests of the suite on both bindings, as a table.

use crate::{
    suite::{self, Played},
    tidy::proofs,
};
use std::{fs, process::ExitCode};

/// Where the items stand.
const TABLE: &str = "crates/logto-conformance/README.md";

/// What the suite is called among the tests of a binding.
const SUITE: &str = "asvs";

/// `cargo xtask asvs`: 0 only where every item of the table was played on both bindings and holds.
pub(crate) fn run() -> ExitCode {
    let readme = fs::read_to_string(TABLE).unwrap_or_default();
    let items: Vec<&str> =
        proofs(&readme, "ASVS").into_iter().map(|(_, test)| test.trim_matches('`')).collect();
    let played = suite::play(SUITE, "v");
    let (table, holding) = judged(&items, &played);
    println!("\n{table}{holding} of {} items hold", items.len());
    let succeeded = played.iter().all(|played| played.success);
    if succeeded && holding == items.len() && holding > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A line for each item, and how many hold on both bindings.
fn judged(items: &[&str], played: &[Played; 2]) -> (String, usize) {
    let told = |item: &str| played.each_ref().map(|played| played.result(item).unwrap_or("not run"));
    let holding = items.iter().filter(|item| told(item) == ["ok"; 2]).count();
    (suite::table("item", items.iter().map(|item| (*item, told(item)))), holding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_holds_where_all_bindings_have_played_it_and_it_is_right() {
        let played = |lines: &[&str]| {
            let mut played = Played::default();
            lines.iter().for_each(|line| played.note(SUITE, line));
            played
        };
        let one = played(&["running 2 tests", "test asvs::v1_a ... ok", "test asvs::v1_b ... ok"]);
        let other = played(&["test asvs::v1_a ... ok", "test asvs::v1_b ... FAILED"]);
        let (table, holding) = judged(&["v1_a", "v1_b", "v1_c"], &[one, other]);
        assert_eq!(holding, 1);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["item", "axum", "actix-web"]);
        assert_eq!(lines[1], ["v1_a", "ok", "ok"]);
        assert_eq!(lines[2], ["v1_b", "ok", "FAILED"]);
        assert_eq!(lines[3], ["v1_c", "not", "run", "not", "run"]);
    }
}
