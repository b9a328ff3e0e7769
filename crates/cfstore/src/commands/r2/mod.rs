//! `cfstore r2`

mod bucket;
mod cat;
mod copying;
mod cors;
mod cp;
mod credentials;
mod doctor;
mod du;
mod get;
mod get_many;
mod head;
mod lifecycle;
mod ls;
mod many;
mod policy;
mod presign;
mod put;
mod put_many;
mod rm;
mod sign_playlist;
mod sync;
mod tree;
mod uploads;

use std::path::Path;

use crate::addresses::{is_address, take_bucket};
use crate::bucket_account::BucketAccount;
use crate::bucket_location::BucketLocation;
use crate::cli::{Cors, Lifecycle, R2, R2Command, Uploads};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::Printer;

use self::copying::Kind;

pub(crate) async fn run(
    R2Command { bucket, mut command }: R2Command,
    env_file: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus> {
    if let R2::Cp(args) | R2::Mv(args) = &command {
        cp::check_destination(args, bucket.as_deref())?;
    }
    match &mut command {
        R2::Put(args) => put::arrange(args)?,
        R2::Get(args) => get::arrange(args)?,
        _ => {}
    }
    if let R2::Credentials(args) = &command
        && args.through_api
    {
        return credentials::through_api(args, bucket.as_deref(), env_file, printer).await;
    }
    if let R2::Bucket(command) = command {
        if let Some(bucket) = bucket {
            return Err(Error::usage(
                format!("--bucket {bucket:?} does not apply to `cfstore r2 bucket`"),
                format!("write the name as an argument, as in `cfstore r2 bucket info {bucket}`"),
            ));
        }
        return bucket::run(command, BucketAccount::select(env_file)?, printer).await;
    }
    let goes_to_address = matches!(&command, R2::Put(args) if is_address(&args.key));
    let bucket_option = bucket.clone();
    let bucket = take_bucket(bucket.as_deref(), keys(&mut command))?;
    if let R2::Put(args) = &mut command {
        args.is_bucket = goes_to_address && args.key.is_empty();
    }
    let location = match &command {
        // It reads the variables itself, even if they do not name a bucket.
        R2::Doctor(_) => BucketLocation::default(),
        _ => BucketLocation::select(env_file, bucket.as_deref())?,
    };
    match command {
        // Handled above.
        R2::Bucket(command) => bucket::run(command, BucketAccount::select(env_file)?, printer).await,
        R2::Put(args) => put::run(args, location, printer).await,
        R2::Get(args) => get::run(args, location, printer).await,
        R2::Head(args) => head::run(args, location, printer).await,
        R2::Ls(args) => ls::run(args, location, printer).await,
        R2::Du(args) => du::run(args, location, printer).await,
        R2::Cat(args) => cat::run(args, location, printer).await,
        R2::Rm(args) => rm::run(args, location, printer).await.map_err(Error::unfinished),
        R2::Uploads(Uploads::Ls(args)) => uploads::list(args, location, printer).await,
        R2::Uploads(Uploads::Abort(args)) => {
            uploads::abort(args, location, printer).await.map_err(Error::unfinished)
        }
        R2::Uploads(Uploads::Clean(args)) => {
            uploads::clean(args, location, printer).await.map_err(Error::unfinished)
        }
        R2::Cors(Cors::Show(args)) => cors::show(args, location, printer).await,
        R2::Cors(Cors::Set(args)) => cors::set(args, location, printer).await,
        R2::Cors(Cors::Rm) => cors::rm(location, printer).await,
        R2::Cors(Cors::Check(args)) => cors::check(args, location, printer).await,
        R2::Lifecycle(Lifecycle::Show(args)) => lifecycle::show(args, location, printer).await,
        R2::Lifecycle(Lifecycle::Set(args)) => lifecycle::set(args, location, printer).await,
        R2::Lifecycle(Lifecycle::Rm(args)) => lifecycle::rm(args, location, printer).await,
        R2::Presign(args) => presign::run(args, location, printer),
        R2::Credentials(args) => credentials::run(&args, location, printer),
        R2::Doctor(args) => doctor::run(args, bucket_option.as_deref(), env_file, printer).await,
        R2::SignPlaylist(args) => sign_playlist::run(args, location, printer).await,
        R2::Sync(args) => sync::run(args, bucket_option.as_deref(), env_file, printer).await,
        R2::Cp(args) => {
            cp::run(args, Kind::Copy, location, env_file, printer).await.map_err(Error::unfinished)
        }
        R2::Mv(args) => {
            cp::run(args, Kind::Move, location, env_file, printer).await.map_err(Error::unfinished)
        }
    }
}

/// Returns the arguments that are keys or prefixes, which may be addresses.
fn keys(command: &mut R2) -> Vec<&mut String> {
    match command {
        R2::Put(args) => vec![&mut args.key],
        R2::Get(args) => args.keys.iter_mut().collect(),
        R2::Head(args) => vec![&mut args.key],
        R2::Ls(args) => vec![&mut args.prefix],
        R2::Du(args) => vec![&mut args.prefix],
        R2::Cat(args) => args.keys.iter_mut().collect(),
        R2::Rm(args) => args.keys.iter_mut().chain(&mut args.prefix).collect(),
        R2::Uploads(Uploads::Ls(args)) => vec![&mut args.prefix],
        R2::Uploads(Uploads::Abort(args)) => vec![&mut args.key],
        R2::Uploads(Uploads::Clean(args)) => vec![&mut args.prefix],
        R2::Presign(args) => vec![&mut args.key],
        R2::SignPlaylist(args) => vec![&mut args.key],
        // The destination may be in another bucket.
        R2::Cp(args) | R2::Mv(args) => vec![&mut args.source],
        // For a sync, each may be a folder or in a different bucket.
        // The others are about a bucket, which the options name.
        R2::Sync(_) | R2::Cors(_) | R2::Lifecycle(_) | R2::Credentials(_) | R2::Doctor(_) | R2::Bucket(_) => {
            Vec::new()
        }
    }
}
