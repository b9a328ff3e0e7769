//! The media service: an example for the host platform, in a separate workspace.

use std::path::PathBuf;
use std::process::Command;

use crate::command::run;
use crate::report::Stop;
use crate::workspace::Workspace;

const FOLDER: &str = "examples/media-service";

/// A cargo command in its workspace.
pub(crate) fn cargo<const N: usize>(workspace: &Workspace, arguments: [&str; N]) -> Command {
    let mut cargo = workspace.cargo(arguments);
    cargo.current_dir(workspace.root.join(FOLDER)).env("CARGO_TARGET_DIR", target(workspace));
    cargo
}

/// Builds the service. Returns the program.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf, Stop> {
    run(&mut cargo(workspace, ["build", "--locked"]))?;
    Ok(target(workspace).join("debug/media-service"))
}

fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("media-service")
}
