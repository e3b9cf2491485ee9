//! What a run has brought: raw results in a file, figures in the last line.

use serde_json::{Map, Value, json};
use std::{
    env, fs,
    path::PathBuf,
    process::ExitCode,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// The report of a run.
#[derive(Debug)]
pub struct Report {
    program: &'static str,
    store: String,
    title: String,
    asked: usize,
    since: Instant,
    raw: Map<String, Value>,
    figures: Vec<Figure>,
}

/// A figure of the summary.
#[derive(Clone, Debug)]
pub struct Figure {
    name: String,
    value: String,
    reached: bool,
}

impl Figure {
    /// One that must hold.
    #[expect(clippy::needless_pass_by_value, reason = "figures are numbers and short texts")]
    pub fn new(name: impl Into<String>, value: impl ToString, reached: bool) -> Self {
        Self { name: name.into(), value: value.to_string(), reached }
    }

    /// One that must be zero.
    pub fn none(name: impl Into<String>, value: u64) -> Self {
        Self::new(name, value, value == 0)
    }

    /// One that is only told.
    pub fn told(name: impl Into<String>, value: impl ToString) -> Self {
        Self::new(name, value, true)
    }
}

impl Report {
    /// A run of this program, over this store, with what is played as its title.
    #[must_use]
    pub fn new(program: &'static str, store: &str, title: impl Into<String>, asked: usize) -> Self {
        let title = title.into();
        println!("{program} {store}, {title}: process {} plays", std::process::id());
        let (store, raw) = (store.to_owned(), Map::new());
        Self { program, store, title, asked, since: Instant::now(), raw, figures: Vec::new() }
    }

    /// Says something to who watches.
    pub fn say(&self, line: &str) {
        println!("{:7.1} s  {line}", self.since.elapsed().as_secs_f64());
    }

    /// Keeps something in the raw results.
    pub fn keep(&mut self, name: &str, value: impl Into<Value>) {
        self.raw.insert(name.to_owned(), value.into());
    }

    /// Adds figures to the summary.
    pub fn add(&mut self, figures: impl IntoIterator<Item = Figure>) {
        self.figures.extend(figures);
    }

    /// Writes the raw results, prints the summary as the last line, and says whether the figures are
    /// reached by as many rounds as were asked for.
    pub fn close(mut self, rounds: Vec<Value>) -> ExitCode {
        let (ran, seconds) = (rounds.len(), self.since.elapsed().as_secs_f64());
        let complete = ran >= self.asked && ran > 0;
        let reached = complete && self.figures.iter().all(|figure| figure.reached);
        let figures: Vec<String> = self
            .figures
            .iter()
            .map(|figure| {
                let mark = if figure.reached { "" } else { " (!)" };
                format!("{} {}{mark}", figure.name, figure.value)
            })
            .collect();
        let verdict = if reached { "reached" } else { "NOT reached" };
        let summary = format!(
            "{} {}, {}: {ran} of {} rounds in {seconds:.1} s: {}: {verdict}",
            self.program,
            self.store,
            self.title,
            self.asked,
            figures.join(", "),
        );
        self.keep("summary", summary.clone());
        self.keep("reached", reached);
        self.keep("seconds", seconds);
        self.keep("arguments", env::args().skip(1).collect::<Vec<_>>());
        self.keep("rounds", rounds);
        match self.write() {
            Ok(path) => println!("raw results: {}", path.display()),
            Err(error) => {
                println!("{summary}");
                println!("the raw results are not written: {error}: NOT reached");
                return ExitCode::FAILURE;
            }
        }
        println!("{summary}");
        if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn write(&self) -> std::io::Result<PathBuf> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        let folder = target.join("harness");
        fs::create_dir_all(&folder)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let path = folder.join(format!("{}-{}-{now}.json", self.program, self.store));
        fs::write(&path, serde_json::to_vec_pretty(&json!(self.raw))?)?;
        Ok(path)
    }
}

/// The sum of a number over all rounds.
#[must_use]
pub fn sum(rounds: &[Value], name: &str) -> u64 {
    rounds.iter().map(|round| round[name].as_u64().unwrap_or_default()).sum()
}

/// The highest of a number over all rounds.
#[must_use]
pub fn highest(rounds: &[Value], name: &str) -> u64 {
    rounds.iter().map(|round| round[name].as_u64().unwrap_or_default()).max().unwrap_or_default()
}
