//! What this repository does with itself: `cargo xtask check` and `cargo xtask test`.

mod check;
mod command;
mod install;
mod report;
mod server;
mod suite;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::workspace::Workspace;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Checks and tests of this repository")]
enum Cli {
    /// Format, lints (native and wasm32), documentation and dependencies
    Check,
    /// Every test suite, or those named
    Test(test::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = Workspace::open().and_then(|workspace| match cli {
        Cli::Check => Ok(check::check(&workspace)),
        Cli::Test(options) => test::test(&workspace, &options),
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
