//! The workflows and the action, checked by the Node programs of `tests/workflows`, and every script of the
//! repository, checked by ShellCheck.

use std::path::PathBuf;

use crate::command::{on_path, read, run};
use crate::context::Context;
use crate::install;
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

/// Name of the check.
pub(crate) const NAME: &str = "workflows";

/// Lints the workflows with actionlint, and their commands and all scripts with ShellCheck.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally, Stop> {
    if !on_path("shellcheck") {
        return Err(Stop::Skipped("shellcheck is not on the PATH: apt-get install shellcheck".into()));
    }
    let packages = packages(&Context { workspace, install_system: false })?;
    let mut lint = workspace.command("node");
    run(lint.arg("lint.mjs").arg(&workspace.root).current_dir(packages))?;
    let scripts = read(workspace.command("git").args(["ls-files", "*.sh", ".ci/run"]))?;
    run(workspace.command("shellcheck").args(scripts.lines()))?;
    Ok(Tally::ONE_PASSED)
}

/// Installs the packages of the programs. Returns the folder to run them in.
pub(crate) fn packages(context: &Context<'_>) -> Result<PathBuf, Stop> {
    install::npm(context, "tests/workflows", NAME)
}
