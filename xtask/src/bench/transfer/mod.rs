//! Whole transfers by this library and its command line, compared with other libraries and programs. Each run
//! is a separate process that `transfer-bench measure` watches from outside; all contenders take turns. Files
//! and stores are in memory, so that no disk is measured. Parts and ranges have 16 MiB, 8 in parallel; small
//! objects have 4 KiB, 32 in parallel.
//!
//! In the cases of the command line, our row is `cfstore`. The others are told to verify nothing, which is
//! their fastest mode; ours verifies what it transfers, except in the row that says so.

mod cases;
mod environment;
mod folder;
mod programs;
mod race;
mod s3s_fs;
mod servers;

use self::cases::{CASES, Case};
use self::folder::Folder;
use self::programs::Programs;
use self::race::Track;
use super::table::Table;
use crate::context::Context;
use crate::report::Stop;

pub(super) fn run(context: &Context<'_>, picked: &[String], runs: usize) -> Result<Vec<Table>, Stop> {
    let picked = pick(picked)?;
    let programs = Programs::ready(context)?;
    let folder = Folder::new()?;
    let track = Track { workspace: context.workspace, programs: &programs, folder: &folder, runs };
    let mut results = Vec::new();
    for case in picked {
        println!("{}: {}", case.name, case.about);
        match (case.run)(&track) {
            Ok(measured) => results.extend(measured),
            Err(Stop::Skipped(why)) => println!("{} is skipped: {why}", case.name),
            Err(failed) => return Err(failed),
        }
    }
    Ok(vec![Table { name: "transfer", unit: "as each case says", results }])
}

fn pick(names: &[String]) -> Result<Vec<&'static Case>, Stop> {
    if names.is_empty() {
        return Ok(CASES.iter().collect());
    }
    let find = |name: &String| {
        CASES.iter().find(|case| case.name == name).ok_or_else(|| {
            let known: Vec<_> = CASES.iter().map(|case| case.name).collect();
            Stop::Failed(format!("no case is called `{name}`; the cases are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}
