//! What `cfstore kv` takes.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use cloudflare_clients::kv::Metadata;

use super::namespaces::Namespace;
use super::parse_duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Kv {
    /// Print the value of a key, or write it to a file
    #[command(after_help = "\
Examples:
  cfstore kv get session/1
  cfstore kv get logo.png logo.png
  cfstore --json kv get session/1        with its metadata and when it expires")]
    Get(KvGet),
    /// Store a value: given here, or from a file or stdin
    #[command(after_help = "\
Examples:
  cfstore kv put greeting hello
  cfstore kv put session/1 --file session.json --ttl 1h --metadata '{\"user\":7}'
  date | cfstore kv put today --file -")]
    Put(KvPut),
    /// List keys, with when they expire and their metadata
    #[command(after_help = "\
Examples:
  cfstore kv ls
  cfstore kv ls session/
  cfstore --json kv ls | jq -r .name")]
    Ls(KvLs),
    /// Delete keys
    ///
    /// Keys that are not there are counted apart, as far as KV's cache knows, and are no failure. One that
    /// looks like a pattern is: * is a character like any other.
    #[command(override_usage = "\
cfstore kv rm [OPTIONS] <KEY>...
       cfstore kv rm [OPTIONS] --prefix <PREFIX>
       cfstore kv rm [OPTIONS] --all")]
    #[command(after_help = "\
Examples:
  cfstore kv rm session/1 session/2
  cfstore kv rm --prefix session/          asks first
  cfstore kv rm --all --yes                empties the namespace")]
    Rm(KvRm),
    /// Store or read many keys at once
    #[command(subcommand)]
    Bulk(Bulk),
    /// Create, list, rename or delete the namespaces of the account
    #[command(subcommand)]
    Namespace(Namespace),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bulk {
    /// Store the pairs of a file of JSON, 10,000 a request
    ///
    /// The file is what wrangler takes: an array of objects. The same objects, one a line, are taken too. All
    /// of them are checked before any is stored. Those that have expired since, or would within a minute, are
    /// skipped and counted.
    #[command(after_help = "\
An object has:
  key, value
  base64            true where the value is Base64
  expiration        when it expires, in seconds since 1970
  expiration_ttl    or after how many seconds
  metadata          any JSON

Examples:
  cfstore kv bulk put pairs.json
  cfstore kv bulk get --prefix session/ | cfstore --env-file other.env kv bulk put -")]
    Put(BulkPut),
    /// Print keys and values as JSON, one pair a line, in the form that `bulk put` takes
    ///
    /// Values are read as text, 100 a request. Those that may be no text are read again, each by itself, and
    /// written in Base64. Of a value that begins with a byte order mark nobody knows whether Cloudflare keeps
    /// it in a text: --bytes reads each key by itself, as it is.
    #[command(after_help = "\
Examples:
  cfstore kv bulk get session/1 session/2
  cfstore kv bulk get --prefix images/ --bytes > images.ndjson
  cfstore kv bulk get --all > backup.ndjson")]
    Get(BulkGet),
}

#[derive(Debug, Args)]
pub(crate) struct KvGet {
    /// The key
    pub(crate) key: String,
    /// The file to write to; `-` is stdout
    #[arg(default_value = "-", hide_default_value = true)]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct KvPut {
    /// The key
    pub(crate) key: String,
    /// The value
    #[arg(required_unless_present = "file", allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
    /// The file that holds the value, of 25 MiB at most; `-` is stdin
    #[arg(long, conflicts_with = "value")]
    pub(crate) file: Option<PathBuf>,
    /// After how long the key expires: 60s or more
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) ttl: Option<Duration>,
    /// When the key expires, such as 2027-01-31T18:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "ttl", value_parser = parse_time)]
    pub(crate) expires_at: Option<SystemTime>,
    /// What to keep beside the value: JSON of up to 1,024 bytes
    #[arg(long, value_name = "JSON", value_parser = parse_json)]
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Debug, Args)]
pub(crate) struct KvLs {
    /// Only keys that begin with this
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
}

/// Keys by their names, by a prefix, or all.
#[derive(Debug, Args)]
pub(crate) struct KeySelection {
    /// The keys
    #[arg(value_name = "KEY", required_unless_present_any = ["prefix", "all"])]
    pub(crate) keys: Vec<String>,
    /// All keys that begin with this
    #[arg(long, conflicts_with = "keys", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) prefix: Option<String>,
    /// All keys of the namespace
    #[arg(long, conflicts_with_all = ["keys", "prefix"])]
    pub(crate) all: bool,
}

impl KeySelection {
    /// What the keys begin with, unless they are named.
    pub(crate) fn prefix(&self) -> Option<String> {
        self.prefix.clone().or_else(|| self.all.then(String::new))
    }
}

#[derive(Debug, Args)]
pub(crate) struct KvRm {
    #[command(flatten)]
    pub(crate) selection: KeySelection,
    /// Do not ask, with --prefix or --all
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BulkPut {
    /// The file of JSON; `-` is stdin
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BulkGet {
    #[command(flatten)]
    pub(crate) selection: KeySelection,
    /// Read each key by itself, in two requests, where most values are no text or a byte order mark matters
    #[arg(long)]
    pub(crate) bytes: bool,
}

fn parse_time(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339_weak(text).map_err(|error| format!("{error}; write it as 2027-01-31T18:00:00Z"))
}

fn parse_json(text: &str) -> Result<Metadata, String> {
    Metadata::from_json(text).map_err(|error| error.message().to_owned())
}
