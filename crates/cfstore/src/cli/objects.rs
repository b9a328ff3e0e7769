//! What the commands take that list, add up, delete, copy and move objects, and those about unfinished uploads.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::transfers::Rate;
use super::{Literal, SseC, parse_duration};

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only keys that begin with this, or match this pattern; end it with a slash to look into a directory
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Every object, by its whole key
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Every object, below its directories
    #[arg(short, long)]
    pub(crate) tree: bool,
    /// The storage class and etag too, and the content type where a listing has it, which over S3 it has not
    #[arg(short, long)]
    pub(crate) long: bool,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Args)]
pub(crate) struct Du {
    /// Only keys that begin with this, or match this pattern
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Also each directory, so many levels below
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true)]
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
    /// All objects whose keys begin with this
    #[arg(long, conflicts_with = "keys", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) prefix: Option<String>,
    /// All objects of the bucket
    #[arg(long, conflicts_with_all = ["keys", "prefix"])]
    pub(crate) all: bool,
    /// Do not ask, with a pattern, --prefix or --all
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say what would be deleted, and delete nothing
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
    /// The key that it gets; one that ends with a slash is a folder, and gets the last part of SRC
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    /// The variables of the account that DST is in
    #[arg(long, value_name = "FILE")]
    pub(crate) to_env_file: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) rate: Rate,
    #[command(flatten)]
    pub(crate) sse_c: SseC,
    /// The key that SRC is encrypted with, where it is another one than that of the copy; `none` where SRC
    /// has none
    #[arg(long, value_name = "FILE")]
    pub(crate) source_sse_c_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Uploads {
    /// List unfinished uploads: their age, parts and bytes
    Ls(UploadsLs),
    /// Abort the unfinished uploads of a key, or one of them
    ///
    /// Without the id of the upload, it asks first.
    #[command(after_help = "\
Examples:
  cfstore r2 uploads abort creator-123/film.mp4
  cfstore r2 uploads abort creator-123/film.mp4 AbCd...    the one with this id")]
    Abort(UploadsAbort),
    /// Abort the unfinished uploads that were begun some time ago
    ///
    /// It asks first. R2 itself drops what is unfinished after 7 days, unless the bucket's lifecycle rules
    /// say otherwise.
    #[command(after_help = "\
Examples:
  cfstore r2 uploads clean --older-than 1day --dry-run
  cfstore r2 uploads clean --older-than 12h creator-123/ --yes")]
    Clean(UploadsClean),
}

#[derive(Debug, Args)]
pub(crate) struct UploadsLs {
    /// Only uploads whose keys begin with this, or match this pattern
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

#[derive(Debug, Args)]
pub(crate) struct UploadsAbort {
    /// The key of the object that it was to be
    pub(crate) key: String,
    /// The id of the upload [default: all uploads of the key]
    pub(crate) upload_id: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UploadsClean {
    /// Only uploads whose keys begin with this, or match this pattern
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Those that were begun so long ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) older_than: Duration,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say what would be aborted, and abort nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) literal: Literal,
}
