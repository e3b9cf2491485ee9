//! The harness: real processes over real stores, by the programs `race` and `kill`.

use crate::{
    report::Report,
    run::{Outcome, cargo, exit_code, run, run_aside},
};
use std::{
    process::{Command, ExitCode},
    thread,
};

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

/// What waits for leases and outages more than it works: over all stores at once.
const ASIDE: [(&str, &str); 2] =
    [("kill", "--rounds 1 --at-once 24"), ("race", "--outage --rounds 16 --away-s 6")];

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
    exit_code(program(name).args(arguments))
}

/// The step of `ci`: each program over each store is one check.
pub(crate) fn short(report: &mut Report) {
    for store in STORES {
        for race in RACES {
            judge(report, ("race", store, race), &run(&mut over("race", store, race)));
        }
    }
    // A process's memory does not outlive it, so there is nothing to kill.
    let aside = ASIDE.iter().flat_map(|(name, arguments)| STORES.map(|store| (*name, store, *arguments)));
    let aside: Vec<_> = aside.filter(|(name, store, _)| *name != "kill" || *store != "memory").collect();
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let run = |(name, store, arguments): &(&str, &str, &str)| {
            let mut command = over(name, store, arguments);
            scope.spawn(move || run_aside(&mut command))
        };
        let running: Vec<_> = aside.iter().map(run).collect();
        running.into_iter().map(|run| run.join().unwrap_or_default()).collect()
    });
    for (played, outcome) in aside.into_iter().zip(outcomes) {
        judge(report, played, &outcome);
    }
}

fn over(name: &str, store: &str, arguments: &str) -> Command {
    let mut command = program(name);
    command.args(["--store", store]).args(arguments.split_whitespace());
    command
}

fn judge(report: &mut Report, (name, store, arguments): (&str, &str, &str), outcome: &Outcome) {
    if outcome.code == Some(i32::from(SKIPPED)) {
        report.skip(format!("skipped: {name} over {store}: its server is not on this machine"), false);
        return;
    }
    report.check(outcome.success, || {
        format!("race; again alone: cargo xtask {name} --store {store} {arguments}")
    });
}
