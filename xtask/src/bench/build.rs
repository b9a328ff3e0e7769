//! Builds the programs that are measured.

use std::path::PathBuf;

use crate::command;
use crate::context::Context;
use crate::report::Stop;

/// Builds a workspace of `benches` in the same way as users build theirs. Returns its program.
pub(super) fn build(context: &Context<'_>, folder: &str, program: &str) -> Result<PathBuf, Stop> {
    let workspace = context.workspace;
    let target = workspace.target.join("benches");
    let mut build = workspace.cargo(["build", "--release", "--locked", "--quiet", "--target-dir"]);
    command::run(build.arg(&target).current_dir(workspace.root.join(folder)))?;
    Ok(target.join("release").join(program))
}
