//! File transfers that take minutes.

use super::rust;
use crate::command::run;
use crate::context::Context;
use crate::report::{Stop, Tally};

pub(crate) fn kills(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    run(&mut workspace.cargo(["build", "--package", "cfstore", "--all-features"]))?;
    rust::ignored(workspace, "program-tests", "kills::")
}
