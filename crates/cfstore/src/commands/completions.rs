//! `cfstore completions SHELL`

use clap::CommandFactory as _;

use crate::cli::{Cli, Completions};
use crate::error::{ExitStatus, Result};
use crate::printer;

pub(crate) fn run(args: &Completions) -> Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cfstore", &mut script);
    printer::raw(&script)?;
    Ok(ExitStatus::Success)
}
