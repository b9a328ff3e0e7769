//! Parses the output of `cargo test` and nextest.

use std::process::Command;

use crate::command::run_and_read;
use crate::report::{Stop, Tally};

/// Runs all packages of the workspace with nextest.
pub(crate) fn nextest(mut command: Command) -> Result<Tally, Stop> {
    command.args(["--workspace", "--all-features", "--no-fail-fast"]);
    let (status, lines) = run_and_read(&mut command)?;
    let tally = nextest_summary(&lines);
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(Stop::Failed(format!("cargo nextest ended with {status}")))
    }
}

/// Runs all packages of the workspace, with these arguments for their tests.
pub(crate) fn cargo_test(mut command: Command, harness: &[&str]) -> Result<Tally, Stop> {
    command.args(["--workspace", "--all-features", "--no-fail-fast", "--"]).args(harness);
    libtest(command)
}

/// Runs a `cargo test` command.
pub(crate) fn libtest(mut command: Command) -> Result<Tally, Stop> {
    let (status, lines) = run_and_read(&mut command)?;
    let tally = libtest_results(&lines);
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(Stop::Failed(format!("cargo test ended with {status}")))
    }
}

/// Parses the line `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 3 skipped`. Tests
/// that nextest skips belong to another suite and are not counted.
fn nextest_summary(lines: &[String]) -> Tally {
    let counts = lines.iter().rev().find_map(|line| {
        let (before, counts) = line.split_once(" run: ")?;
        before.trim_start().starts_with("Summary [").then_some(counts)
    });
    let mut tally = Tally::default();
    for count in counts.unwrap_or_default().split(", ") {
        let Some((number, what)) = count.split_once(' ') else {
            continue;
        };
        let number = number.parse().unwrap_or(0);
        if what.starts_with("passed") {
            tally.passed += number;
        } else if ["failed", "timed out", "exec failed"].iter().any(|failed| what.starts_with(failed)) {
            tally.failed += number;
        }
    }
    tally
}

/// Parses every line `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in
/// 0.01s`. Ignored tests belong to another suite.
fn libtest_results(lines: &[String]) -> Tally {
    let mut tally = Tally::default();
    for counts in lines.iter().filter_map(|line| line.strip_prefix("test result: ")) {
        for count in counts.split([';', '.']) {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => tally.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => tally.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn nextest_counts_are_read() {
        let all = "  Summary [   0.010s] 3 tests run: 3 passed, 12 skipped";
        assert_eq!(nextest_summary(&lines(all)), Tally { passed: 3, failed: 0, skipped: 0 });
        let some = "  Summary [  61.2s] 9/10 tests run: 5 passed (1 slow, 1 leaky), 1 failed, 2 timed out, 1 skipped\n\
                    error: test run failed";
        assert_eq!(nextest_summary(&lines(some)), Tally { passed: 5, failed: 3, skipped: 0 });
        assert_eq!(nextest_summary(&lines("error: could not compile")), Tally::default());
    }

    #[test]
    fn libtest_counts_are_summed() {
        let output = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
                      test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.50s";
        assert_eq!(libtest_results(&lines(output)), Tally { passed: 7, failed: 3, skipped: 0 });
    }
}
