//! The playlists of `tests/playlists`, signed by the library's tests, in the parsers of players.

use std::fs;

use super::{node, rust};
use crate::context::Context;
use crate::report::{Stop, Tally};

const DRIVER: &str = "corpus.test.mjs";

pub(crate) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    let signed = workspace.installed("scratch").join(DRIVER);
    if signed.exists() {
        fs::remove_dir_all(&signed).map_err(|error| Stop::failed(&signed.display().to_string(), &error))?;
    }
    let mut tally = rust::corpus(workspace, &signed)?;
    if tally.failed == 0 {
        tally += node::tests(context, DRIVER, |node| {
            node.env("CORPUS", workspace.root.join("tests/playlists")).env("CORPUS_SIGNED", &signed);
        })?;
    }
    Ok(tally)
}
