//! `cargo xtask check`: all checks of the code that do not run it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::command::{run, succeeds};
use crate::comments;
use crate::cross;
use crate::fidelity;
use crate::layers;
use crate::public_api;
use crate::report::{Report, Stop, Tally};
use crate::service;
use crate::wasm::{self, Toolchain};
use crate::worker;
use crate::workflows;
use crate::workspace::Workspace;

#[derive(Args, Debug)]
#[command(after_help = help())]
pub(crate) struct Options {
    /// The checks to run; all except `cross` by default
    #[arg(value_name = "CHECK")]
    checks: Vec<String>,
    /// Write the public interface to docs/public-api instead of comparing it
    #[arg(long)]
    accept: bool,
}

struct Check {
    name: &'static str,
    run: fn(&Workspace) -> Result<Tally, Stop>,
}

/// The checks that run only if they are named: they compile everything once more.
const BY_NAME: &[&str] = &[cross::NAME];

const CHECKS: &[Check] = &[
    Check { name: "fmt", run: |workspace| cargo(workspace.cargo(["fmt", "--all", "--check"])) },
    Check { name: comments::NAME, run: comments::check },
    Check { name: "layers", run: layers::check },
    Check { name: "fidelity", run: fidelity::check },
    Check {
        name: "clippy",
        run: |workspace| {
            cargo(workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
        },
    },
    Check { name: cross::NAME, run: cross::check },
    Check {
        name: "clippy wasm32",
        run: |workspace| {
            let library = ["-p", "cloudflare-clients", "--no-default-features"];
            cargo(clippy_wasm32(workspace, library)?)
        },
    },
    Check {
        name: "clippy wasm32 workers",
        run: |workspace| {
            let library = ["-p", "cloudflare-clients", "--no-default-features", "--features", "workers"];
            cargo(clippy_wasm32(workspace, library)?)
        },
    },
    Check {
        name: "fmt of the Workers",
        run: |workspace| {
            each_worker(workspace, |manifest| {
                let mut fmt = workspace.cargo(["fmt", "--check", "--manifest-path"]);
                fmt.arg(manifest);
                Ok(fmt)
            })
        },
    },
    Check {
        name: "clippy of the Workers",
        run: |workspace| {
            each_worker(workspace, |manifest| {
                let target = worker::target(workspace);
                let arguments = ["--locked".as_ref(), "--target-dir".as_ref(), target.as_os_str()];
                clippy_wasm32(
                    workspace,
                    arguments.into_iter().chain(["--manifest-path".as_ref(), manifest.as_os_str()]),
                )
            })
        },
    },
    Check {
        name: "fmt of the service",
        run: |workspace| cargo(service::cargo(workspace, ["fmt", "--check"])),
    },
    Check {
        name: "clippy of the service",
        run: |workspace| {
            let mut clippy = service::cargo(workspace, ["clippy", "--locked", "--all-targets"]);
            clippy.args(["--", "-D", "warnings"]);
            cargo(clippy)
        },
    },
    Check {
        name: "doc",
        run: |workspace| {
            let mut doc = workspace.cargo(["doc", "--no-deps", "--workspace"]);
            doc.env("RUSTDOCFLAGS", "-D warnings");
            cargo(doc)
        },
    },
    Check { name: public_api::NAME, run: public_api::check },
    Check { name: workflows::NAME, run: workflows::check },
    Check {
        name: "deny",
        run: |workspace| {
            let lists = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
            cargo(deny(workspace, lists)?)
        },
    },
    Check {
        name: "advisories",
        run: |workspace| {
            if !succeeds(&mut deny(workspace, ["fetch", "db"])?) {
                let why = "the database of advisories could not be fetched from github.com";
                return Err(Stop::Skipped(why.into()));
            }
            cargo(deny(workspace, ["check", "advisories"])?)
        },
    },
];

/// Runs the named checks, or all except those of [`BY_NAME`]. Continues after a failure. Returns true if none
/// failed.
pub(crate) fn check(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    let mut names = options.checks.iter();
    if let Some(unknown) = names.find(|name| !CHECKS.iter().any(|check| check.name == *name)) {
        return Err(format!("no check is called `{unknown}`; {}", help()));
    }
    let chosen = |check: &str| {
        if options.checks.is_empty() {
            !BY_NAME.contains(&check)
        } else {
            options.checks.iter().any(|name| name == check)
        }
    };
    if options.accept && !chosen(public_api::NAME) {
        return Err(format!("--accept needs the check `{}`: name it too", public_api::NAME));
    }
    let mut report = Report::default();
    for check in CHECKS {
        if chosen(check.name) {
            let accepts = options.accept && check.name == public_api::NAME;
            let run = if accepts { public_api::accept } else { check.run };
            report.run(check.name, || run(workspace));
        }
    }
    println!("\n{report}");
    Ok(report.total().failed == 0)
}

fn help() -> String {
    let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
    format!("Checks: {}", names.join(", "))
}

fn cargo(mut command: Command) -> Result<Tally, Stop> {
    run(&mut command).map(|()| Tally::ONE_PASSED)
}

fn deny<const N: usize>(workspace: &Workspace, arguments: [&str; N]) -> Result<Command, Stop> {
    if !succeeds(&mut workspace.cargo(["deny", "--version"])) {
        let how = "cargo-deny is not installed: cargo install --locked cargo-deny";
        return Err(Stop::Skipped(how.into()));
    }
    let mut command = workspace.cargo(["deny"]);
    command.args(arguments);
    Ok(command)
}

/// Clippy for wasm32. If only Debian's toolchain has the target, clippy may be missing: then only the
/// compiler runs.
fn clippy_wasm32<A: AsRef<OsStr>>(
    workspace: &Workspace,
    what: impl IntoIterator<Item = A>,
) -> Result<Command, Stop> {
    let toolchain = Toolchain::find(workspace).ok_or_else(|| {
        Stop::Skipped(format!("the target is not installed: rustup target add {}", wasm::TARGET))
    })?;
    let mut command = toolchain.command(workspace, "cargo");
    let clippy = succeeds(toolchain.command(workspace, "cargo").args(["clippy", "--version"]));
    command.arg(if clippy { "clippy" } else { "check" }).args(["--target", wasm::TARGET]).args(what);
    if clippy {
        command.args(["--", "-D", "warnings"]);
    } else {
        command.env("RUSTFLAGS", "-D warnings");
    }
    Ok(command)
}

/// Runs the same check for every Worker. Continues after a failure.
fn each_worker(workspace: &Workspace, check: impl Fn(&Path) -> Result<Command, Stop>) -> Result<Tally, Stop> {
    let mut tally = Tally::default();
    for folder in worker::crates(workspace)? {
        let mut command = check(&workspace.root.join(&folder).join("Cargo.toml"))?;
        match run(&mut command) {
            Ok(()) => tally.passed += 1,
            Err(Stop::Skipped(why) | Stop::Failed(why)) => {
                eprintln!("{}: {why}", folder.display());
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}
