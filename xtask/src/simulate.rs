//! `cargo xtask simulate`: runs the program of `crates/simulation` with the given arguments.

use std::ffi::OsString;
use std::process::Command;

use clap::Args;

use crate::command::run;
use crate::report::Stop;
use crate::workspace::Workspace;

#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Arguments of the program, such as `--minutes 60`, or `--help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Returns true if nothing was found.
pub(crate) fn simulate(workspace: &Workspace, options: &Options) -> bool {
    match run(program(workspace, &["--release"]).args(&options.arguments)) {
        Ok(()) => true,
        Err(Stop::Skipped(why) | Stop::Failed(why)) => {
            eprintln!("{why}");
            false
        }
    }
}

/// The program, without arguments. `profile`: cargo's flags for the build profile.
pub(crate) fn program(workspace: &Workspace, profile: &[&str]) -> Command {
    let mut command = workspace.cargo(["run", "--package", "simulation"]);
    command.args(profile).arg("--");
    command
}
