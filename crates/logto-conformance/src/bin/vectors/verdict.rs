//! What was expected, what was found, and the report.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// A row may take so long.
const LONGEST: Duration = Duration::from_millis(10);
/// So often a row that took longer is timed again: a machine that was busy is no slow verifier.
const TIMINGS: usize = 8;

/// What the verifier did with the rows of a file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    accepted: usize,
    refused: usize,
    wrongly_accepted: Vec<String>,
    wrongly_rejected: Vec<String>,
    panics: Vec<String>,
    too_slow: Vec<String>,
    slowest: Option<(Duration, String)>,
    /// How many rows were left out, by reason.
    skipped: BTreeMap<String, usize>,
}

impl Report {
    /// Judges one row: `accept` is what is right.
    pub(crate) fn judge<E>(&mut self, id: &str, accept: bool, verify: impl Fn() -> Result<(), E>) {
        self.look(id, Some(accept), verify);
    }

    /// Judges a row that may be accepted or refused: it must end, and in time.
    pub(crate) fn either<E>(&mut self, id: &str, verify: impl Fn() -> Result<(), E>) {
        self.look(id, None, verify);
    }

    fn look<E>(&mut self, id: &str, accept: Option<bool>, verify: impl Fn() -> Result<(), E>) {
        let timed = || {
            let since = Instant::now();
            (catch_unwind(AssertUnwindSafe(|| verify().is_ok())), since.elapsed())
        };
        let (outcome, mut took) = timed();
        for _ in 1..TIMINGS {
            if took <= LONGEST || outcome.is_err() {
                break;
            }
            took = took.min(timed().1);
        }
        match outcome {
            Ok(accepted) => {
                self.time(id, took);
                if accepted {
                    self.accepted += 1;
                } else {
                    self.refused += 1;
                }
                match (accepted, accept) {
                    (true, Some(false)) => self.wrongly_accepted.push(id.to_owned()),
                    (false, Some(true)) => self.wrongly_rejected.push(id.to_owned()),
                    _ => {}
                }
            }
            Err(_) => self.panics.push(id.to_owned()),
        }
    }

    fn time(&mut self, id: &str, took: Duration) {
        if took > LONGEST {
            self.too_slow.push(id.to_owned());
        }
        if self.slowest.as_ref().is_none_or(|(slowest, _)| took > *slowest) {
            self.slowest = Some((took, id.to_owned()));
        }
    }

    pub(crate) fn skip(&mut self, reason: impl Into<String>) {
        *self.skipped.entry(reason.into()).or_default() += 1;
    }

    pub(crate) fn judged(&self) -> usize {
        self.accepted + self.refused + self.panics.len()
    }

    pub(crate) fn is_right(&self) -> bool {
        self.wrong() == 0 && self.too_slow.is_empty()
    }

    fn wrong(&self) -> usize {
        self.wrongly_accepted.len() + self.wrongly_rejected.len() + self.panics.len()
    }
}

/// The last line: all files together.
pub(crate) fn summary(reports: &[Report]) -> String {
    let judged: usize = reports.iter().map(Report::judged).sum();
    let wrong: usize = reports.iter().map(Report::wrong).sum();
    let panics: usize = reports.iter().map(|report| report.panics.len()).sum();
    let slow: usize = reports.iter().map(|report| report.too_slow.len()).sum();
    format!(
        "vectors: {} of {judged} right in {} files, {panics} panics, {slow} over {} ms",
        judged - wrong,
        reports.len(),
        LONGEST.as_millis()
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[String]| {
            if ids.is_empty() { "0".to_owned() } else { format!("{} ({})", ids.len(), ids.join(" ")) }
        };
        writeln!(
            f,
            "  total             {}: {} accepted, {} refused",
            self.judged(),
            self.accepted,
            self.refused
        )?;
        writeln!(f, "  wrongly accepted  {}", list(&self.wrongly_accepted))?;
        writeln!(f, "  wrongly rejected  {}", list(&self.wrongly_rejected))?;
        writeln!(f, "  panics            {}", list(&self.panics))?;
        writeln!(f, "  over {} ms        {}", LONGEST.as_millis(), list(&self.too_slow))?;
        if let Some((took, id)) = &self.slowest {
            writeln!(f, "  slowest           {:.1} ms ({id})", took.as_secs_f64() * 1e3)?;
        }
        write!(f, "  skipped           {}", self.skipped.values().sum::<usize>())?;
        for (reason, number) in &self.skipped {
            write!(f, "\n    {number} {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_wrong_verdict_and_a_panic_are_named() {
        let mut report = Report::default();
        report.judge("good", true, || Ok::<(), ()>(()));
        report.judge("bad", false, || Err(()));
        assert!(report.is_right() && report.judged() == 2);
        report.judge("let-in", false, || Ok::<(), ()>(()));
        assert!(!report.is_right() && report.to_string().contains("wrongly accepted  1 (let-in)"));
        let mut report = Report::default();
        report.judge("shut-out", true, || Err(()));
        assert!(!report.is_right() && report.to_string().contains("wrongly rejected  1 (shut-out)"));
        let mut report = Report::default();
        report.judge("crash", false, || -> Result<(), ()> { panic!("planted") });
        assert!(!report.is_right() && report.to_string().contains("panics            1 (crash)"));
        let told = summary(&[report, Report::default()]);
        assert_eq!(told, "vectors: 0 of 1 right in 2 files, 1 panics, 0 over 10 ms");
    }

    #[test]
    fn what_may_go_either_way_is_wrong_only_where_it_panics() {
        let mut report = Report::default();
        report.either("in", || Ok::<(), ()>(()));
        report.either("out", || Err(()));
        assert!(report.is_right() && report.judged() == 2);
        report.either("crash", || -> Result<(), ()> { panic!("planted") });
        assert!(!report.is_right());
    }

    #[test]
    fn a_slow_row_is_wrong_and_one_that_was_slow_once_is_not() {
        let mut report = Report::default();
        let calls = Cell::new(0);
        report.judge("once", false, || {
            calls.set(calls.get() + 1);
            if calls.get() == 1 {
                spin();
            }
            Err(())
        });
        assert!(report.is_right(), "{report}");
        report.judge("always", false, || {
            spin();
            Err(())
        });
        assert!(
            !report.is_right() && report.to_string().contains("over 10 ms        1 (always)"),
            "{report}"
        );
    }

    fn spin() {
        let since = Instant::now();
        while since.elapsed() <= LONGEST + Duration::from_millis(1) {
            std::hint::spin_loop();
        }
    }
}
