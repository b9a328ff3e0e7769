//! Tests written in Rust.

use std::path::Path;
use std::process::Command;

use crate::command::{on_path, run_and_read};
use crate::context::Context;
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

/// Every test but those against a server that is not ours.
pub(crate) fn unit(context: &Context<'_>) -> Result<Tally, Stop> {
    if on_path("cargo-nextest") {
        nextest(context.workspace.cargo(["nextest", "run", "-E", "not binary(simulator)"]))
    } else {
        // The simulator's tests are ignored unless they are asked for.
        cargo_test(context.workspace.cargo(["test", "--all-targets"]), &[])
    }
}

pub(crate) fn doc(context: &Context<'_>) -> Result<Tally, Stop> {
    cargo_test(context.workspace.cargo(["test", "--doc"]), &[])
}

/// The others, of `tests/library/tests/simulator.rs`. They are `#[ignore]`d, so that a plain `cargo test`
/// passes where there is no simulator.
pub(super) fn simulator(workspace: &Workspace, environment: &[(&str, String)]) -> Result<Tally, Stop> {
    let with_environment = |mut command: Command| {
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command
    };
    if on_path("cargo-nextest") {
        let arguments = ["nextest", "run", "--run-ignored", "all", "-E", "binary(simulator)"];
        nextest(with_environment(workspace.cargo(arguments)))
    } else {
        let command = with_environment(workspace.cargo(["test", "--test", "simulator"]));
        cargo_test(command, &["--include-ignored"])
    }
}

/// The tests of a package whose names begin so, which are `#[ignore]`d because they take long. They say which
/// seed they have.
pub(super) fn ignored(workspace: &Workspace, package: &str, names: &str) -> Result<Tally, Stop> {
    let mut command = workspace.cargo(["test", "--all-features", "--package", package, "--tests", "--"]);
    command.args([names, "--ignored", "--nocapture", "--test-threads", "1"]);
    libtest(command)
}

/// The library's own tests whose names begin so, without features, for another target. Of the environment,
/// the names are those of [Cargo's](https://doc.rust-lang.org/cargo/reference/environment-variables.html) for
/// the target.
pub(super) fn for_target(
    workspace: &Workspace,
    target: &str,
    environment: &[(&str, &str)],
    names: &str,
) -> Result<Tally, Stop> {
    let mut command = workspace.cargo(["test", "--package", "cloudflare-clients", "--lib"]);
    command.args(["--no-default-features", "--target", target, "--", names]);
    let prefix = format!("CARGO_TARGET_{}", target.replace('-', "_").to_uppercase());
    command.envs(environment.iter().map(|(name, value)| (format!("{prefix}_{name}"), value)));
    libtest(command)
}

/// Those of `tests/playlists`, which write what they sign into a folder.
pub(super) fn corpus(workspace: &Workspace, signed: &Path) -> Result<Tally, Stop> {
    let mut command = workspace.cargo(["test", "--test", "it"]);
    command.env("CORPUS_SIGNED", signed);
    cargo_test(command, &["corpus::"])
}

fn nextest(mut command: Command) -> Result<Tally, Stop> {
    command.args(["--workspace", "--all-features", "--no-fail-fast"]);
    let (status, lines) = run_and_read(&mut command)?;
    let tally = nextest_summary(&lines);
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(Stop::Failed(format!("cargo nextest ended with {status}")))
    }
}

fn cargo_test(mut command: Command, harness: &[&str]) -> Result<Tally, Stop> {
    command.args(["--workspace", "--all-features", "--no-fail-fast", "--"]).args(harness);
    libtest(command)
}

pub(super) fn libtest(mut command: Command) -> Result<Tally, Stop> {
    let (status, lines) = run_and_read(&mut command)?;
    let tally = libtest_results(&lines);
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(Stop::Failed(format!("cargo test ended with {status}")))
    }
}

/// From the line `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 3 skipped`. What
/// nextest skipped is what it was told to leave to another suite, and so is not counted.
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

/// From every line `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in
/// 0.01s`. What is ignored belongs to another suite.
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
