//! Python programs of `tests/interop`, which print one line per check.

use std::process::Command;

use crate::command::run_and_read;
use crate::report::{Stop, Tally};

/// Runs a driver and counts its checks.
pub(super) fn checks(driver: &str, python: &mut Command) -> Result<Tally, Stop> {
    let (status, lines) = run_and_read(python.env("PYTHONUNBUFFERED", "1"))?;
    let tally = results(&lines);
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(Stop::Failed(format!("{driver} ended with {status}")))
    }
}

/// Counts the lines `ok NAME`, `FAILED NAME: why` and `skipped NAME: why` of `checks.py`.
fn results(lines: &[String]) -> Tally {
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    Tally { passed: count("ok "), failed: count("FAILED "), skipped: count("skipped ") }
}
