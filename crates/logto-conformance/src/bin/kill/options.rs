//! How much is played.

use logto_conformance::harness::Arguments;

pub(crate) const USAGE: &str = "\
usage: kill --store redis|postgres|sqlite [OPTION…]
  --rounds N        rounds for each step (3)
  --at-once S       rounds that overlap (8)
  --seed N          what random times begin with (1)";

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) store: String,
    /// For each step.
    pub(crate) rounds: usize,
    pub(crate) at_once: usize,
    pub(crate) seed: u64,
}

impl Options {
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let arguments = Arguments::parse(arguments, &["store", "rounds", "at-once", "seed"], &[])?;
        let options = Self {
            store: arguments.text("store").ok_or("--store is missing")?.to_owned(),
            rounds: arguments.number("rounds", 3)?,
            at_once: arguments.number("at-once", 8)?,
            seed: arguments.number("seed", 1)?,
        };
        if options.store == "memory" {
            return Err("what is kept in memory ends with its process: see `race`".to_owned());
        }
        if options.rounds == 0 || options.at_once == 0 {
            return Err("a number is out of range".to_owned());
        }
        Ok(options)
    }

    pub(crate) fn title(&self) -> String {
        format!("{} rounds a step, {} at once", self.rounds, self.at_once)
    }
}
