//! `cargo xtask bench`: measures, shows a table and writes it to `target/bench`. To add a bench, write its function in a file
//! here and give it a line in [`BENCHES`].

mod worker_size;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::report::Stop;
use crate::suite::Context;
use crate::workspace::Workspace;

#[derive(Debug)]
struct Bench {
    name: &'static str,
    about: &'static str,
    unit: &'static str,
    run: fn(&Context<'_>) -> Result<Vec<Measurement>, Stop>,
}

const BENCHES: &[Bench] = &[Bench {
    name: "worker-size",
    about: "What the library adds to a Worker",
    unit: "bytes",
    run: worker_size::run,
}];

/// What one implementation took for one case, in the bench's unit.
#[derive(Debug)]
struct Measurement {
    implementation: &'static str,
    case: &'static str,
    median: u64,
    min: u64,
    max: u64,
    runs: usize,
}

impl Measurement {
    /// Of a size or count that is the same however often it is measured.
    fn exact(implementation: &'static str, case: &'static str, value: u64) -> Self {
        Self { implementation, case, median: value, min: value, max: value, runs: 1 }
    }
}

#[derive(Args, Debug)]
#[command(after_help = help())]
pub(crate) struct Options {
    /// Install what is missing with the system's package manager (apt-get)
    #[arg(long)]
    install_system: bool,
    /// The bench to run
    #[arg(value_name = "BENCH")]
    name: String,
}

pub(crate) fn bench(workspace: &Workspace, options: &Options) -> Result<(), String> {
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == options.name) else {
        let known: Vec<_> = BENCHES.iter().map(|bench| bench.name).collect();
        return Err(format!("no bench is called `{}`; there are {}", options.name, known.join(", ")));
    };
    let context = Context { workspace, install_system: options.install_system };
    let results = (bench.run)(&context).map_err(|stop| match stop {
        Stop::Skipped(why) | Stop::Failed(why) => format!("{}: {why}", bench.name),
    })?;
    println!("\n{}", table(bench, &results));
    let file = write(workspace, bench, &results).map_err(|error| format!("{}: {error}", bench.name))?;
    println!("written to {}", file.display());
    Ok(())
}

fn table(bench: &Bench, results: &[Measurement]) -> String {
    let unit = bench.unit;
    let head = format!(
        "{:20} {:12} {:>12} {:>12} {:>12} {:>5}  ({unit})\n",
        bench.name, "case", "median", "min", "max", "runs"
    );
    let rows = results.iter().map(|Measurement { implementation, case, median, min, max, runs }| {
        format!("{implementation:20} {case:12} {median:>12} {min:>12} {max:>12} {runs:>5}\n")
    });
    std::iter::once(head).chain(rows).collect()
}

fn write(workspace: &Workspace, bench: &Bench, results: &[Measurement]) -> std::io::Result<PathBuf> {
    let results: Vec<_> = results
        .iter()
        .map(|Measurement { implementation, case, median, min, max, runs }| {
            json!({ "impl": implementation, "case": case, "median": median, "min": min, "max": max, "runs": runs })
        })
        .collect();
    let report = json!({ "bench": bench.name, "unit": bench.unit, "results": results });
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join(bench.name).with_extension("json");
    fs::write(&file, format!("{report:#}\n"))?;
    Ok(file)
}

fn help() -> String {
    let lines = BENCHES.iter().map(|bench| format!("\n  {:12}  {}", bench.name, bench.about));
    format!("Benches:{}", lines.collect::<String>())
}
