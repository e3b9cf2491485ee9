//! The items of OWASP ASVS 5.0: the tests of the suite on both bindings, as a table.

use crate::{
    run::{cargo, heard, shown},
    tidy::proofs,
};
use std::{collections::BTreeMap, fs, process::ExitCode};

/// Where the items stand.
const TABLE: &str = "crates/logto-conformance/README.md";

/// The bindings, each with the test program that holds its suite.
const BINDINGS: [(&str, &str, &str); 2] =
    [("axum", "logto-axum", "flow"), ("actix-web", "logto-actix", "binding")];

/// What became of each test of a binding, by its name.
type Results = BTreeMap<String, String>;

/// `cargo xtask asvs`: 0 only where every item of the table was played on both bindings and holds.
pub(crate) fn run() -> ExitCode {
    let readme = fs::read_to_string(TABLE).unwrap_or_default();
    let items: Vec<&str> =
        proofs(&readme, "ASVS").into_iter().map(|(_, test)| test.trim_matches('`')).collect();
    let mut succeeded = true;
    let results = BINDINGS.map(|(_, package, program)| {
        let mut command = cargo();
        command.args(["test", "--package", package, "--all-features", "--test", program]);
        command.args(["--no-fail-fast", "--", "asvs::v"]);
        println!("\n$ {}", shown(&command));
        let mut results = Results::new();
        let outcome = heard(&mut command, |line| {
            println!("{line}");
            results.extend(result(line));
        });
        succeeded &= outcome.success;
        results
    });
    let (table, holding) = judged(&items, &results);
    println!("\n{table}{holding} of {} items hold", items.len());
    if succeeded && holding == items.len() && holding > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The name and the result in `test asvs::v7_2_4_a_new_session_id_at_sign_in ... ok`.
fn result(line: &str) -> Option<(String, String)> {
    let (name, result) = line.strip_prefix("test asvs::")?.split_once(" ... ")?;
    Some((name.to_owned(), result.to_owned()))
}

/// A line for each item, and how many hold on all bindings.
fn judged(items: &[&str], results: &[Results]) -> (String, usize) {
    let width = items.iter().map(|item| item.len()).max().unwrap_or_default();
    let bindings = BINDINGS.map(|(binding, ..)| binding);
    let mut table = format!("{:width$}  {:<9}  {}\n", "item", bindings[0], bindings[1]);
    let mut holding = 0;
    for item in items {
        let of = |results: &Results| results.get(*item).map_or("not run", String::as_str).to_owned();
        let told: Vec<String> = results.iter().map(of).collect();
        holding += usize::from(told.iter().all(|told| told == "ok"));
        let told: String = told.iter().map(|told| format!("  {told:<9}")).collect();
        table.push_str(&format!("{item:width$}{}\n", told.trim_end()));
    }
    (table, holding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_holds_where_all_bindings_have_played_it_and_it_is_right() {
        let results = |lines: &[&str]| lines.iter().filter_map(|line| result(line)).collect::<Results>();
        let one = results(&["running 2 tests", "test asvs::v1_a ... ok", "test asvs::v1_b ... ok"]);
        let other = results(&["test asvs::v1_a ... ok", "test asvs::v1_b ... FAILED"]);
        let (table, holding) = judged(&["v1_a", "v1_b", "v1_c"], &[one, other]);
        assert_eq!(holding, 1);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["item", "axum", "actix-web"]);
        assert_eq!(lines[1], ["v1_a", "ok", "ok"]);
        assert_eq!(lines[2], ["v1_b", "ok", "FAILED"]);
        assert_eq!(lines[3], ["v1_c", "not", "run", "not", "run"]);
    }
}
