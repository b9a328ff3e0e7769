//! The cost of signing an HLS playlist or a DASH manifest in a Worker: the CPU time of the workerd process
//! for a whole request, from reading the text through the bucket's binding to sending the answer, minus that
//! of a request that does nothing. The streaming Worker also checks a token. The floor is a Worker that reads
//! the playlist and answers with the same number of bytes, and signs nothing.

use super::table::{Measurement, OURS, Table};
use crate::context::Context;
use crate::report::Stop;
use crate::{command, install, worker};

const FOLDER: &str = "benches/playlist";

pub(super) fn run(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let workspace = context.workspace;
    let ours = worker::build(context, "examples/streaming-worker")?;
    let rusty_s3 = worker::build(context, "benches/playlist/rusty-s3")?;
    let aws4fetch = install::npm(context, FOLDER, "playlist")?;
    let packages = install::node(context)?.join("node_modules/.bin");

    let mut node = workspace.command(packages.join("node"));
    node.arg(workspace.root.join(FOLDER).join("measure.mjs")).arg(packages.join("workerd"));
    let floor = workspace.root.join(FOLDER);
    let workers = [(OURS, ours), ("rusty-s3", rusty_s3), ("aws4fetch", aws4fetch), ("floor", floor)];
    for (name, folder) in workers {
        node.arg(format!("{name}={}", folder.display()));
    }
    let results = Measurement::all_from_json(&command::read(&mut node)?)?;
    Ok(vec![Table { name: "playlist", unit: "microseconds of CPU per request", results }])
}
