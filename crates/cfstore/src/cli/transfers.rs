//! What the commands take that store files and fetch them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloudflare_clients::r2::{ChecksumAlgorithm, Range, StorageClass};

use super::{Literal, SseC, parse_pair};

/// The least rate that is kept to.
const MIN_RATE: u64 = 1024;

const TREES: &str = "Options for folders and prefixes";

#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The files to store; `-` alone is stdin
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The key of the object; one that ends with a slash is a folder, and what goes there keeps its name
    pub(crate) key: String,
    /// Whether the key is the address of a bucket, which is a folder.
    #[arg(skip)]
    pub(crate) is_bucket: bool,
    #[command(flatten)]
    pub(crate) metadata: Metadata,
    /// Fail rather than replace an object
    #[arg(long, conflicts_with = "recursive")]
    pub(crate) if_absent: bool,
    /// Store the files of a folder, and of the folders in it, but for what the bucket has already
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) tree: Tree,
    /// Say what would be stored, and store nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// What objects are stored with.
#[derive(Debug, Clone, Args)]
pub(crate) struct Metadata {
    /// The Content-Type [default: guessed from the key's name, then the file's]
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// The Cache-Control that it is served with
    #[arg(long, value_name = "VALUE")]
    pub(crate) cache_control: Option<String>,
    /// The Content-Disposition, such as `attachment; filename="film.mp4"`
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_disposition: Option<String>,
    /// The Content-Encoding of bytes that are encoded already, such as gzip
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_encoding: Option<String>,
    /// The Content-Language
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_language: Option<String>,
    /// How R2 stores it [default: as the bucket says]
    #[arg(long, value_name = "CLASS", value_enum, ignore_case = true)]
    pub(crate) storage_class: Option<Class>,
    /// The checksum that R2 keeps. Of an object in parts crc64nvme is of all bytes, and the others are of the
    /// checksums of the parts [default: crc64nvme]
    #[arg(long, value_name = "ALG", value_enum, ignore_case = true)]
    pub(crate) checksum_algorithm: Option<Algorithm>,
    /// Custom metadata; may be given several times
    #[arg(long = "metadata", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(crate) custom: Vec<(String, String)>,
}

/// A storage class. Those of the S3 API are understood too.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Class {
    Standard,
    /// Cheaper to keep, dearer to read, billed for 30 days at least
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

/// The algorithm of a checksum, by the name that S3 has for it.
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

/// How the bytes of files go.
#[derive(Debug, Args)]
pub(crate) struct Transfer {
    /// Begin anew, and keep nothing of what is interrupted
    #[arg(long)]
    pub(crate) no_resume: bool,
    /// The most that is under way at once: small files, and parts or ranges of a large one
    /// [default: 8, of folders 32]
    #[arg(long, value_name = "N", value_parser = parse_concurrency)]
    pub(crate) concurrency: Option<usize>,
    #[command(flatten)]
    pub(crate) rate: Rate,
    #[command(flatten)]
    pub(crate) sse_c: SseC,
}

/// What of a folder or prefix is transferred.
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// Only names that match this pattern, or another one that is given so. Without a slash it is about the
    /// last part of a name, with one about the whole name below the folder or prefix. What matches a
    /// directory is about all in it
    #[arg(long, value_name = "PATTERN", help_heading = TREES)]
    pub(crate) include: Vec<String>,
    /// Not the names that match this pattern, even if they are included. The folder .cfstore is never transferred
    #[arg(long, value_name = "PATTERN", help_heading = TREES)]
    pub(crate) exclude: Vec<String>,
    /// Compare the bytes of files and objects, not their times
    #[arg(long, help_heading = TREES, conflicts_with_all = ["size_only", "ignore_times"])]
    pub(crate) checksum: bool,
    /// Compare the sizes alone
    #[arg(long, help_heading = TREES, conflicts_with = "ignore_times")]
    pub(crate) size_only: bool,
    /// Compare nothing, and transfer all
    #[arg(long, alias = "no-compare", help_heading = TREES)]
    pub(crate) ignore_times: bool,
    /// Follow symbolic links in a folder that is sent
    #[arg(long, help_heading = TREES)]
    pub(crate) follow_links: bool,
    /// The Cache-Control of names that match a pattern, such as `*.m3u8=no-cache`; may be given several times
    #[arg(long, value_name = "PATTERN=VALUE", value_parser = parse_pair, help_heading = TREES)]
    pub(crate) cache_control_of: Vec<(String, String)>,
    /// The Content-Type of names that match a pattern; may be given several times
    #[arg(long, value_name = "PATTERN=TYPE", value_parser = parse_pair, help_heading = TREES)]
    pub(crate) content_type_of: Vec<(String, String)>,
}

