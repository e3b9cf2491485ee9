//! What is played, and how much of it.

use logto_conformance::{flow::RESOURCES, harness::Arguments};
use std::{ops::Range, time::Duration};

pub(crate) const USAGE: &str = "\
usage: race --store memory|redis|postgres|sqlite [MODE] [OPTION…]
  without a mode            parallel requests of one expired session
  --resources K             the same for K of 8 resources at once
options
  --processes P             processes (4; over memory always 1)
  --requests N              parallel requests at each process (50)
  --rounds R                rounds (20)
  --sessions-at-once S      rounds that overlap (16)
  --op-latency-ms A..B      how long a token call takes (0..1000)
  --leeway-s 0|3            for so long the provider takes a replaced refresh token again (0)
  --seed N                  what random times begin with (1)";

const VALUES: [&str; 9] = [
    "store",
    "processes",
    "requests",
    "rounds",
    "sessions-at-once",
    "op-latency-ms",
    "leeway-s",
    "seed",
    "resources",
];

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Parallel requests for access tokens.
    Tokens,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) store: String,
    pub(crate) processes: usize,
    /// At each process.
    pub(crate) requests: usize,
    pub(crate) rounds: usize,
    pub(crate) at_once: usize,
    pub(crate) latency: Range<Duration>,
    pub(crate) leeway: Duration,
    pub(crate) resources: usize,
    pub(crate) seed: u64,
}

impl Options {
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let arguments = Arguments::parse(arguments, &VALUES, &[])?;
        let store = arguments.text("store").ok_or("--store is missing")?.to_owned();
        let processes = if store == "memory" { 1 } else { arguments.number("processes", 4)? };
        let options = Self {
            mode: Mode::Tokens,
            store,
            processes,
            requests: arguments.number("requests", 50)?,
            rounds: arguments.number("rounds", 20)?,
            at_once: arguments.number("sessions-at-once", 16)?,
            latency: arguments.times("op-latency-ms", 0..1000)?,
            leeway: Duration::from_secs(arguments.number("leeway-s", 0)?),
            resources: arguments.number("resources", 1)?,
            seed: arguments.number("seed", 1)?,
        };
        let none = [options.processes, options.requests, options.rounds, options.at_once].contains(&0);
        if none || !(1..=RESOURCES.len()).contains(&options.resources) {
            return Err("a number is out of range".to_owned());
        }
        Ok(options)
    }

    /// The run of a naive client that comes first: enough of it to see whether the harness bites. It is
    /// forgiven nothing.
    pub(crate) fn naive(&self) -> Self {
        Self {
            rounds: self.rounds.min(self.at_once).min(8),
            requests: self.requests.min(25),
            leeway: Duration::ZERO,
            ..self.clone()
        }
    }

    pub(crate) fn title(&self) -> String {
        let what = match self.mode {
            Mode::Tokens if self.resources == 1 => "one resource".to_owned(),
            Mode::Tokens => format!("{} resources", self.resources),
        };
        format!(
            "{what}, {} processes x {} requests, {} sessions at once, provider {}..{} ms, leeway {} s",
            self.processes,
            self.requests,
            self.at_once,
            self.latency.start.as_millis(),
            self.latency.end.as_millis(),
            self.leeway.as_secs(),
        )
    }
}
