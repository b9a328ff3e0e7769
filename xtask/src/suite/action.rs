//! `action.yml`, run step by step like GitHub's runner does.

use super::node;
use crate::command::run;
use crate::context::Context;
use crate::report::{Stop, Tally};
use crate::workflows;

pub(crate) fn run_action(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    run(&mut workspace.cargo(["build", "--package", "cfstore"]))?;
    let mut node = workspace.command("node");
    node.current_dir(workflows::packages(context)?)
        .env("CFSTORE", workspace.target.join("debug/cfstore"))
        .env("REPOSITORY", &workspace.root);
    node::run_tests(node, "action.test.mjs")
}
