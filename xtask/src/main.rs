//! The tasks of this repository: `cargo xtask check`, `test`, `bench`, `fuzz`, `simulate`, `release` and
//! `dist`.

mod bench;
mod check;
mod command;
mod comments;
mod context;
mod cross;
mod dist;
mod fidelity;
mod fuzz;
mod harness;
mod install;
mod layers;
mod local_server;
mod public_api;
mod release;
mod report;
mod server;
mod service;
mod simulate;
mod suite;
mod test;
mod wasm;
mod worker;
mod workflows;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::workspace::Workspace;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Checks, tests, benches, fuzz targets, simulation and packages of this repository"
)]
enum Cli {
    /// Check format, layers, fidelity's tests, lints (native and wasm32), documentation, public interface and
    /// dependencies; all of them, or the named checks
    Check(check::Options),
    /// Run every test suite, or the named ones
    Test(test::Options),
    /// Run one benchmark; the result is a table and target/bench/BENCH.json
    Bench(bench::Options),
    /// Run the fuzz targets, or the named ones, each for some seconds
    Fuzz(fuzz::Options),
    /// Run client, server and store in virtual time, with failures that follow from a seed:
    /// docs/simulation.md
    Simulate(simulate::Options),
    /// Try out the crates as they are published, using only their packages
    Release(release::Options),
    /// Build the release files into target/dist: static programs in archives, with checksums and an SBOM
    Dist(dist::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = Workspace::open().and_then(|workspace| match cli {
        Cli::Check(options) => check::check(&workspace, &options),
        Cli::Test(options) => test::test(&workspace, &options),
        Cli::Bench(options) => bench::bench(&workspace, &options).map(|()| true),
        Cli::Fuzz(options) => fuzz::fuzz(&workspace, &options),
        Cli::Simulate(options) => Ok(simulate::simulate(&workspace, &options)),
        Cli::Release(options) => release::release(&workspace, &options),
        Cli::Dist(options) => dist::dist(&workspace, &options).map(|()| true),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}
