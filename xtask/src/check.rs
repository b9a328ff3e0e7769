//! `cargo xtask check`: everything that can be said about the code without running it.

use std::path::Path;
use std::process::Command;

use crate::command::{run, succeeds};
use crate::report::{Report, Stop, Tally};
use crate::workspace::Workspace;

const WASM: &str = "wasm32-unknown-unknown";

/// Runs every check, also after one has failed. True if none failed.
pub(crate) fn check(workspace: &Workspace) -> bool {
    let mut report = Report::default();
    let cargo = |mut command: Command| run(&mut command).map(|()| Tally::ONE_PASSED);

    report.run("fmt", || cargo(workspace.cargo(["fmt", "--all", "--check"])));
    report.run("clippy", || {
        cargo(workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    report.run("clippy wasm32", || cargo(wasm(workspace)?));
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

/// Clippy for the library inside a Worker. Where the default toolchain lacks the target, one linked to rustup as `debian`
/// may have it, though perhaps without clippy: then the compiler alone.
fn wasm(workspace: &Workspace) -> Result<Command, Stop> {
    let library = ["-p", "cloudflare-clients", "--no-default-features", "--target", WASM];
    if has_target(&mut workspace.command("rustc")) {
        let mut clippy = workspace.cargo(["clippy"]);
        clippy.args(library).args(["--", "-D", "warnings"]);
        return Ok(clippy);
    }
    let debian = || {
        let mut command = workspace.command("rustup");
        command.args(["run", "debian"]);
        command
    };
    if !has_target(debian().arg("rustc")) {
        return Err(Stop::Skipped(format!("the target is not installed: rustup target add {WASM}")));
    }
    let mut command = debian();
    if succeeds(debian().args(["cargo", "clippy", "--version"])) {
        command.args(["cargo", "clippy"]).args(library).args(["--", "-D", "warnings"]);
    } else {
        command.args(["cargo", "check"]).args(library).env("RUSTFLAGS", "-D warnings");
    }
    Ok(command)
}

fn has_target(rustc: &mut Command) -> bool {
    rustc.args(["--print", "target-libdir", "--target", WASM]).output().is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}
