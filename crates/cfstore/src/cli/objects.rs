//! Arguments of the commands that list, count, delete, copy and move objects, and of `cfstore r2 uploads`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::transfers::Rate;
use super::{Literal, SseC, parse_duration, parse_number};

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Show only keys that begin with this or match this pattern; end a directory with a slash
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// List every object by its full key
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// List every object as a tree of directories
    #[arg(short, long)]
    pub(crate) tree: bool,
    /// Also show the storage class, the etag and the content type, which listings over S3 lack
    #[arg(short, long)]
    pub(crate) long: bool,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Args)]
pub(crate) struct Du {
    /// Count only keys that begin with this or match this pattern
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Also print each directory, down to this many levels
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true,
          value_parser = parse_number)]
    pub(crate) depth: usize,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// The keys of the objects, or patterns
    #[arg(value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,
    #[command(flatten)]
    pub(crate) sse_c: SseC,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The keys of the objects, or patterns
    #[arg(value_name = "KEY", required_unless_present_any = ["prefix", "all"])]
    pub(crate) keys: Vec<String>,
    /// Delete all objects whose keys begin with this
    #[arg(long, conflicts_with = "keys", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) prefix: Option<String>,
    /// Delete all objects of the bucket
    #[arg(long, conflicts_with_all = ["keys", "prefix"])]
    pub(crate) all: bool,
    /// Do not ask for confirmation with a pattern, --prefix or --all
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print what would be deleted, and delete nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Args)]
pub(crate) struct Cp {
    /// The key of the object, or a pattern
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// The new key; if it ends with a slash, the last part of SRC is added
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    /// Read the variables of the account of DST from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) to_env_file: Option<PathBuf>,
    /// Print what would be done, and do nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) rate: Rate,
    #[command(flatten)]
    pub(crate) sse_c: SseC,
    /// The key that SRC is encrypted with, if it differs from that of the copy; `none` if SRC is not
    /// encrypted with a customer's key
    #[arg(long, value_name = "FILE")]
    pub(crate) source_sse_c_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Uploads {
    /// List unfinished uploads with their age, parts and bytes
    Ls(UploadsLs),
    /// Abort the unfinished uploads of a key, or one of them
    ///
    /// Without an upload id, it asks for confirmation.
    #[command(after_help = "\
Examples:
  cfstore r2 uploads abort creator-123/film.mp4
  cfstore r2 uploads abort creator-123/film.mp4 AbCd...    the one with this id")]
    Abort(UploadsAbort),
    /// Abort unfinished uploads that started some time ago
    ///
    /// It asks for confirmation. R2 aborts unfinished uploads after 7 days by itself, unless the lifecycle
    /// rules of the bucket differ.
    #[command(after_help = "\
Examples:
  cfstore r2 uploads clean --older-than 1day --dry-run
  cfstore r2 uploads clean --older-than 12h creator-123/ --yes")]
    Clean(UploadsClean),
}

#[derive(Debug, Args)]
pub(crate) struct UploadsLs {
    /// List only uploads whose keys begin with this or match this pattern
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Args)]
pub(crate) struct UploadsAbort {
    /// The key that the upload was started for
    pub(crate) key: String,
    /// The id of the upload [default: all uploads of the key]
    pub(crate) upload_id: Option<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UploadsClean {
    /// Abort only uploads whose keys begin with this or match this pattern
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Abort uploads that started at least this long ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) older_than: Duration,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print what would be aborted, and abort nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) literal: Literal,
}
