//! Workers in workerd, Cloudflare's runtime, with Miniflare's R2 behind their binding. Their drivers are the Node programs in
//! `tests/interop`.

use super::Context;
use crate::command::run_and_read;
use crate::report::{Stop, Tally};
use crate::{install, worker};

pub(crate) fn minimal(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "examples/minimal-worker", "minimal_worker.test.mjs", "MINIMAL_WORKER")
}

pub(crate) fn contract(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "tests/worker", "contract.test.mjs", "CONTRACT_WORKER")
}

pub(crate) fn streaming(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "examples/streaming-worker", "streaming_worker.test.mjs", "STREAMING_WORKER")
}

/// Builds a Worker and runs a driver, which finds it by an environment variable.
fn drive(context: &Context<'_>, worker: &str, driver: &str, variable: &str) -> Result<Tally, Stop> {
    let built = worker::build(context, worker)?;
    let packages = install::node(context)?;
    let mut node = context.workspace.command(packages.join("node_modules/.bin/node"));
    node.args(["--test", "--test-reporter=tap", driver]).current_dir(&packages).env(variable, built);
    let (status, lines) = run_and_read(&mut node)?;
    match tap_summary(&lines) {
        Some(tally) if status.success() || tally.failed > 0 => Ok(tally),
        _ => Err(Stop::Failed(format!("{driver} ended with {status} before its tests did"))),
    }
}

/// From the lines `# tests 5`, `# pass 3`, ... that end what Node's test runner writes. What a test prints is a comment too, so
/// the last block counts.
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
    fn the_readme_shows_the_minimal_worker_as_it_is() {
        let readme = include_str!("../../../README.md");
        let code = include_str!("../../../examples/minimal-worker/src/lib.rs");
        assert!(readme.contains(&format!("```rust,ignore\n{code}```\n")));
        assert!(code.lines().count() <= 20);
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
