//! `cargo xtask test`: runs the suites in order, then reports their results.

use clap::Args;

use crate::context::Context;
use crate::report::Report;
use crate::suite;
use crate::workspace::Workspace;

#[derive(Args, Debug)]
#[command(after_help = suite::help())]
pub(crate) struct Options {
    /// Install missing tools with the system's package manager (apt-get)
    #[arg(long)]
    install_system: bool,
    /// Fail if anything was skipped
    #[arg(long)]
    deny_skips: bool,
    /// The suites to run: a name, or a group such as `clients`
    #[arg(value_name = "SUITE")]
    suites: Vec<String>,
}

/// Returns true if nothing failed and, if requested, nothing was skipped.
pub(crate) fn test(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    let suites = suite::select(&options.suites)?;
    let context = Context { workspace, install_system: options.install_system };
    let mut report = Report::default();
    for suite in suites {
        report.run(suite.name, || (suite.run)(&context));
    }
    println!("\n{report}");
    let total = report.total();
    Ok(total.failed == 0 && !(options.deny_skips && total.skipped > 0))
}
