//! Workers in workerd, Cloudflare's runtime, with Miniflare's R2 as their binding. Their drivers are the Node
//! programs in `tests/interop`.

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
    fn the_readme_shows_the_minimal_worker_as_it_is() {
        let readme = include_str!("../../../README.md");
        let code = include_str!("../../../examples/minimal-worker/src/lib.rs");
        assert!(readme.contains(&format!("```rust,ignore\n{code}```\n")));
        assert!(code.lines().count() <= 24);
    }
}
