//! `cfstore kv`

mod bulk_get;
mod bulk_put;
mod get;
mod ls;
mod outcomes;
mod put;
mod rm;

use std::path::Path;

use crate::cli::{Bulk, Kv};
use crate::error::{Error, ExitStatus, Result};
use crate::namespace::Namespace;
use crate::printer::Printer;

pub(crate) async fn run(command: Kv, env_file: Option<&Path>, printer: Printer) -> Result<ExitStatus> {
    let namespace = Namespace::select(env_file)?;
    let done = match command {
        Kv::Get(args) => get::run(args, namespace, printer).await,
        Kv::Put(args) => put::run(args, namespace, printer).await,
        Kv::Ls(args) => ls::run(args, namespace, printer).await,
        Kv::Rm(args) => rm::run(args, namespace, printer).await,
        Kv::Bulk(Bulk::Put(args)) => bulk_put::run(args, namespace, printer).await,
        Kv::Bulk(Bulk::Get(args)) => bulk_get::run(args, namespace, printer).await,
    };
    done.map_err(Error::about_kv)
}
