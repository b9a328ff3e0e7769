//! Client, server and store in virtual time, with failures that follow from seeds.

use crate::command::run_and_read;
use crate::context::Context;
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

/// The same seeds each time for a minute, those that have found something, and one of the mutations.
pub(crate) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    let mut tally = Tally::default();
    for arguments in [&["--from", "1", "--minutes", "1"][..], &["--next-mutation"]] {
        if simulate(context.workspace, arguments)? {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    Ok(tally)
}

/// Whether nothing was found, or the mutation was.
fn simulate(workspace: &Workspace, arguments: &[&str]) -> Result<bool, Stop> {
    let mut command = workspace.cargo(["run", "--quiet", "--release", "--package", "simulation", "--"]);
    let (status, _) = run_and_read(command.args(arguments))?;
    Ok(status.success())
}
