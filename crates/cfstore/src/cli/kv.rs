//! Arguments of `cfstore kv`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use cloudflare_clients::kv::{MIN_EXPIRATION_TTL, Metadata};

use super::namespaces::Namespace;
use super::parse_duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Kv {
    /// Print the value of a key, or write it to a file
    #[command(after_help = "\
Examples:
  cfstore kv get session/1
  cfstore kv get logo.png logo.png
  cfstore --json kv get session/1        with metadata and expiry")]
    Get(KvGet),
    /// Store a value from an argument, a file or stdin
    #[command(after_help = "\
Examples:
  cfstore kv put greeting hello
  cfstore kv put session/1 --file session.json --ttl 1h --metadata '{\"user\":7}'
  date | cfstore kv put today --file -")]
    Put(KvPut),
    /// List keys with their expiry and metadata
    #[command(after_help = "\
Examples:
  cfstore kv ls
  cfstore kv ls session/
  cfstore --json kv ls | jq -r .name")]
    Ls(KvLs),
    /// Delete keys
    ///
    /// Missing keys are not an error; they are counted separately, as far as KV's cache knows. KV has no
    /// patterns: * is a plain character.
    #[command(override_usage = "\
cfstore kv rm [OPTIONS] <KEY>...
       cfstore kv rm [OPTIONS] --prefix <PREFIX>
       cfstore kv rm [OPTIONS] --all")]
    #[command(after_help = "\
Examples:
  cfstore kv rm session/1 session/2
  cfstore kv rm --prefix session/          ask first
  cfstore kv rm --all --yes                empty the namespace")]
    Rm(KvRm),
    /// Store or read many keys
    #[command(subcommand)]
    Bulk(Bulk),
    /// Create, list, rename or delete the namespaces of the account
    #[command(subcommand)]
    Namespace(Namespace),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bulk {
    /// Store the pairs of a JSON file, 10,000 per request
    ///
    /// The file has the format of wrangler: an array of objects. One object per line works too. All pairs are
    /// checked before any is stored. Pairs that have expired, or expire within a minute, are skipped and
    /// counted.
    #[command(after_help = "\
Fields of an object:
  key, value        strings
  base64            true if the value is Base64
  expiration        when the key expires, in seconds since 1970
  expiration_ttl    or after how many seconds it expires
  metadata          any JSON

Examples:
  cfstore kv bulk put pairs.json
  cfstore kv bulk get --prefix session/ | cfstore --env-file other.env kv bulk put -")]
    Put(BulkPut),
    /// Print keys and values as JSON, one pair per line, in the format of `bulk put`
    ///
    /// Values are read as text, 100 per request. Values that may not be text are read again one by one, and
    /// written in Base64. Cloudflare may drop a byte order mark at the start of a text: --bytes reads each
    /// key by itself, byte for byte.
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
    /// The file to write to; `-`, the default, is stdout
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
    /// Read the value, up to 25 MiB, from this file; `-` is stdin
    #[arg(long, conflicts_with = "value")]
    pub(crate) file: Option<PathBuf>,
    /// Expire the key after this time, 60s or more
    #[arg(long, value_name = "DURATION", value_parser = parse_ttl)]
    pub(crate) ttl: Option<Duration>,
    /// Expire the key at this time, such as 2027-01-31T18:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "ttl", value_parser = parse_time)]
    pub(crate) expires_at: Option<SystemTime>,
    /// Metadata to store with the value: JSON of up to 1,024 bytes
    #[arg(long, value_name = "JSON", value_parser = parse_json)]
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Debug, Args)]
pub(crate) struct KvLs {
    /// Only keys that begin with this
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
}

/// Selects keys by name, by prefix, or all of them.
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
    /// Returns the prefix of the keys (empty for `--all`), or `None` if keys are named.
    pub(crate) fn prefix(&self) -> Option<String> {
        self.prefix.clone().or_else(|| self.all.then(String::new))
    }
}

#[derive(Debug, Args)]
pub(crate) struct KvRm {
    #[command(flatten)]
    pub(crate) selection: KeySelection,
    /// Do not ask for confirmation with --prefix or --all
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BulkPut {
    /// The JSON file; `-` is stdin
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BulkGet {
    #[command(flatten)]
    pub(crate) selection: KeySelection,
    /// Read each key by itself, with two requests; use it for values that are mostly not text
    #[arg(long)]
    pub(crate) bytes: bool,
}

fn parse_ttl(text: &str) -> Result<Duration, String> {
    let ttl = parse_duration(text)?;
    if ttl.subsec_nanos() != 0 || ttl < MIN_EXPIRATION_TTL {
        return Err("write whole seconds, 60s or more".to_owned());
    }
    Ok(ttl)
}

fn parse_time(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339_weak(text).map_err(|_| "write it as 2027-01-31T18:00:00Z".to_owned())
}

fn parse_json(text: &str) -> Result<Metadata, String> {
    Metadata::from_json(text).map_err(|error| error.message().to_owned())
}
