//! What `cfstore keys` and `cfstore r2 credentials` take.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cloudflare_clients::r2::{AccessScope, S3Action};

use super::{DATA_DIRECTORY, parse_duration};

#[derive(Debug, Args)]
pub(crate) struct Credentials {
    /// Allow what is below this prefix, which ends with a slash; may be given several times [default: the
    /// whole bucket]
    #[arg(long, value_name = "PREFIX/")]
    pub(crate) prefix: Vec<String>,
    /// Allow the object with this key; may be given several times
    #[arg(long, value_name = "KEY")]
    pub(crate) object: Vec<String>,
    /// Allow reading and listing only
    #[arg(long, conflicts_with = "scope")]
    pub(crate) read_only: bool,
    /// What they may do: object-read-only, object-read-write, admin-read-only or admin-read-write
    #[arg(long, value_name = "SCOPE", default_value = "object-read-write", value_parser = parse_scope)]
    pub(crate) scope: AccessScope,
    /// Allow these operations only, such as GetObject,PutObject [default: all that the scope allows]
    #[arg(long, value_name = "ACTION,..", value_delimiter = ',', value_parser = parse_action)]
    pub(crate) action: Vec<S3Action>,
    /// How long they work, from 1s to 7days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) expires: Duration,
    /// Print the variables of the AWS CLI and SDKs
    #[arg(long)]
    pub(crate) aws: bool,
    /// Have Cloudflare's API make them, with its token and without the secret of the key
    #[arg(long, conflicts_with = "action")]
    pub(crate) through_api: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key, and print the variables with it
    #[command(after_help = "\
Examples:
  cfstore keys add --scope object-read-only --bucket media
  cfstore keys add --data /srv/media")]
    Add(KeysAdd),
    /// List the keys, without their secrets
    Ls(KeysLs),
    /// Remove keys: what they have signed works no more, and neither do credentials that were made from them
    Rm(KeysRm),
}

#[derive(Debug, Args)]
pub(crate) struct KeysAdd {
    /// What it may do: object-read-only, object-read-write, admin-read-only or admin-read-write
    #[arg(long, value_name = "SCOPE", default_value = "object-read-write", value_parser = parse_scope)]
    pub(crate) scope: AccessScope,
    /// A bucket that it may do it to; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) bucket: Vec<String>,
    /// The folder of the store
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct KeysLs {
    /// The folder of the store
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct KeysRm {
    /// The access key ids
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// The folder of the store
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub(crate) data: PathBuf,
}

fn parse_scope(text: &str) -> Result<AccessScope, String> {
    text.parse().map_err(|error: cloudflare_clients::Error| error.message().to_owned())
}

fn parse_action(text: &str) -> Result<S3Action, String> {
    text.parse().map_err(|error: cloudflare_clients::Error| error.message().to_owned())
}
