//! What passed, failed and was left out; closes with the line that tells.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// The results of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    skips: Vec<String>,
    failures: Vec<String>,
    times: Vec<(&'static str, Duration)>,
    since: Instant,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            passed: 0,
            failed: 0,
            skips: Vec::new(),
            failures: Vec::new(),
            times: Vec::new(),
            since: Instant::now(),
        }
    }

    /// One check that is no test of the harness.
    pub(crate) fn check(&mut self, right: bool, failure: impl FnOnce() -> String) {
        if right {
            self.passed += 1;
        } else {
            self.failed += 1;
            self.failures.push(failure());
        }
    }

    /// Tests of the harness.
    pub(crate) fn tests(&mut self, passed: usize, failed: usize, failure: impl FnOnce() -> String) {
        self.passed += passed;
        self.failed += failed;
        if failed > 0 {
            self.failures.push(failure());
        }
    }

    /// What was left out, and why; `counted` where the harness took it for passed.
    pub(crate) fn skip(&mut self, what: String, counted: bool) {
        if counted {
            self.passed = self.passed.saturating_sub(1);
        }
        self.skips.push(what);
    }

    pub(crate) fn time(&mut self, step: &'static str, took: Duration) {
        self.times.push((step, took));
    }

    /// Prints everything, the count last.
    pub(crate) fn close(self) -> ExitCode {
        println!();
        for (step, took) in &self.times {
            println!("{step:<10} {:>6.1} s", took.as_secs_f64());
        }
        println!("{:<10} {:>6.1} s", "together", self.since.elapsed().as_secs_f64());
        for skip in &self.skips {
            println!("{skip}");
        }
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skips.len());
        if self.failed == 0 && self.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
