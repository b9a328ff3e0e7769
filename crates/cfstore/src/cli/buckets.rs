//! Arguments of `cfstore r2 bucket`.

use clap::{Args, Subcommand};
use cloudflare_clients::r2::LocationHint;

use super::transfers::Class;

#[derive(Debug, Subcommand)]
pub(crate) enum Bucket {
    /// Create a bucket
    ///
    /// R2 follows the location hint if it can, and only the first time that a bucket of this name is created.
    /// A jurisdiction is a guarantee, and part of the address: set `R2_JURISDICTION`.
    #[command(after_help = "\
Examples:
  cfstore r2 bucket create media
  cfstore r2 bucket create media --location weur
  cfstore r2 bucket create archive --storage-class infrequent-access
  R2_JURISDICTION=eu cfstore r2 bucket create patients")]
    Create(BucketCreate),
    /// List the buckets of the account, or those whose names begin with a prefix
    #[command(after_help = "\
Examples:
  cfstore r2 bucket ls
  cfstore r2 bucket ls media-
  cfstore --json r2 bucket ls | jq -r .name")]
    Ls(BucketLs),
    /// Show the properties of a bucket
    Info(BucketName),
    /// Delete an empty bucket
    #[command(after_help = "\
Examples:
  cfstore r2 bucket rm drafts
  cfstore r2 rm --all --bucket drafts      empty it first; asks for confirmation")]
    Rm(BucketName),
}

#[derive(Debug, Args)]
pub(crate) struct BucketName {
    /// The bucket's name
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct BucketCreate {
    /// The bucket's name: 3 to 63 characters of a-z, 0-9 and -
    pub(crate) name: String,
    /// The location hint: wnam, enam, weur, eeur, apac or oc [default: chosen by R2]
    #[arg(long, value_name = "HINT", value_parser = parse_hint)]
    pub(crate) location: Option<LocationHint>,
    /// The storage class of objects that are stored without one [default: standard]
    #[arg(long, value_name = "CLASS", value_enum, ignore_case = true)]
    pub(crate) storage_class: Option<Class>,
}

#[derive(Debug, Args)]
pub(crate) struct BucketLs {
    /// Only buckets whose names begin with this
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
}

fn parse_hint(text: &str) -> Result<LocationHint, String> {
    text.parse().map_err(|error: cloudflare_clients::Error| error.message().to_owned())
}
