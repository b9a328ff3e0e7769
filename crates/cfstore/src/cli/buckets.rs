//! What `cfstore r2 bucket` takes.

use clap::{Args, Subcommand};
use cloudflare_clients::r2::LocationHint;

use super::transfers::Class;

#[derive(Debug, Subcommand)]
pub(crate) enum Bucket {
    /// Create a bucket
    ///
    /// The hint where it should be is followed where R2 can, and only when a bucket of this name is created
    /// for the first time. A jurisdiction, which is a promise, is part of the address: `R2_JURISDICTION`.
    #[command(after_help = "\
Examples:
  cfstore r2 bucket create media
  cfstore r2 bucket create media --location weur
  cfstore r2 bucket create archive --storage-class infrequent-access
  R2_JURISDICTION=eu cfstore r2 bucket create patients")]
    Create(BucketCreate),
    /// List the buckets of the account, or those whose names begin so
    #[command(after_help = "\
Examples:
  cfstore r2 bucket ls
  cfstore r2 bucket ls media-
  cfstore --json r2 bucket ls | jq -r .name")]
    Ls(BucketLs),
    /// Show what is known of a bucket
    Info(BucketName),
    /// Delete a bucket, which has to be empty
    #[command(after_help = "\
Examples:
  cfstore r2 bucket rm drafts
  cfstore r2 rm --all --bucket drafts      empties it before, and asks first")]
    Rm(BucketName),
}

#[derive(Debug, Args)]
pub(crate) struct BucketName {
    /// The bucket's name
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct BucketCreate {
    /// Its name: 3 to 63 characters of a-z, 0-9 and -
    pub(crate) name: String,
    /// Where it should be: wnam, enam, weur, eeur, apac or oc [default: where R2 chooses]
    #[arg(long, value_name = "HINT", value_parser = parse_hint)]
    pub(crate) location: Option<LocationHint>,
    /// How objects are stored that do not say it themselves [default: standard]
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
