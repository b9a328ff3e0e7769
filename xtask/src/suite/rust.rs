//! Tests written in Rust.

use std::path::Path;
use std::process::Command;

use crate::command::on_path;
use crate::context::Context;
use crate::harness::{cargo_test, libtest, nextest};
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

/// All tests except those against a third-party server.
pub(crate) fn unit(context: &Context<'_>) -> Result<Tally, Stop> {
    if on_path("cargo-nextest") {
        nextest(context.workspace.cargo(["nextest", "run", "-E", "not binary(simulator)"]))
    } else {
        // The simulator's tests are ignored unless they are requested.
        cargo_test(context.workspace.cargo(["test", "--all-targets"]), &[])
    }
}

pub(crate) fn doc(context: &Context<'_>) -> Result<Tally, Stop> {
    cargo_test(context.workspace.cargo(["test", "--doc"]), &[])
}

/// The tests of `tests/library/tests/simulator.rs`. They are `#[ignore]`d, so that a plain `cargo test`
/// passes without a simulator.
pub(super) fn simulator(workspace: &Workspace, environment: &[(&str, String)]) -> Result<Tally, Stop> {
    let with_environment = |mut command: Command| {
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command
    };
    if on_path("cargo-nextest") {
        let arguments = ["nextest", "run", "--run-ignored", "all", "-E", "binary(simulator)"];
        nextest(with_environment(workspace.cargo(arguments)))
    } else {
        let command = with_environment(workspace.cargo(["test", "--test", "simulator"]));
        cargo_test(command, &["--include-ignored"])
    }
}

/// The tests of a package with this name prefix, which are `#[ignore]`d because they take long. They print
/// their seed.
pub(super) fn ignored(workspace: &Workspace, package: &str, names: &str) -> Result<Tally, Stop> {
    let mut command = workspace.cargo(["test", "--all-features", "--package", package, "--tests", "--"]);
    command.args([names, "--ignored", "--nocapture", "--test-threads", "1"]);
    libtest(command)
}

/// The library's own tests with this name prefix, without features, for another target. The names in the
/// environment are those of [Cargo's
/// variables](https://doc.rust-lang.org/cargo/reference/environment-variables.html) for the target.
pub(super) fn for_target(
    workspace: &Workspace,
    target: &str,
    environment: &[(&str, &str)],
    names: &str,
) -> Result<Tally, Stop> {
    let mut command = workspace.cargo(["test", "--package", "cloudflare-clients", "--lib"]);
    command.args(["--no-default-features", "--target", target, "--", names]);
    let prefix = format!("CARGO_TARGET_{}", target.replace('-', "_").to_uppercase());
    command.envs(environment.iter().map(|(name, value)| (format!("{prefix}_{name}"), value)));
    libtest(command)
}

/// The tests of `tests/playlists`, which write signed playlists into a folder.
pub(super) fn corpus(workspace: &Workspace, signed: &Path) -> Result<Tally, Stop> {
    let mut command = workspace.cargo(["test", "--test", "it"]);
    command.env("CORPUS_SIGNED", signed);
    cargo_test(command, &["corpus::"])
}
