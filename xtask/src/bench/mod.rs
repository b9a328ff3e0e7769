//! `cargo xtask bench`: measures, prints a table and writes it to `target/bench`. To add a bench, add its
//! function in a file here and a line in [`BENCHES`].

mod build;
mod growth;
mod kv;
mod limits;
mod playlist;
mod sign;
mod table;
mod transfer;
mod worker_size;

use clap::Args;

use self::table::Table;
use crate::context::Context;
use crate::report::Stop;
use crate::workspace::Workspace;

#[derive(Debug)]
struct Bench {
    name: &'static str,
    about: &'static str,
    run: Run,
}

type Measured = Result<Vec<Table>, Stop>;

#[derive(Debug)]
enum Run {
    Whole(fn(&Context<'_>) -> Measured),
    /// A bench with cases that can be selected by name.
    Cases(fn(&Context<'_>, cases: &[String], runs: usize) -> Measured),
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "worker-size",
        about: "What the library adds to a Worker",
        run: Run::Whole(worker_size::run),
    },
    Bench {
        name: "sign",
        about: "A presigned URL, compared with other libraries",
        run: Run::Whole(sign::run),
    },
    Bench {
        name: "playlist",
        about: "A signed playlist in workerd, HLS or DASH, compared with other libraries",
        run: Run::Whole(playlist::run),
    },
    Bench {
        name: "kv",
        about: "Workers KV over REST and embedded, compared with other libraries",
        run: Run::Whole(kv::run),
    },
    Bench {
        name: "growth",
        about: "The embedded store with up to 10,000,000 keys: needs 6 GiB and ten minutes",
        run: Run::Whole(growth::run),
    },
    Bench {
        name: "limits",
        about: "The precision of rate limits, and the speed of locks",
        run: Run::Whole(limits::run),
    },
    Bench {
        name: "transfer",
        about: "Uploads and downloads of files, compared with other libraries and programs; CASE selects cases",
        run: Run::Cases(transfer::run),
    },
];

#[derive(Args, Debug)]
#[command(after_help = help())]
pub(crate) struct Options {
    /// Install missing tools with the system's package manager (apt-get)
    #[arg(long)]
    install_system: bool,
    /// The bench to run
    #[arg(value_name = "BENCH")]
    name: String,
    /// The cases to measure; all by default
    #[arg(value_name = "CASE")]
    cases: Vec<String>,
    /// Number of times that each case is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..))]
    runs: u8,
}

pub(crate) fn bench(workspace: &Workspace, options: &Options) -> Result<(), String> {
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == options.name) else {
        let known: Vec<_> = BENCHES.iter().map(|bench| bench.name).collect();
        return Err(format!("no bench is called `{}`; the benches are {}", options.name, known.join(", ")));
    };
    let context = Context { workspace, install_system: options.install_system };
    let tables = match bench.run {
        Run::Whole(_) if !options.cases.is_empty() => {
            return Err(format!("{} has no cases to select", bench.name));
        }
        Run::Whole(run) => run(&context),
        Run::Cases(run) => run(&context, &options.cases, options.runs.into()),
    };
    let tables = tables.map_err(|stop| match stop {
        Stop::Skipped(why) | Stop::Failed(why) => format!("{}: {why}", bench.name),
    })?;
    for table in tables {
        println!("\n{}", table.text());
        let file = table.write(workspace).map_err(|error| format!("{}: {error}", table.name))?;
        println!("written to {}", file.display());
    }
    Ok(())
}

fn help() -> String {
    let lines = BENCHES.iter().map(|bench| format!("\n  {:12}  {}", bench.name, bench.about));
    format!("Benches:{}", lines.collect::<String>())
}
