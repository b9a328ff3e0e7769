//! Arguments of `cfstore r2 put`, `get` and `sync`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloudflare_clients::r2::{ChecksumAlgorithm, Range, StorageClass};

use super::{Literal, SseC, parse_pair};

/// Minimum of `--limit-rate`, in bytes per second.
const MIN_RATE: u64 = 1024;

const TREES: &str = "Options for folders and prefixes";

#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The files to store, where a single `-` is stdin; then the key of the object. If the key ends with a
    /// slash, the name of the file is added
    #[arg(value_name = "FILE", required = true)]
    arguments: Vec<OsString>,
    #[arg(skip)]
    pub(crate) files: Vec<PathBuf>,
    /// The last argument.
    #[arg(skip)]
    pub(crate) key: String,
    /// Whether the key is the address of a bucket without a key: files go there under their names.
    #[arg(skip)]
    pub(crate) is_bucket: bool,
    #[command(flatten)]
    pub(crate) metadata: Metadata,
    /// Fail if the object exists
    #[arg(long, conflicts_with = "recursive")]
    pub(crate) if_absent: bool,
    /// Store a folder with its subfolders, except for files that the bucket already has
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) tree: Tree,
    /// Print what would be stored, and store nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

impl Put {
    /// Separates the files from the key. Returns the last argument as an error if it is not UTF-8.
    pub(crate) fn arrange(&mut self) -> Result<(), OsString> {
        let mut arguments = std::mem::take(&mut self.arguments);
        if arguments.len() > 1
            && let Some(key) = arguments.pop()
        {
            self.key = key.into_string()?;
        }
        self.files = arguments.into_iter().map(PathBuf::from).collect();
        Ok(())
    }
}

/// The metadata that objects are stored with.
#[derive(Debug, Clone, Args)]
pub(crate) struct Metadata {
    /// The Content-Type [default: guessed from the key, then from the file name]
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// The Cache-Control header
    #[arg(long, value_name = "VALUE")]
    pub(crate) cache_control: Option<String>,
    /// The Content-Disposition header, such as `attachment; filename="film.mp4"`
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_disposition: Option<String>,
    /// The Content-Encoding of files that are already encoded, such as gzip
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_encoding: Option<String>,
    /// The Content-Language header, such as en
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_language: Option<String>,
    /// The storage class [default: that of the bucket]
    #[arg(long, value_name = "CLASS", value_enum, ignore_case = true)]
    pub(crate) storage_class: Option<Class>,
    /// The checksum that R2 stores. For a multipart upload, crc64nvme covers all bytes; the others cover the
    /// checksums of the parts [default: crc64nvme]
    #[arg(long, value_name = "ALG", value_enum, ignore_case = true)]
    pub(crate) checksum_algorithm: Option<Algorithm>,
    /// Custom metadata; repeatable
    #[arg(long = "metadata", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(crate) custom: Vec<(String, String)>,
}

/// A storage class. The names of the S3 API are accepted too.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Class {
    Standard,
    /// Cheaper to store, more expensive to read, billed for at least 30 days
    #[value(aliases = ["InfrequentAccess", "STANDARD_IA"])]
    InfrequentAccess,
}

impl From<Class> for StorageClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Standard => Self::Standard,
            Class::InfrequentAccess => Self::InfrequentAccess,
        }
    }
}

/// A checksum algorithm, named as in S3.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum Algorithm {
    Crc64Nvme,
    Crc32,
    Crc32c,
    Sha1,
    Sha256,
}

impl From<Algorithm> for ChecksumAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc64Nvme => Self::Crc64Nvme,
            Algorithm::Crc32 => Self::Crc32,
            Algorithm::Crc32c => Self::Crc32c,
            Algorithm::Sha1 => Self::Sha1,
            Algorithm::Sha256 => Self::Sha256,
        }
    }
}

/// Options of every transfer.
#[derive(Debug, Args)]
pub(crate) struct Transfer {
    /// Start over, and record nothing for a later resume
    #[arg(long)]
    pub(crate) no_resume: bool,
    /// Maximum number of concurrent requests: for small files, and for parts or ranges of a large one
    /// [default: 8, for folders 32]
    #[arg(long, value_name = "N", value_parser = parse_concurrency)]
    pub(crate) concurrency: Option<usize>,
    #[command(flatten)]
    pub(crate) rate: Rate,
    #[command(flatten)]
    pub(crate) sse_c: SseC,
}

/// Selects and compares the files of a folder or prefix.
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// Transfer only names that match this pattern; repeatable. A pattern without a slash is compared with
    /// the last part of a name, one with a slash with the whole name below the folder or prefix. A directory
    /// that matches includes everything in it
    #[arg(long, value_name = "PATTERN", help_heading = TREES)]
    pub(crate) include: Vec<String>,
    /// Skip names that match this pattern, even if they are included; repeatable. The folder .cfstore is
    /// always skipped
    #[arg(long, value_name = "PATTERN", help_heading = TREES)]
    pub(crate) exclude: Vec<String>,
    /// Compare checksums instead of times
    #[arg(long, help_heading = TREES, conflicts_with_all = ["size_only", "ignore_times"])]
    pub(crate) checksum: bool,
    /// Compare only sizes
    #[arg(long, help_heading = TREES, conflicts_with = "ignore_times")]
    pub(crate) size_only: bool,
    /// Compare nothing, and transfer everything
    #[arg(long, alias = "no-compare", help_heading = TREES)]
    pub(crate) ignore_times: bool,
    /// Follow symbolic links in the source folder
    #[arg(long, help_heading = TREES)]
    pub(crate) follow_links: bool,
    /// The Cache-Control of names that match a pattern, such as `*.m3u8=no-cache`; repeatable
    #[arg(long, value_name = "PATTERN=VALUE", value_parser = parse_rule, help_heading = TREES)]
    pub(crate) cache_control_of: Vec<(String, String)>,
    /// The Content-Type of names that match a pattern; repeatable
    #[arg(long, value_name = "PATTERN=TYPE", value_parser = parse_rule, help_heading = TREES)]
    pub(crate) content_type_of: Vec<(String, String)>,
}

