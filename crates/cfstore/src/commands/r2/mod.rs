//! `cfstore r2`

mod cp;
mod get;
mod head;
mod ls;
mod presign;
mod put;
mod rm;
mod sign_playlist;

use std::path::Path;

use crate::bucket_location::BucketLocation;
use crate::cli::R2;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::Printer;

pub(crate) async fn run(command: R2, env_file: Option<&Path>, printer: Printer) -> Result<ExitStatus> {
    let location = BucketLocation::select(env_file)?;
    match command {
        R2::Put(args) => put::run(args, location, printer).await,
        R2::Get(args) => get::run(args, location, printer).await,
        R2::Head(args) => head::run(args, location, printer).await,
        R2::Ls(args) => ls::run(args, location, printer).await,
        R2::Rm(args) => rm::run(args, location, printer).await.map_err(Error::unfinished),
        R2::Cp(args) => cp::run(args, location, printer).await,
        R2::Presign(args) => presign::run(args, location, printer),
        R2::SignPlaylist(args) => sign_playlist::run(args, location, printer).await,
    }
}
