//! `cfstore man [DIR]`

use std::fs;

use clap::CommandFactory as _;

use crate::cli::{Cli, Man};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{self, Printer};

pub(crate) fn run(args: Man, printer: Printer) -> Result<ExitStatus> {
    let Some(folder) = args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Error::Output)?;
        printer::raw(&page)?;
        return Ok(ExitStatus::Success);
    };
    let failed = |error| Error::file(&folder, "cannot be written to", &error);
    fs::create_dir_all(&folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &folder).map_err(failed)?;
    printer.note(format_args!("wrote the pages to {}", folder.display()));
    Ok(ExitStatus::Success)
}
