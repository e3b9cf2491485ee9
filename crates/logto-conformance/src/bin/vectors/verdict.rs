//! What was expected, what was found, and the report.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What the verifier did with the rows of a file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    accepted: usize,
    refused: usize,
    wrongly_accepted: Vec<String>,
    wrongly_rejected: Vec<String>,
    panics: Vec<String>,
    /// How many rows were left out, by reason.
    skipped: BTreeMap<String, usize>,
}

impl Report {
    /// Judges one row: `accept` is what is right.
    pub(crate) fn judge<E>(&mut self, id: &str, accept: bool, verify: impl FnOnce() -> Result<(), E>) {
        match catch_unwind(AssertUnwindSafe(|| verify().is_ok())) {
            Ok(accepted) => {
                if accepted {
                    self.accepted += 1;
                } else {
                    self.refused += 1;
                }
                match (accepted, accept) {
                    (true, false) => self.wrongly_accepted.push(id.to_owned()),
                    (false, true) => self.wrongly_rejected.push(id.to_owned()),
                    _ => {}
                }
            }
            Err(_) => self.panics.push(id.to_owned()),
        }
    }

    pub(crate) fn skip(&mut self, reason: impl Into<String>) {
        *self.skipped.entry(reason.into()).or_default() += 1;
    }

    pub(crate) fn judged(&self) -> usize {
        self.accepted + self.refused + self.panics.len()
    }

    pub(crate) fn is_right(&self) -> bool {
        self.wrongly_accepted.is_empty() && self.wrongly_rejected.is_empty() && self.panics.is_empty()
    }
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
    }
}
