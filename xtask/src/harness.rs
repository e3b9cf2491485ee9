//! The harness: real processes over real stores, by the programs `race` and `kill`.

use crate::{
    report::Report,
    run::{cargo, run},
};
use std::process::{Command, ExitCode};

/// How a program says that the machine lacks what it needs.
const SKIPPED: u8 = 3;

/// Stores that the short form plays over; memory is one process and ends with it.
const STORES: [&str; 4] = ["memory", "redis", "postgres", "sqlite"];

/// The short form of `race`: its mode and how much of it.
const RACES: [&str; 4] = [
    "--processes 2 --requests 25 --rounds 4 --op-latency-ms 0..400",
    "--processes 2 --requests 16 --rounds 4 --op-latency-ms 0..100 --resources 4",
    "--callback --rounds 4",
    "--sign-out --rounds 20",
];

/// The short form of `kill`.
const KILL: &str = "--rounds 1 --at-once 24";

fn program(name: &str) -> Command {
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "logto-conformance",
        "--features",
        "harness",
        "--bin",
        name,
        "--",
    ]);
    command
}

/// `cargo xtask race …` and `cargo xtask kill …`: the exit code of the program.
pub(crate) fn play(name: &str, arguments: &[&str]) -> ExitCode {
    let status = program(name).args(arguments).status();
    let code = status.ok().and_then(|status| status.code());
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2))
}

/// The step of `ci`: each program over each store is one check.
pub(crate) fn short(report: &mut Report) {
    for store in STORES {
        for race in RACES {
            check(report, "race", store, race);
        }
        if store != "memory" {
            check(report, "kill", store, KILL);
        }
    }
}

fn check(report: &mut Report, name: &str, store: &str, arguments: &str) {
    let mut command = program(name);
    command.args(["--store", store]).args(arguments.split_whitespace());
    let outcome = run(&mut command);
    if outcome.code == Some(i32::from(SKIPPED)) {
        report.skip(format!("skipped: {name} over {store}: its server is not on this machine"), false);
        return;
    }
    report.check(outcome.success, || {
        format!("race; again alone: cargo xtask {name} --store {store} {arguments}")
    });
}
