//! Workers KV's operations with this library and with others: over REST against the local server, and
//! embedded.

use super::build::build;
use super::table::{Measurement, Table};
use crate::command;
use crate::context::Context;
use crate::report::Stop;

const FOLDER: &str = "benches/kv";

pub(super) fn run(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let rest = measure(context, "rest")?;
    let embedded = measure(context, "embedded")?;
    Ok(vec![
        Table { name: "kv", unit: "nanoseconds per key over REST, 32 at once", results: rest },
        Table { name: "kv-embedded", unit: "nanoseconds per key", results: embedded },
    ])
}

/// Runs one part of the program.
pub(super) fn measure(context: &Context<'_>, what: &str) -> Result<Vec<Measurement>, Stop> {
    let program = build(context, FOLDER, "kv-bench")?;
    Measurement::all_from_json(&command::read(context.workspace.command(program).arg(what))?)
}
