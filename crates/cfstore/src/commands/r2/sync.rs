//! `cfstore r2 sync SRC DST`

use std::path::Path;

use crate::addresses::{is_address, take_bucket};
use crate::bucket_location::BucketLocation;
use crate::cli::Sync;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::Printer;

use super::tree::{self, Plan, Side};

pub(crate) async fn run(
    args: Sync,
    bucket: Option<&str>,
    env_file: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus> {
    let Sync { source, destination, delete, local, to_env_file, dry_run, tree, metadata, transfer } = args;
    let is_from_bucket = is_address(&source);
    if !is_from_bucket && !is_address(&destination) {
        return Err(Error::usage(
            format!("{source:?} and {destination:?} are both folders on this machine"),
            "write one of them as r2://BUCKET/PREFIX/",
        ));
    }
    if to_env_file.is_some() && !is_from_bucket {
        return Err(Error::usage(
            format!("--to-env-file is for a copy between two buckets, but SRC {source:?} is a folder"),
            "give --env-file instead",
        ));
    }
    let side = |text: String, env_file: Option<&Path>| {
        if !is_address(&text) {
            return Ok(Side::Folder(text.into()));
        }
        let mut prefix = text;
        let named = take_bucket(bucket, [&mut prefix])?;
        let location = BucketLocation::select(env_file, named.as_deref())?;
        if delete && !dry_run && !local && location.is_embedded() {
            return Err(Error::usage(
                "--delete would delete in the embedded store, since no R2_... variables are set",
                "add --local to allow that, or set the variables to use R2",
            ));
        }
        Ok(Side::Keys { location: Box::new(location), prefix })
    };
    let source = side(source, env_file)?;
    let destination = side(destination, to_env_file.as_deref().or(env_file))?;
    tree::run(
        source,
        destination,
        Plan { delete, expects_some: false, dry_run, tree, metadata: Some(metadata), transfer },
        printer,
    )
    .await
}
