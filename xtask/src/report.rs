//! The report: one row per check or suite, then the line that CI reads.

use std::fmt;
use std::io;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

/// The results of the tests of a suite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    pub(crate) const ONE_PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Why a check or suite has no tally. It counts as one test that was skipped or failed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A requirement is missing on this machine.
    Skipped(String),
    Failed(String),
}

impl Stop {
    pub(crate) fn failed(what: &str, error: &io::Error) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    outcome: Result<Tally, Stop>,
    time: Duration,
}

impl Row {
    fn tally(&self) -> Tally {
        match &self.outcome {
            Ok(tally) => *tally,
            Err(Stop::Skipped(_)) => Tally { skipped: 1, ..Tally::default() },
            Err(Stop::Failed(_)) => Tally { failed: 1, ..Tally::default() },
        }
    }

    fn verdict(&self) -> &'static str {
        match self.tally() {
            Tally { failed: 1.., .. } => "FAILED",
            Tally { skipped: 1.., passed: 0, .. } => "skipped",
            _ => "passed",
        }
    }

    fn note(&self) -> String {
        match &self.outcome {
            Ok(tally) => tally.to_string(),
            Err(Stop::Skipped(reason) | Stop::Failed(reason)) => reason.clone(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn run(&mut self, name: &'static str, job: impl FnOnce() -> Result<Tally, Stop>) {
        println!("\n=== {name} ===");
        let started = Instant::now();
        let outcome = job();
        let row = Row { name, outcome, time: started.elapsed() };
        println!("--- {name}: {}: {}", row.verdict(), row.note());
        self.rows.push(row);
    }

    pub(crate) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for row in &self.rows {
            total += row.tally();
        }
        total
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        for row in &self.rows {
            let (name, verdict, seconds) = (row.name, row.verdict(), row.time.as_secs_f64());
            writeln!(f, "{name:width$}  {verdict:7}  {seconds:7.1} s  {}", row.note())?;
        }
        write!(f, "{}", self.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_without_a_tally_counts_as_one_test() {
        let mut report = Report::default();
        report.run("a", || Ok(Tally { passed: 3, failed: 1, skipped: 2 }));
        report.run("b", || Err(Stop::Skipped("no rclone".into())));
        report.run("c", || Err(Stop::Failed("does not compile".into())));
        assert_eq!(report.total(), Tally { passed: 3, failed: 2, skipped: 3 });
        let shown = report.to_string();
        assert_eq!(shown.lines().last(), Some("3 passed, 2 failed, 3 skipped"));
        assert!(shown.contains("no rclone") && shown.contains("does not compile"));
    }
}