/// Arguments of `sync`.
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// A folder, or the address of a prefix, such as `r2://media/films/`
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// The address of a prefix, or a folder
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    /// Delete from DST what SRC does not have
    #[arg(long)]
    pub(crate) delete: bool,
    /// Allow --delete in the embedded store
    #[arg(long)]
    pub(crate) local: bool,
    /// Read the variables of the account of DST from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) to_env_file: Option<PathBuf>,
    /// Print what would be done, and do nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) tree: Tree,
    #[command(flatten)]
    pub(crate) metadata: Metadata,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Rate {
    /// Limit the total rate, in bytes per second: 500K is 500 KiB, and M and G are MiB and GiB
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) limit_rate: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The keys of the objects, or patterns; then the file or folder to write to, where `-` is stdout
    /// [default: the last part of the key]
    #[arg(value_name = "KEY", required = true)]
    arguments: Vec<OsString>,
    #[arg(skip)]
    pub(crate) keys: Vec<String>,
    /// The last argument, if there is more than one.
    #[arg(skip)]
    pub(crate) file: Option<PathBuf>,
    /// Fetch only these bytes: `0-1023`, `1024-` (to the end) or `-500` (the last 500)
    #[arg(long, value_parser = parse_range, allow_hyphen_values = true)]
    pub(crate) range: Option<Range>,
    /// Fetch a prefix with its directories, except for objects that the folder already has
    #[arg(short, long, conflicts_with = "range")]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) tree: Tree,
    /// Print what would be fetched, and fetch nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

impl Get {
    /// Separates the keys from the file. Returns the first key that is not UTF-8 as an error.
    pub(crate) fn arrange(&mut self) -> Result<(), OsString> {
        let mut arguments = std::mem::take(&mut self.arguments);
        if arguments.len() > 1 {
            self.file = arguments.pop().map(PathBuf::from);
        }
        self.keys = arguments.into_iter().map(OsString::into_string).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// Parses a pattern and its value.
fn parse_rule(text: &str) -> Result<(String, String), String> {
    parse_pair(text).map_err(|_| "write it as PATTERN=VALUE, such as *.m3u8=no-cache".to_owned())
}

/// Parses a range as in HTTP: both ends are inclusive.
fn parse_range(text: &str) -> Result<Range, String> {
    let wrong = || "write it as 0-1023, 1024- or -500".to_owned();
    let number = |digits: &str| {
        let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u64>().ok()).ok_or_else(wrong)
    };
    match text.split_once('-').ok_or_else(wrong)? {
        ("", suffix) => Ok(Range::Suffix { suffix: number(suffix)? }),
        (offset, "") => Ok(Range::OffsetToEnd { offset: number(offset)? }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err("the range ends before it begins".to_owned());
            }
            Ok(Range::from(first..=last))
        }
    }
}

/// Parses a rate as curl does.
fn parse_rate(text: &str) -> Result<u64, String> {
    let wrong = || "write it as 500K, 10M or 1G, or in bytes per second".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>());
    let rate = number.and_then(Result::ok).and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
    if rate < MIN_RATE {
        return Err("the minimum is 1K: services close slower connections as dead".to_owned());
    }
    Ok(rate)
}

fn parse_concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=128) => Ok(number),
        _ => Err("write a number from 1 to 128".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_as_in_http() {
        assert_eq!(parse_range("0-0"), Ok(Range::OffsetWithLength { offset: 0, length: 1 }));
        assert_eq!(parse_range("5-"), Ok(Range::OffsetToEnd { offset: 5 }));
        assert_eq!(parse_range("-5"), Ok(Range::Suffix { suffix: 5 }));
        for wrong in ["", "-", "5", "a-b", "+1-2", "1-2-3", "99999999999999999999-"] {
            assert_eq!(parse_range(wrong).unwrap_err(), "write it as 0-1023, 1024- or -500", "{wrong}");
        }
        assert_eq!(parse_range("5-4").unwrap_err(), "the range ends before it begins");
    }

    #[test]
    fn rates_are_written_as_for_curl() {
        for (text, rate) in
            [("1024", 1024), ("500k", 500 << 10), ("10M", 10 << 20), ("10MiB", 10 << 20), ("1G", 1 << 30)]
        {
            assert_eq!(parse_rate(text), Ok(rate));
        }
        for wrong in ["", "M", "10MB", "1.5M", "-1", "+1K", "10 M", "99999999999G", "é"] {
            assert_eq!(
                parse_rate(wrong).unwrap_err(),
                "write it as 500K, 10M or 1G, or in bytes per second",
                "{wrong}"
            );
        }
        assert!(parse_rate("1023").unwrap_err().starts_with("the minimum is 1K"));
    }
}
