//! Node programs of `tests/interop` that Node's own test runner runs.

use std::process::Command;

use crate::command::run_and_read;
use crate::context::Context;
use crate::install;
use crate::report::{Stop, Tally};

/// Runs a driver. `prepare` sets its environment.
pub(super) fn tests(
    context: &Context<'_>,
    driver: &str,
    prepare: impl FnOnce(&mut Command),
) -> Result<Tally, Stop> {
    let packages = install::node(context)?;
    let mut node = context.workspace.command(packages.join("node_modules/.bin/node"));
    node.current_dir(&packages);
    prepare(&mut node);
    run_tests(node, driver)
}

/// Runs a driver with this Node command, whose folder and environment are set.
pub(super) fn run_tests(mut node: Command, driver: &str) -> Result<Tally, Stop> {
    let (status, lines) = run_and_read(node.args(["--test", "--test-reporter=tap", driver]))?;
    match tap_summary(&lines) {
        Some(tally) if status.success() || tally.failed > 0 => Ok(tally),
        _ => Err(Stop::Failed(format!("{driver} ended with {status} before its tests did"))),
    }
}

/// Parses the lines `# tests 5`, `# pass 3`, ... at the end of the output of Node's test runner. Output of a
/// test can be a comment too, so the last block counts.
fn tap_summary(lines: &[String]) -> Option<Tally> {
    let start = lines.iter().rposition(|line| line.starts_with("# tests "))?;
    let count = |what: &str| {
        let mut counts = lines[start..].iter().filter_map(|line| line.strip_prefix("# ")?.strip_prefix(what));
        counts.find_map(|number| number.trim().parse::<usize>().ok())
    };
    Some(Tally {
        passed: count("pass ")?,
        failed: count("fail ")? + count("cancelled ")?,
        skipped: count("skipped ")? + count("todo ")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_last_summary_counts() {
        let output = "# tests 1\n# pass 9\nok 1 - a\n1..8\n# tests 8\n# suites 0\n# pass 1\n# fail 2\n# cancelled 3\n# skipped 1\n\
                      # todo 1\n# duration_ms 44.2";
        assert_eq!(tap_summary(&lines(output)), Some(Tally { passed: 1, failed: 5, skipped: 2 }));
        assert_eq!(tap_summary(&lines("TAP version 13\n# tests 1\n# pass 1")), None);
        assert_eq!(tap_summary(&lines("TAP version 13\nok 1 - a")), None);
    }
}
