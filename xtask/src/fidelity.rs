//! Fidelity: the emulator beside recordings of a real server, by the program `fidelity`.

use crate::{
    report::Report,
    run::{cargo, exit_code, run},
};
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// Where recordings may lie, beside the project.
const RECORDINGS: &str = "../shared/fixtures/logto";

fn program() -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "logto-conformance", "--bin", "fidelity", "--"]);
    command
}

/// `cargo xtask fidelity FOLDER`: the exit code of the program.
pub(crate) fn compare(arguments: &[&str]) -> ExitCode {
    exit_code(program().args(arguments))
}

/// The step of `ci`: one check over all recordings.
pub(crate) fn beside(report: &mut Report) {
    if !Path::new(RECORDINGS).is_dir() {
        let reason = "the recordings are not beside the project";
        report.skip(format!("skipped: fidelity of {RECORDINGS}: {reason}"), false);
        return;
    }
    let outcome = run(program().arg(RECORDINGS));
    report.check(outcome.success, || format!("fidelity; again alone: cargo xtask fidelity {RECORDINGS}"));
}
