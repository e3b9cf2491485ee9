//! Documents against what they speak of.

use super::{File, Package, manifest::keys};

/// The first cells of the rows of all tables whose first heading is this one.
fn first_column<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let mut cells = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix('|').and_then(|row| row.split('|').next()).map(str::trim) {
            None => inside = false,
            Some(cell) if cell == heading => inside = true,
            Some(cell) if inside && !cell.starts_with("--") => cells.push(cell.trim_matches('`')),
            Some(_) => {}
        }
    }
    cells
}

fn differences(what: &str, told: &[&str], there: &[&str]) -> Vec<String> {
    let missing = there.iter().filter(|name| !told.contains(name)).map(|name| format!("{what} lacks {name}"));
    let stale = told
        .iter()
        .filter(|name| !there.contains(name))
        .map(|name| format!("{what} names {name}, which is not there"));
    missing.chain(stale).collect()
}

/// The README of a package with features lists exactly these.
pub(super) fn feature_tables(packages: &[Package], read: impl Fn(&str) -> String) -> Vec<String> {
    packages
        .iter()
        .filter(|package| !package.features.is_empty())
        .flat_map(|package| {
            let path = format!("{}/README.md", package.folder);
            let features: Vec<&str> = package.features.iter().map(String::as_str).collect();
            differences(&path, &first_column(&read(&path), "feature"), &features)
        })
        .collect()
}

/// ARCHITECTURE.md gives the reason of each dependency of the workspace.
pub(super) fn dependency_reasons(workspace: &str, architecture: &str) -> Vec<String> {
    let dependencies: Vec<&str> = keys(workspace, "workspace.dependencies")
        .into_iter()
        .filter(|name| !name.starts_with("logto-"))
        .collect();
    differences("ARCHITECTURE.md", &first_column(architecture, "dependency"), &dependencies)
}

pub(super) fn crates_on_the_map(packages: &[Package], architecture: &str) -> Vec<String> {
    let missing = packages.iter().filter(|package| !architecture.contains(&format!("`{}", package.folder)));
    missing.map(|package| format!("ARCHITECTURE.md does not name {}", package.folder)).collect()
}

/// The guide of modules has a row for each.
pub(super) fn modules(guide: &str, modules: &[&str]) -> Vec<String> {
    differences("docs/relying-party-modules.md", &first_column(guide, "module"), modules)
}

/// The rows of the table that begins so, each with its cell under `proof` or `test`.
pub(crate) fn proofs<'a>(text: &'a str, heading: &str) -> Vec<(&'a str, &'a str)> {
    let mut table = text.lines().skip_while(|line| !line.starts_with(&format!("| {heading}")));
    let first = table.next().unwrap_or_default();
    let column = first.split('|').position(|cell| matches!(cell.trim(), "proof" | "test"));
    let rows = table.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| (row, row.split('|').nth(column.unwrap_or_default()).unwrap_or_default().trim())).collect()
}

/// Each row of a table of proofs names a test or a command that exists.
pub(super) fn tables_of_proofs(path: &str, text: &str, heading: &str, sources: &[File]) -> Vec<String> {
    let rows = proofs(text, heading);
    if rows.is_empty() {
        return vec![format!("{path} has no table that begins with `| {heading}`")];
    }
    let mut problems = Vec::new();
    for (row, proof) in rows {
        let names: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && proof != "–" {
            problems.push(format!("{path}: no test stands in the row {row}"));
        }
        for name in names {
            // A command proves a row too.
            let known = match name.strip_prefix("cargo xtask ") {
                Some(command) => format!("\"{}\"", command.split(' ').next().unwrap_or_default()),
                None => format!("fn {name}"),
            };
            if !sources.iter().any(|file| file.text.contains(&known)) {
                problems.push(format!("{path}: the test {name} is not there"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_table_that_differs_is_found() {
        let package =
            || [Package::parse("crates/a", "[package]\nname = \"a\"\n[features]\nx = []\ny = []\n")];
        let table = |rows: &str| format!("| feature | what |\n|---|---|\n{rows}\n");
        assert!(feature_tables(&package(), |_| table("| `x` | 1 |\n| `y` | 2 |")).is_empty());
        assert_eq!(feature_tables(&package(), |_| table("| `x` | 1 |\n| `z` | 2 |")).len(), 2);
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let workspace = "[workspace.dependencies]\nlogto-x = \"1\"\nurl = \"2\"\n";
        assert!(
            dependency_reasons(workspace, "| dependency | reason |\n|---|---|\n| `url` | x |\n").is_empty()
        );
        assert_eq!(dependency_reasons(workspace, "").len(), 1);
    }

    #[test]
    fn a_package_that_is_not_on_the_map_is_found() {
        let package = [Package::parse("crates/a", "[package]\nname = \"a\"\n")];
        assert!(crates_on_the_map(&package, "`crates/a/src`").is_empty());
        assert_eq!(crates_on_the_map(&package, "").len(), 1);
    }

    #[test]
    fn a_module_without_a_row_is_found() {
        let guide = |rows: &str| format!("| module | here |\n|---|---|\n{rows}\n");
        assert!(modules(&guide("| `a` | 1 |\n| `b` | 2 |"), &["a", "b"]).is_empty());
        assert_eq!(modules(&guide("| `a` | 1 |\n| `c` | 2 |"), &["a", "b"]).len(), 2);
    }

    #[test]
    fn a_guarantee_without_its_test_is_found() {
        let sources = [File { path: "a.rs".to_owned(), text: "fn it_holds() {}".to_owned() }];
        let problems = |test: &str| {
            let table = format!("| guarantee | test | more |\n|---|---|---|\n| a | {test} | b |\n");
            tables_of_proofs("README.md", &table, "guarantee", &sources).len()
        };
        assert_eq!(problems("`it_holds`"), 0);
        assert_eq!(problems("–"), 0);
        assert_eq!(problems("`it_does_not`"), 1);
        assert_eq!(problems("`cargo xtask nothing --x`"), 1);
        assert_eq!(problems(""), 1);
        assert_eq!(tables_of_proofs("README.md", "", "guarantee", &sources).len(), 1);
    }
}
