//! The commands, one a file.

mod cp;
mod demo;
mod get;
mod head;
mod ls;
mod presign;
mod put;
mod rm;
mod serve;
mod sign_playlist;

use crate::cli::{Cli, Command, R2};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::Printer;
use crate::store::Store;

pub(crate) async fn run(cli: Cli, printer: Printer) -> Result<ExitStatus> {
    let env_file = cli.global.env_file.as_deref();
    match cli.command {
        Command::Serve(_) | Command::Demo(_) if env_file.is_some() => Err(Error::usage(
            "--env-file says which store the r2 commands use: serve and demo have stores of their own",
            "leave it out; `cfstore serve --data DIR` says which store is served",
        )),
        Command::Serve(args) => serve::run(args, printer).await,
        Command::Demo(args) => demo::run(&args, printer).await,
        Command::R2(command) => {
            let store = Store::select(env_file)?;
            match command {
                R2::Put(args) => put::run(args, store, printer).await,
                R2::Get(args) => get::run(args, store, printer).await,
                R2::Head(args) => head::run(args, store, printer).await,
                R2::Ls(args) => ls::run(args, store, printer).await,
                R2::Rm(args) => rm::run(args, store, printer).await,
                R2::Cp(args) => cp::run(args, store, printer).await,
                R2::Presign(args) => presign::run(args, store, printer),
                R2::SignPlaylist(args) => sign_playlist::run(args, store, printer).await,
            }
        }
    }
}