/// What folders and prefixes are made alike by.
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// A folder, or the address of a prefix, such as `r2://media/films/`
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// The address of a prefix, or a folder
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    /// Delete what DST has and SRC has not
    #[arg(long)]
    pub(crate) delete: bool,
    /// Mean the embedded store, which --delete has to be told
    #[arg(long)]
    pub(crate) local: bool,
    /// The variables of the account that DST is in
    #[arg(long, value_name = "FILE")]
    pub(crate) to_env_file: Option<PathBuf>,
    /// Say what would be done, and do nothing
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
    /// The most bytes a second, of all together: 500K is 500 KiB, and M and G are MiB and GiB
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) limit_rate: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The keys of the objects, or patterns; behind them the file or folder to write to, where `-` is stdout
    /// [default: the last part of the key]
    #[arg(value_name = "KEY", required = true)]
    arguments: Vec<OsString>,
    #[arg(skip)]
    pub(crate) keys: Vec<String>,
    /// The last argument, where there is more than one.
    #[arg(skip)]
    pub(crate) file: Option<PathBuf>,
    /// Only these bytes: `0-1023`, `1024-` (from there on) or `-500` (the last 500)
    #[arg(long, value_parser = parse_range, allow_hyphen_values = true)]
    pub(crate) range: Option<Range>,
    /// Fetch what lies below a prefix, with its directories, but for what the folder has already
    #[arg(short, long, conflicts_with = "range")]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) tree: Tree,
    /// Say what would be fetched, and fetch nothing
    #[arg(long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
    #[command(flatten)]
    pub(crate) literal: Literal,
}

impl Get {
    /// Tells the keys from the file. The first key that is not text is an error.
    pub(crate) fn arrange(&mut self) -> Result<(), OsString> {
        let mut arguments = std::mem::take(&mut self.arguments);
        if arguments.len() > 1 {
            self.file = arguments.pop().map(PathBuf::from);
        }
        self.keys = arguments.into_iter().map(OsString::into_string).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// HTTP's forms: both ends count.
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
                return Err("it ends before it begins".to_owned());
            }
            Ok(Range::from(first..=last))
        }
    }
}

/// curl's forms.
fn parse_rate(text: &str) -> Result<u64, String> {
    let wrong = || "write it as 500K, 10M or 1G, or as bytes".to_owned();
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
        return Err("it is 1K at least: services take a slower connection for a dead one".to_owned());
    }
    Ok(rate)
}

fn parse_concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=128) => Ok(number),
        _ => Err("it is 1 to 128".to_owned()),
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
        assert_eq!(parse_range("5-4").unwrap_err(), "it ends before it begins");
    }

    #[test]
    fn rates_are_written_as_for_curl() {
        for (text, rate) in
            [("1024", 1024), ("500k", 500 << 10), ("10M", 10 << 20), ("10MiB", 10 << 20), ("1G", 1 << 30)]
        {
            assert_eq!(parse_rate(text), Ok(rate));
        }
        for wrong in ["", "M", "10MB", "1.5M", "-1", "+1K", "10 M", "99999999999G", "é"] {
            assert_eq!(parse_rate(wrong).unwrap_err(), "write it as 500K, 10M or 1G, or as bytes", "{wrong}");
        }
        assert!(parse_rate("1023").unwrap_err().starts_with("it is 1K at least"));
    }
}
