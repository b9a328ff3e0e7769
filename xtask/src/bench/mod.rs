//! `cargo xtask bench`: measures, shows a table and writes it to `target/bench`. To add a bench, write its function in a file
//! here and give it a line in [`BENCHES`].

mod build;
mod kv;
mod limits;
mod playlist;
mod sign;
mod table;
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

fn help() -> String {
    let lines = BENCHES.iter().map(|bench| format!("\n  {:12}  {}", bench.name, bench.about));
    format!("Benches:{}", lines.collect::<String>())
}
