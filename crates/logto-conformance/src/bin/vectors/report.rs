//! What a file's rows came to.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// How a row ought to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    Accept,
    Refuse,
    /// Either is right, but a panic is not.
    Either,
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    rightly_accepted: usize,
    rightly_refused: usize,
    wrongly_accepted: Vec<String>,
    wrongly_rejected: Vec<String>,
    panics: Vec<String>,
    /// Rows whose token could not be built.
    unbuilt: Vec<String>,
    skipped: BTreeMap<String, usize>,
    slowest: Duration,
}

impl Report {
    /// Runs the verifier on a row; it says whether the token is accepted.
    pub(crate) fn judge(&mut self, id: &str, expect: Expect, accepts: impl FnOnce() -> bool) {
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(accepts));
        self.slowest = self.slowest.max(start.elapsed());
        match (outcome, expect) {
            (Err(_), _) => self.panics.push(id.to_owned()),
            (Ok(true), Expect::Refuse) => self.wrongly_accepted.push(id.to_owned()),
            (Ok(false), Expect::Accept) => self.wrongly_rejected.push(id.to_owned()),
            (Ok(true), _) => self.rightly_accepted += 1,
            (Ok(false), _) => self.rightly_refused += 1,
        }
    }

    /// The token of a row cannot be built: the row is not judged, and the file is not right.
    pub(crate) fn unbuilt(&mut self, id: &str, problem: &str) {
        self.unbuilt.push(format!("{id}: {problem}"));
    }

    /// Counts a row that holds what the client does not verify.
    pub(crate) fn skip(&mut self, kind: &str) {
        *self.skipped.entry(kind.to_owned()).or_default() += 1;
    }

    pub(crate) fn judged(&self) -> usize {
        let wrong = self.wrongly_accepted.len() + self.wrongly_rejected.len() + self.panics.len();
        self.rightly_accepted + self.rightly_refused + wrong
    }

    pub(crate) fn is_right(&self) -> bool {
        self.rightly_accepted + self.rightly_refused == self.judged() && self.unbuilt.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accepted, refused) = (self.rightly_accepted, self.rightly_refused);
        writeln!(f, "  judged: {} (rightly accepted {accepted}, rightly refused {refused})", self.judged())?;
        for (name, ids) in [
            ("wrongly accepted", &self.wrongly_accepted),
            ("wrongly rejected", &self.wrongly_rejected),
            ("panics", &self.panics),
        ] {
            write!(f, "  {name}: {}", ids.len())?;
            if !ids.is_empty() {
                write!(f, " ({})", ids.join(" "))?;
            }
            writeln!(f)?;
        }
        for row in &self.unbuilt {
            writeln!(f, "  cannot be built: {row}")?;
        }
        for (kind, count) in &self.skipped {
            writeln!(f, "  skipped: {count} {kind} (the client does not verify these)")?;
        }
        writeln!(f, "  slowest: {:.1} ms", self.slowest.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_outcome_and_every_panic_is_named() {
        let mut report = Report::default();
        report.judge("a", Expect::Accept, || true);
        report.judge("b", Expect::Refuse, || false);
        report.judge("c", Expect::Either, || true);
        report.judge("d", Expect::Either, || false);
        report.skip("logout_token");
        assert!(report.is_right());
        assert_eq!(report.judged(), 4);
        report.judge("e", Expect::Accept, || false);
        report.judge("f", Expect::Refuse, || true);
        report.judge("g", Expect::Refuse, || panic!("a planted panic"));
        report.judge("h", Expect::Either, || panic!("a planted panic"));
        assert!(!report.is_right());
        let text = report.to_string();
        for line in ["wrongly rejected: 1 (e)", "wrongly accepted: 1 (f)", "panics: 2 (g h)", "1 logout_token"] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn one_wrong_row_of_any_sort_is_enough() {
        for (expect, accepted) in [(Expect::Accept, false), (Expect::Refuse, true)] {
            let mut report = Report::default();
            report.judge("a", expect, || accepted);
            assert!(!report.is_right());
        }
        let mut report = Report::default();
        report.judge("a", Expect::Accept, || true);
        report.unbuilt("b", "the recipe is not understood");
        assert!(!report.is_right());
    }
}
