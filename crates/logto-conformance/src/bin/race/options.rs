//! What is played, and how much of it.

use logto_conformance::{flow::RESOURCES, harness::Arguments};
use std::{ops::Range, time::Duration};

pub(crate) const USAGE: &str = "\
usage: race --store memory|redis|postgres|sqlite [MODE] [OPTION…]
  without a mode            parallel requests of one expired session
  --resources K             the same for K of 8 resources at once
  --callback                one callback 100 times in parallel, over 2 processes
  --sign-out                sign-outs against refreshes in flight and slow writers
  --outage                  the provider away for ten minutes of injected time, the store for 30 s; the
                            rounds are sessions
options
  --processes P             processes (4, or 2; over memory always 1)
  --requests N              parallel requests at each process (50)
  --rounds R                rounds (20, sign-outs 200)
  --sessions-at-once S      rounds that overlap (16, 8, 64)
  --op-latency-ms A..B      how long a token call takes (0..1000, 0..300, 0..60)
  --leeway-s 0|3            for so long the provider takes a replaced refresh token again (0)
  --away-s S                for so long the store is away (30)
  --seed N                  what random times begin with (1)";

const VALUES: [&str; 10] = [
    "store",
    "processes",
    "requests",
    "rounds",
    "sessions-at-once",
    "op-latency-ms",
    "leeway-s",
    "seed",
    "resources",
    "away-s",
];

const MODES: [(&str, Mode); 3] =
    [("callback", Mode::Callback), ("sign-out", Mode::SignOut), ("outage", Mode::Outage)];

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Parallel requests for access tokens.
    Tokens,
    /// Parallel callbacks.
    Callback,
    /// Sign-outs among refreshes and slow writers.
    SignOut,
    /// Outages under load.
    Outage,
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
    pub(crate) away: Duration,
    pub(crate) seed: u64,
}

/// What is played where nothing else is said.
struct Usual {
    processes: usize,
    requests: usize,
    rounds: usize,
    at_once: usize,
    /// Milliseconds.
    latency: u64,
}

impl Options {
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let arguments = Arguments::parse(arguments, &VALUES, &MODES.map(|(name, _)| name))?;
        let mut modes = MODES.into_iter().filter(|(name, _)| arguments.has(name)).map(|(_, mode)| mode);
        let mode = modes.next().unwrap_or(Mode::Tokens);
        if modes.next().is_some() {
            return Err("one mode at a time".to_owned());
        }
        let store = arguments.text("store").ok_or("--store is missing")?.to_owned();
        let usual = match mode {
            Mode::Tokens => Usual { processes: 4, requests: 50, rounds: 20, at_once: 16, latency: 1000 },
            Mode::Callback => Usual { processes: 2, requests: 50, rounds: 20, at_once: 8, latency: 300 },
            Mode::SignOut => Usual { processes: 2, requests: 6, rounds: 200, at_once: 64, latency: 60 },
            Mode::Outage => Usual { processes: 2, requests: 1, rounds: 64, at_once: 8, latency: 200 },
        };
        let processes = if store == "memory" { 1 } else { arguments.number("processes", usual.processes)? };
        // All callbacks together are as many on one process as on two.
        let requests = match mode {
            Mode::Callback => usual.requests * usual.processes / processes.max(1),
            _ => usual.requests,
        };
        let options = Self {
            mode,
            store,
            processes,
            requests: arguments.number("requests", requests)?,
            rounds: arguments.number("rounds", usual.rounds)?,
            at_once: arguments.number("sessions-at-once", usual.at_once)?,
            latency: arguments.times("op-latency-ms", 0..usual.latency)?,
            leeway: Duration::from_secs(arguments.number("leeway-s", 0)?),
            resources: arguments.number("resources", 1)?,
            away: Duration::from_secs(arguments.number("away-s", 30)?),
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
            away: self.away.min(Duration::from_secs(4)),
            ..self.clone()
        }
    }

    pub(crate) fn title(&self) -> String {
        let what = match self.mode {
            Mode::Tokens if self.resources == 1 => "one resource".to_owned(),
            Mode::Tokens => format!("{} resources", self.resources),
            Mode::Callback => "one callback".to_owned(),
            Mode::SignOut => "sign-out".to_owned(),
            Mode::Outage => {
                format!("provider and store away, {} sessions, 200 requests a second", self.rounds)
            }
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
