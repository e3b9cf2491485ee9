//! What the project is made of: licences, advisories, duplicates, and a list of all of it.

mod sbom;

pub(crate) use sbom::sbom;

use crate::{
    report::Report,
    run::{cargo, run},
};
use std::{env, process::Command};

/// How cargo-deny says that the list of advisories could not be had.
const UNREACHED: &str = "failed to fetch advisory database";

/// The step of `ci`: what `deny.toml` says, by cargo-deny.
pub(crate) fn deny(report: &mut Report) {
    if !is_there() && env::var_os("CI").is_some() {
        install();
    }
    if !is_there() {
        report.skip(
            "skipped: licences, duplicates and advisories: cargo-deny is not installed".to_owned(),
            false,
        );
        return;
    }
    let mut command = cargo();
    let rules = ["deny", "--locked", "check", "-D", "warnings", "licenses", "bans", "sources"];
    let outcome = run(command.args(rules));
    report.check(outcome.success, || "deny; again alone: cargo xtask deny".to_owned());
    println!("\n$ cargo deny check advisories");
    let heard = cargo().args(["deny", "check", "advisories"]).output();
    let (success, said) = heard.map_or((false, String::new()), |heard| {
        (heard.status.success(), String::from_utf8_lossy(&heard.stderr).into_owned())
    });
    print!("{said}");
    if !success && said.contains(UNREACHED) {
        report.skip("skipped: advisories: their list cannot be reached from here".to_owned(), false);
        return;
    }
    report.check(success, || "advisories; again alone: cargo xtask deny".to_owned());
}

fn is_there() -> bool {
    cargo().args(["deny", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// A tool is built to be there soon, not to be fast.
fn install() {
    let mut command: Command = cargo();
    command.args(["install", "--quiet", "--locked", "cargo-deny"]);
    for (name, value) in [("OPT_LEVEL", "1"), ("LTO", "false"), ("DEBUG", "0"), ("CODEGEN_UNITS", "16")] {
        command.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    run(&mut command);
}
