//! The cost of a presigned GET URL on this machine, with this library and with others: CPU time, and
//! instructions.
//!
//! Built as `cargo build --release` builds a user's program. The times use the machine's own SHA-256
//! instructions; `floor` is the hashing alone. Valgrind counts the instructions and does not support SHA-256
//! instructions, so all implementations hash in plain code there, which outweighs the rest: the difference
//! between an implementation and the floor is everything except hashing.

use std::path::Path;

use super::build::build;
use super::table::{Measurement, Table};
use crate::command;
use crate::context::Context;
use crate::install;
use crate::report::Stop;

const FOLDER: &str = "benches/sign";

/// Number of URLs that the program signs each time.
const URLS: u64 = 1200;

pub(super) fn run(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let workspace = context.workspace;
    let program = build(context, FOLDER, "sign-bench")?;

    let times = Measurement::all_from_json(&command::read(workspace.command(&program).arg("time"))?)?;
    let manifests = Measurement::all_from_json(&command::read(workspace.command(&program).arg("manifest"))?)?;
    install::system(context, "valgrind", "valgrind")?;
    let counts = times
        .iter()
        // Valgrind does not support SHA instructions, and without them the floors of several streams hash
        // nothing.
        .filter(|measured| !measured.implementation.starts_with("floor of"))
        .map(|Measurement { implementation, case, .. }| {
            // Both counts include the start and the first URLs.
            let [once, twice] =
                ["1", "2"].map(|times| instructions(context, &program, [implementation, case, times]));
            Ok(Measurement::exact(implementation, case, (twice? - once?) / URLS))
        })
        .collect::<Result<_, Stop>>()?;
    Ok(vec![
        Table { name: "sign", unit: "nanoseconds of CPU per URL", results: times },
        Table { name: "sign-manifest", unit: "nanoseconds of CPU per manifest", results: manifests },
        Table { name: "sign-instructions", unit: "instructions per URL", results: counts },
    ])
}

fn instructions(context: &Context<'_>, program: &Path, what: [&str; 3]) -> Result<u64, Stop> {
    let mut valgrind = context.workspace.command("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=1"]);
    let log = command::read(valgrind.arg(program).arg("run").args(what))?;
    let collected = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| Stop::Failed(format!("valgrind did not count instructions: {log}")))
}
