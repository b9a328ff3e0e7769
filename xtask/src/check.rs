//! `cargo xtask check`: everything that can be said about the code without running it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::command::{run, succeeds};
use crate::report::{Report, Stop, Tally};
use crate::wasm::{self, Toolchain};
use crate::worker;
use crate::workspace::Workspace;

/// Runs every check, also after one has failed. True if none failed.
pub(crate) fn check(workspace: &Workspace) -> bool {
    let mut report = Report::default();
    let cargo = |mut command: Command| run(&mut command).map(|()| Tally::ONE_PASSED);

    report.run("fmt", || cargo(workspace.cargo(["fmt", "--all", "--check"])));
    report.run("clippy", || {
        cargo(workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    report.run("clippy wasm32", || {
        let library = ["-p", "cloudflare-clients", "--no-default-features"];
        cargo(clippy_wasm32(workspace, library)?)
    });
    report.run("clippy wasm32 workers", || {
        let library = ["-p", "cloudflare-clients", "--no-default-features", "--features", "workers"];
        cargo(clippy_wasm32(workspace, library)?)
    });
    report.run("fmt of the Workers", || {
        each_worker(workspace, |manifest| {
            let mut fmt = workspace.cargo(["fmt", "--check", "--manifest-path"]);
            fmt.arg(manifest);
            Ok(fmt)
        })
    });
    report.run("clippy of the Workers", || {
        each_worker(workspace, |manifest| {
            let target = worker::target(workspace);
            let arguments = ["--locked".as_ref(), "--target-dir".as_ref(), target.as_os_str()];
            clippy_wasm32(
                workspace,
                arguments.into_iter().chain(["--manifest-path".as_ref(), manifest.as_os_str()]),
            )
        })
    });
    report.run("doc", || {
        let mut doc = workspace.cargo(["doc", "--no-deps", "--workspace"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        cargo(doc)
    });
    report.run("deny", || {
        cargo(deny(workspace, ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"])?)
    });
    report.run("advisories", || {
        if !succeeds(&mut deny(workspace, ["fetch", "db"])?) {
            return Err(Stop::Skipped("the database of advisories cannot be fetched from github.com".into()));
        }
        cargo(deny(workspace, ["check", "advisories"])?)
    });

    println!("\n{report}");
    report.total().failed == 0
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

/// Clippy for wasm32, of what the arguments name. Where only Debian's toolchain has the target, it may lack clippy: then the
/// compiler alone.
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

/// The same check of every Worker. Goes on after one has failed.
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
