//! Client, server and store in virtual time, with failures that follow from seeds.

use crate::command::run_and_read;
use crate::context::Context;
use crate::report::{Stop, Tally};
use crate::simulate::program;

/// Runs the seeds from 1 on for a minute, those that have found something, and one of the mutations. Built
/// like the other tests, it runs a quarter of what a release build does, and starts two minutes sooner. So a
/// mutation gets four minutes.
pub(crate) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    let mut tally = Tally::default();
    for arguments in [&["--from", "1", "--minutes", "1"][..], &["--next-mutation", "--minutes", "4"]] {
        let (status, _) = run_and_read(program(context.workspace, &[]).args(arguments))?;
        if status.success() {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    Ok(tally)
}
