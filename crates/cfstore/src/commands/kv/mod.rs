//! `cfstore kv`

mod bulk_get;
mod bulk_put;
mod get;
mod ls;
mod namespace;
mod put;
mod rm;

use std::path::Path;

use crate::cli::{Bulk, Kv};
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_account::NamespaceAccount;
use crate::namespace_location::NamespaceLocation;
use crate::printer::Printer;

pub(crate) async fn run(command: Kv, env_file: Option<&Path>, printer: Printer) -> Result<ExitStatus> {
    let location = || NamespaceLocation::select(env_file);
    let done = match command {
        Kv::Get(args) => get::run(args, location()?, printer).await,
        Kv::Put(args) => put::run(args, location()?, printer).await,
        Kv::Ls(args) => ls::run(args, location()?, printer).await,
        Kv::Rm(args) => rm::run(args, location()?, printer).await.map_err(Error::unfinished),
        Kv::Bulk(Bulk::Put(args)) => {
            bulk_put::run(args, location()?, printer).await.map_err(Error::unfinished)
        }
        Kv::Bulk(Bulk::Get(args)) => {
            bulk_get::run(args, location()?, printer).await.map_err(Error::unfinished)
        }
        Kv::Namespace(command) => namespace::run(command, NamespaceAccount::select(env_file)?, printer).await,
    };
    done.map_err(Error::about_kv)
}
