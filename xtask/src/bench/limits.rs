//! How far a rate limit over Workers KV is exceeded, in the simulation from its documentation, and how fast a
//! lock is acquired and released against the local server, which accepts any number of writes to a key (R2
//! accepts one a second).

use serde::Deserialize;

use super::kv;
use super::table::{Measurement, OURS, Table};
use crate::command;
use crate::context::Context;
use crate::report::Stop;

/// One row of the simulation, with a value for each number of locations.
#[derive(Deserialize)]
struct Row {
    pattern: String,
    window: String,
    locations: Vec<u64>,
    overshoot_percent: Vec<u64>,
    overshoot_percent_shared_key: Vec<u64>,
}

pub(super) fn run(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let workspace = context.workspace;
    let mut simulate = workspace.cargo(["run", "--release", "--quiet", "--package", "cloudflare-clients"]);
    let simulated = command::read(simulate.args(["--example", "rate_limit_overshoot", "--", "--json"]))?;
    let rows: Vec<Row> = serde_json::from_str(&simulated)
        .map_err(|error| Stop::Failed(format!("the simulation did not print its rows: {error}")))?;
    Ok(vec![
        Table {
            name: "limits",
            unit: "percent let through beyond the limit, in the worst window",
            results: rows.iter().flat_map(Row::measurements).collect(),
        },
        Table {
            name: "locks",
            unit: "nanoseconds per acquisition and release",
            results: kv::measure(context, "locks")?,
        },
    ])
}

impl Row {
    fn measurements(&self) -> impl Iterator<Item = Measurement> {
        let Self { pattern, window, locations, overshoot_percent, overshoot_percent_shared_key } = self;
        locations.iter().zip(overshoot_percent.iter().zip(overshoot_percent_shared_key)).flat_map(
            move |(locations, (ours, shared))| {
                let case = format!("{pattern}, {window}, {locations} locations");
                [
                    Measurement::exact(OURS, case.clone(), *ours),
                    Measurement::exact("one shared key", case, *shared),
                ]
            },
        )
    }
}
