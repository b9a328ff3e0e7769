//! The static programs: their size, their start times, and a demo without any files of the system.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{self, on_path, read};
use crate::context::Context;
use crate::dist::{self, Binary};
use crate::report::{Stop, Tally};
use crate::server::Server;

/// Maximum size in bytes. A commit that raises it gives the reason.
const MAX_SIZE: u64 = 11_500_000;

/// How often a program is started. The minimum is the least disturbed by other processes.
const STARTS: usize = 50;

type Test = fn(&Context<'_>, &Binary) -> Result<(), Stop>;

const TESTS: [(&str, Test); 4] =
    [("size", size), ("demo", demo), ("start", start), ("start of the server", start_of_server)];

pub(crate) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    let mut tally = Tally::default();
    for binary in dist::static_programs(context)? {
        for (name, test) in TESTS {
            match test(context, &binary) {
                Ok(()) => tally.passed += 1,
                Err(Stop::Skipped(why)) => {
                    println!("{}: {name}: skipped: {why}", binary.target);
                    tally.skipped += 1;
                }
                Err(Stop::Failed(why)) => {
                    println!("{}: {name}: {why}", binary.target);
                    tally.failed += 1;
                }
            }
        }
    }
    Ok(tally)
}

fn size(_: &Context<'_>, binary: &Binary) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::failed(&binary.path.display().to_string(), &error);
    let size = fs::metadata(&binary.path).map_err(failed)?.len();
    println!("{}: {size} bytes", binary.target);
    if size > MAX_SIZE {
        Err(Stop::Failed(format!("has {size} bytes, more than {MAX_SIZE}")))
    } else {
        Ok(())
    }
}

/// Runs the demo in a root folder with only the program and /tmp. QEMU is not in it, so a program for another
/// processor runs outside.
fn demo(context: &Context<'_>, binary: &Binary) -> Result<(), Stop> {
    let root = emptied(context, "root")?;
    let failed = |error: std::io::Error| Stop::failed(&root.display().to_string(), &error);
    fs::create_dir(root.join("tmp")).map_err(failed)?;
    if !binary.runs_here() {
        return command::run(binary.command(context)?.arg("demo").current_dir(&root));
    }
    if !on_path("unshare") {
        return Err(Stop::Skipped("unshare is not on the PATH".to_owned()));
    }
    fs::copy(&binary.path, root.join("cfstore")).map_err(failed)?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "chroot"]).arg(&root).args(["/cfstore", "demo"]).env_clear();
    command::run(unshare.env("PATH", std::env::var_os("PATH").unwrap_or_default()))
}

fn start(context: &Context<'_>, binary: &Binary) -> Result<(), Stop> {
    natively(binary)?;
    fastest(&format!("{}: cfstore --version", binary.target), || {
        let began = Instant::now();
        read(binary.command(context)?.arg("--version"))?;
        Ok(began.elapsed())
    })
}

/// Measures the time until the server listens, with an existing store. A new one is synced to disk first.
fn start_of_server(context: &Context<'_>, binary: &Binary) -> Result<(), Stop> {
    natively(binary)?;
    let folder = emptied(context, "store")?;
    fastest(&format!("{}: cfstore serve", binary.target), || serve(context, binary, &folder))
}

fn serve(context: &Context<'_>, binary: &Binary, folder: &Path) -> Result<Duration, Stop> {
    let mut command = binary.command(context)?;
    command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
    let began = Instant::now();
    let (_server, ()) = Server::start(&mut command, &folder.join("log"), |_| Some(()))?;
    Ok(began.elapsed())
}

fn natively(binary: &Binary) -> Result<(), Stop> {
    if binary.runs_here() {
        Ok(())
    } else {
        Err(Stop::Skipped("another processor's instructions are only emulated here".to_owned()))
    }
}

fn fastest(what: &str, mut measure: impl FnMut() -> Result<Duration, Stop>) -> Result<(), Stop> {
    let mut times = (0..STARTS).map(|_| measure()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    let (least, median) = (times[0], times[STARTS / 2]);
    println!("{what} takes {least:.1?}, half of the runs less than {median:.1?}");
    Ok(())
}

fn emptied(context: &Context<'_>, name: &str) -> Result<std::path::PathBuf, Stop> {
    let folder = context.workspace.installed("dist").join(name);
    let failed = |error: std::io::Error| Stop::failed(&folder.display().to_string(), &error);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}
