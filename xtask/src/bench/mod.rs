//! `cargo xtask bench`: measures, shows a table and writes it to `target/bench`. To add a bench, write its function in a file
//! here and give it a line in [`BENCHES`].

mod kv;
mod limits;
mod playlist;
mod sign;
mod worker_size;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command;
use crate::report::Stop;
use crate::suite::Context;
use crate::workspace::Workspace;

#[derive(Debug)]
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Context<'_>) -> Result<Vec<Table>, Stop>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "worker-size", about: "What the library adds to a Worker", run: worker_size::run },
    Bench { name: "sign", about: "A presigned URL, beside other libraries", run: sign::run },
    Bench {
        name: "playlist",
        about: "A signed HLS playlist in workerd, beside other libraries",
        run: playlist::run,
    },
    Bench { name: "kv", about: "Workers KV over REST and embedded, beside other libraries", run: kv::run },
    Bench { name: "limits", about: "How exact rate limits are, and how fast locks", run: limits::run },
];

/// The name of what is ours in every bench.
const OURS: &str = "cloudflare-clients";

/// What was measured in one run, in one unit.
#[derive(Debug, Serialize)]
struct Table {
    /// Its file's name.
    #[serde(rename = "bench")]
    name: &'static str,
    unit: &'static str,
    results: Vec<Measurement>,
}

/// What one implementation took for one case.
#[derive(Debug, Serialize)]
struct Measurement {
    #[serde(rename = "impl")]
    implementation: String,
    case: String,
    median: u64,
    min: u64,
    max: u64,
    runs: usize,
}

/// What a program that measures prints as JSON, a list of these.
#[derive(Debug, Deserialize)]
struct Samples {
    #[serde(rename = "impl")]
    implementation: String,
    case: String,
    #[serde(rename = "samples")]
    values: Vec<u64>,
}

/// Builds a workspace of `benches` as users build theirs. Returns its program.
fn build(context: &Context<'_>, folder: &str, program: &str) -> Result<PathBuf, Stop> {
    let workspace = context.workspace;
    let target = workspace.target.join("benches");
    let mut build = workspace.cargo(["build", "--release", "--locked", "--quiet", "--target-dir"]);
    command::run(build.arg(&target).current_dir(workspace.root.join(folder)))?;
    Ok(target.join("release").join(program))
}

impl Measurement {
    /// Of a size or count that is the same however often it is measured.
    fn exact(implementation: impl Into<String>, case: impl Into<String>, value: u64) -> Self {
        let (implementation, case) = (implementation.into(), case.into());
        Self { implementation, case, median: value, min: value, max: value, runs: 1 }
    }

    fn all_from_json(json: &str) -> Result<Vec<Self>, Stop> {
        let all: Vec<Samples> = serde_json::from_str(json)
            .map_err(|error| Stop::Failed(format!("what was measured is no list of samples: {error}")))?;
        all.into_iter().map(Self::try_from).collect()
    }
}

impl TryFrom<Samples> for Measurement {
    type Error = Stop;

    fn try_from(Samples { implementation, case, mut values }: Samples) -> Result<Self, Stop> {
        values.sort_unstable();
        match values[..] {
            [min, .., max] => {
                let (median, runs) = (values[values.len() / 2], values.len());
                Ok(Self { implementation, case, median, min, max, runs })
            }
            _ => Err(Stop::Failed(format!("{implementation} {case} has fewer than two samples"))),
        }
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
    let tables = (bench.run)(&context).map_err(|stop| match stop {
        Stop::Skipped(why) | Stop::Failed(why) => format!("{}: {why}", bench.name),
    })?;
    for table in tables {
        println!("\n{}", table.text());
        let file = table.write(workspace).map_err(|error| format!("{}: {error}", table.name))?;
        println!("written to {}", file.display());
    }
    Ok(())
}

impl Table {
    fn text(&self) -> String {
        let width = self.results.iter().map(|row| row.case.len()).max().unwrap_or_default().max(12);
        let head = format!(
            "{:20} {:width$} {:>12} {:>12} {:>12} {:>5} {:>8}  ({})\n",
            self.name, "case", "median", "min", "max", "runs", "of ours", self.unit
        );
        let rows = self.results.iter().map(|row| {
            let Measurement { implementation, case, median, min, max, runs } = row;
            let ratio = self.of_ours(row).map(|ratio| format!("{ratio:.2}x")).unwrap_or_default();
            format!(
                "{implementation:20} {case:width$} {median:>12} {min:>12} {max:>12} {runs:>5} {ratio:>8}\n"
            )
        });
        std::iter::once(head).chain(rows).collect()
    }

    /// How many times our median of the same case.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for readers")]
    fn of_ours(&self, row: &Measurement) -> Option<f64> {
        let mut ours =
            self.results.iter().filter(|ours| ours.implementation == OURS && ours.case == row.case);
        ours.next().map(|ours| row.median as f64 / ours.median as f64)
    }

    fn write(&self, workspace: &Workspace) -> std::io::Result<PathBuf> {
        let folder = workspace.target.join("bench");
        fs::create_dir_all(&folder)?;
        let file = folder.join(self.name).with_extension("json");
        fs::write(&file, format!("{:#}\n", json!(self)))?;
        Ok(file)
    }
}

fn help() -> String {
    let lines = BENCHES.iter().map(|bench| format!("\n  {:12}  {}", bench.name, bench.about));
    format!("Benches:{}", lines.collect::<String>())
}
