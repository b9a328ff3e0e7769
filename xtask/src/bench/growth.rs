//! How the cost of the embedded store's operations grows with the number of keys, compared with a plain
//! SQLite table, and a chart of it.

use std::fs;

use super::build::build;
use super::table::{Measurement, Table};
use crate::command;
use crate::context::Context;
use crate::report::Stop;

const KEYS: &str = "10000000";

pub(super) fn run(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let workspace = context.workspace;
    let program = build(context, "benches/growth", "growth-bench")?;
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder)
        .map_err(|error| Stop::Failed(format!("{} cannot be created: {error}", folder.display())))?;
    let chart = folder.join("growth.svg");
    let printed = command::read(workspace.command(program).arg(KEYS).arg(&chart))?;
    let mut lists = printed.lines().map(Measurement::all_from_json);
    let mut next =
        || lists.next().ok_or_else(|| Stop::Failed("the program printed too little".to_owned()))?;
    let (times, sizes) = (next()?, next()?);
    println!("drawn to {}", chart.display());
    Ok(vec![
        Table { name: "growth", unit: "nanoseconds per operation", results: times },
        Table { name: "growth-size", unit: "bytes", results: sizes },
    ])
}
