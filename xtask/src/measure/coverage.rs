//! `cargo xtask coverage`: the lines of core, client and bindings that tests run, by cargo-llvm-cov.

use super::{percent, share};
use crate::run::{cargo, run};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const PACKAGES: [&str; 4] = ["logto-storage-core", "logto-client", "logto-axum", "logto-actix"];
/// At least so many lines, in hundredths of a percent.
const AIM: usize = 9_700;
const FILE: &str = "target/coverage.lcov";

/// Lines that tests have run, and all that can be.
type Lines = (usize, usize);

/// Measures, prints each file that lacks lines, and the sum as its last line.
pub(crate) fn coverage() -> ExitCode {
    let mut command = cargo();
    command.args([
        "llvm-cov",
        "--workspace",
        "--all-features",
        "--all-targets",
        "--lcov",
        "--output-path",
        FILE,
    ]);
    // What a browser does with the samples is measured by nobody, and the checks are none of the packages.
    for package in ["axum-sample", "actix-sample", "xtask"] {
        command.args(["--exclude", package]);
    }
    for (variable, tool) in [("LLVM_COV", "llvm-cov"), ("LLVM_PROFDATA", "llvm-profdata")] {
        if let Some(path) = llvm_tool(tool) {
            command.env(variable, path);
        }
    }
    if !run(&mut command).success {
        println!(
            "coverage: no figure: the tests fail, or cargo-llvm-cov or the LLVM tools of this Rust are missing"
        );
        return ExitCode::FAILURE;
    }
    let report = fs::read_to_string(FILE).unwrap_or_default();
    let files = read(&report, |path| fs::read_to_string(path).unwrap_or_default());
    let mut sum = (0, 0);
    let mut crates = BTreeMap::<&str, Lines>::new();
    for (path, (covered, all)) in &files {
        sum = (sum.0 + covered, sum.1 + all);
        let of = crates.entry(package_of(path).unwrap_or_default()).or_default();
        *of = (of.0 + covered, of.1 + all);
        if covered < all {
            println!("{:>9}  {covered} of {all}  {path}", percent(share(*covered, *all)));
        }
    }
    for (name, (covered, all)) in crates {
        println!("{:>9}  {covered} of {all}  {name}", percent(share(covered, all)));
    }
    let reached = share(sum.0, sum.1);
    println!("coverage: {} of {} lines, {}, aim {}", sum.0, sum.1, percent(reached), percent(AIM));
    if reached >= AIM { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lines by file, from a report in lcov's form: sources of the packages, without their tests.
fn read(report: &str, source: impl Fn(&str) -> String) -> BTreeMap<String, Lines> {
    let mut files = BTreeMap::new();
    let mut file: Option<(String, usize)> = None;
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = counted(path).map(|name| (name.to_owned(), first_line_of_tests(&source(path))));
        } else if let (Some((name, end)), Some(data)) = (&file, line.strip_prefix("DA:")) {
            let mut fields = data.split(',').map(str::parse::<usize>);
            if let (Some(Ok(number)), Some(Ok(times))) = (fields.next(), fields.next())
                && number < *end
            {
                let (covered, all) = files.entry(name.clone()).or_insert((0, 0));
                *all += 1;
                *covered += usize::from(times > 0);
            }
        }
    }
    files
}

/// The path from the root, of a file that counts.
fn counted(path: &str) -> Option<&str> {
    let path = path.rfind("/crates/").map_or(path, |at| &path[at + 1..]);
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
    package_of(path).filter(|_| !is_test).map(|_| path)
}

fn package_of(path: &str) -> Option<&str> {
    let (name, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    (PACKAGES.contains(&name) && rest.starts_with("src/")).then_some(name)
}

/// Tests stand at the end of a file, in a module of their own.
fn first_line_of_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let at =
        lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {"));
    at.map_or(usize::MAX, |index| index + 1)
}

/// Debian's tool of the LLVM that this Rust is made with; rustup's own are found by cargo-llvm-cov.
fn llvm_tool(name: &str) -> Option<PathBuf> {
    let about = Command::new("rustc").arg("-vV").output().ok()?.stdout;
    let about = String::from_utf8_lossy(&about).into_owned();
    let version =
        about.lines().find_map(|line| line.strip_prefix("LLVM version: "))?.split('.').next()?.to_owned();
    Some(Path::new("/usr/lib").join(format!("llvm-{version}/bin/{name}"))).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_packages_are_counted_without_their_tests_and_those_of_others() {
        let report = "SF:/x/crates/logto-client/src/a.rs\nDA:1,5\nDA:2,0\nDA:9,7\nend_of_record\n\
            SF:/x/crates/logto-client/src/verify/tests/b.rs\nDA:1,5\nend_of_record\n\
            SF:/x/crates/logto-client/tests/client/c.rs\nDA:1,5\nend_of_record\n\
            SF:/x/crates/logto-emulator/src/d.rs\nDA:1,5\nend_of_record\n";
        let source = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n";
        let files = read(report, |_| source.to_owned());
        assert_eq!(files, BTreeMap::from([("crates/logto-client/src/a.rs".to_owned(), (1, 2))]));
        assert_eq!(read(report, |_| String::new())["crates/logto-client/src/a.rs"], (2, 3));
    }
}
