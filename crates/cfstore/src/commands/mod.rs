//! The commands, one per file.

mod backup;
mod completions;
mod deletion;
mod demo;
mod health;
mod keys;
mod kv;
mod man;
mod r2;
mod scrub;
mod serve;

use crate::cli::{Cli, Command};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::Printer;

pub(crate) async fn run(cli: Cli, printer: Printer) -> Result<ExitStatus> {
    let env_file = cli.global.env_file.as_deref();
    match cli.command {
        Command::Serve(_)
        | Command::Health(_)
        | Command::Keys(_)
        | Command::Scrub(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Demo(_)
            if env_file.is_some() =>
        {
            Err(Error::usage(
                "--env-file is only for the r2 and kv commands, not for serve, health, keys, scrub, backup, restore and demo",
                "leave it out; --data DIR selects the folder of a store",
            ))
        }
        Command::Serve(args) => serve::run(args, printer).await,
        Command::Health(args) => health::run(args, printer).await,
        Command::Keys(command) => keys::run(command, printer),
        Command::Scrub(args) => scrub::run(args, printer).await,
        Command::Backup(args) => backup::backup(args, printer).await,
        Command::Restore(args) => backup::restore(args, printer).await,
        Command::Demo(args) => Box::pin(demo::run(&args, printer)).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(args, printer),
        Command::R2(command) => r2::run(*command, env_file, printer).await,
        Command::Kv(command) => kv::run(command, env_file, printer).await,
    }
}
