//! Workers in workerd, Cloudflare's runtime, with Miniflare's R2 as their binding. Their drivers are the
//! Node programs in `tests/interop`.

use super::node;
use crate::context::Context;
use crate::report::{Stop, Tally};
use crate::worker;

pub(crate) fn minimal(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "examples/minimal-worker", "minimal_worker.test.mjs", "MINIMAL_WORKER")
}

pub(crate) fn contract(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "tests/worker", "contract.test.mjs", "CONTRACT_WORKER")
}

pub(crate) fn streaming(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "examples/streaming-worker", "streaming_worker.test.mjs", "STREAMING_WORKER")
}

/// Builds a Worker and runs a driver, which gets its path in an environment variable.
fn drive(context: &Context<'_>, worker: &str, driver: &str, variable: &str) -> Result<Tally, Stop> {
    let built = worker::build(context, worker)?;
    node::tests(context, driver, |node| {
        node.env(variable, built);
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_guide_shows_the_minimal_worker_as_it_is() {
        let guide = include_str!("../../../crates/cloudflare-clients/docs/in-a-worker.md");
        let code = include_str!("../../../examples/minimal-worker/src/lib.rs");
        assert!(guide.contains(&format!("```rust,ignore\n{code}```\n")));
    }

    #[test]
    fn the_readmes_worker_is_an_excerpt_of_the_minimal_worker() {
        let readme = include_str!("../../../README.md");
        let code = include_str!("../../../examples/minimal-worker/src/lib.rs");
        let (_, rest) = readme.split_once("```rust,ignore\n").expect("the README has a Worker");
        let (excerpt, _) = rest.split_once("```\n").expect("the Worker ends");
        assert!(excerpt.lines().count() <= 15);
        assert!(code.lines().count() <= 24);
        for line in excerpt.lines().map(str::trim).filter(|line| !line.starts_with("use ")) {
            assert!(code.contains(line), "examples/minimal-worker has no line {line}");
        }
    }
}
