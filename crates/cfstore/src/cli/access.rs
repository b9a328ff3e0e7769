//! Arguments of `cfstore keys` and `cfstore r2 credentials`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cloudflare_clients::r2::{AccessScope, S3Action};

use super::{DATA_DIRECTORY, parse_lifetime};

#[derive(Debug, Args)]
pub(crate) struct Credentials {
    /// Allow the keys below this prefix, which must end with a slash; repeatable [default: the whole bucket]
    #[arg(long, value_name = "PREFIX/")]
    pub(crate) prefix: Vec<String>,
    /// Allow the object with this key; repeatable
    #[arg(long, value_name = "KEY")]
    pub(crate) object: Vec<String>,
    /// Allow only to read and list
    #[arg(long, conflicts_with = "scope")]
    pub(crate) read_only: bool,
    /// The permissions: object-read-only, object-read-write, admin-read-only or admin-read-write
    #[arg(long, value_name = "SCOPE", default_value = "object-read-write", value_parser = parse_scope)]
    pub(crate) scope: AccessScope,
    /// Allow only these operations, such as GetObject,PutObject [default: all that the scope allows]
    #[arg(long, value_name = "ACTION,..", value_delimiter = ',', value_parser = parse_action)]
    pub(crate) action: Vec<S3Action>,
    /// How long the credentials work, from 1s to 7days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_lifetime)]
    pub(crate) expires: Duration,
    /// Print the variables of the AWS CLI and AWS SDKs
    #[arg(long)]
    pub(crate) aws: bool,
    /// Request them from Cloudflare's API, with `CLOUDFLARE_API_TOKEN` instead of the secret access key
    #[arg(long, conflicts_with = "action")]
    pub(crate) through_api: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Add an access key, and print its variables
    #[command(after_help = "\
Examples:
  cfstore keys add --scope object-read-only --bucket media
  cfstore keys add --data /srv/media")]
    Add(KeysAdd),
    /// List the keys, without their secrets
    Ls(KeysLs),
    /// Remove access keys, and with them the URLs they signed and the credentials derived from them
    Rm(KeysRm),
}

#[derive(Debug, Args)]
pub(crate) struct KeysAdd {
    /// The permissions: object-read-only, object-read-write, admin-read-only or admin-read-write
    #[arg(long, value_name = "SCOPE", default_value = "object-read-write", value_parser = parse_scope)]
    pub(crate) scope: AccessScope,
    /// A bucket that the key has access to; repeatable [default: all]
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
    /// The access key ids to remove
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
