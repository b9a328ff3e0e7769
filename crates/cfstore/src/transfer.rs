//! Uploads and downloads that can be resumed and interrupted.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{
    Body, Checksum, ChecksumAlgorithm, Conditional, CustomMetadata, HttpMetadata, R2Service, StorageClass,
};
use cloudflare_clients::transfer::{DEFAULT_CONCURRENCY, Downloaded, RateLimit, Upload, Uploaded, Verified};
use indicatif::BinaryBytes;

use crate::cli;
use crate::content_type;
use crate::error::{Error, Result};
use crate::input::Input;
use crate::progress::Progress;
use crate::shutdown;

/// An object to upload.
#[derive(Debug, Clone)]
pub(crate) struct NewObject {
    pub(crate) key: String,
    pub(crate) http_metadata: HttpMetadata,
    pub(crate) custom_metadata: CustomMetadata,
    /// `None` uses the storage class of the bucket.
    pub(crate) storage_class: Option<StorageClass>,
    /// `None` uses CRC-64/NVME.
    pub(crate) checksum_algorithm: Option<ChecksumAlgorithm>,
    /// Fail if the object exists.
    pub(crate) if_absent: bool,
}

impl NewObject {
    /// Creates the object for a file. Without a given content type, it is guessed from the key and the file
    /// name.
    pub(crate) fn new(key: String, file: &Path, metadata: &cli::Metadata, if_absent: bool) -> Self {
        let metadata = metadata.clone();
        let content_type =
            metadata.content_type.unwrap_or_else(|| content_type::guess(&[Path::new(&key), file]).to_owned());
        let mut http_metadata = HttpMetadata::new().content_type(content_type);
        http_metadata.cache_control = metadata.cache_control;
        http_metadata.content_disposition = metadata.content_disposition;
        http_metadata.content_encoding = metadata.content_encoding;
        http_metadata.content_language = metadata.content_language;
        let custom_metadata = metadata.custom.into_iter().collect();
        let storage_class = metadata.storage_class.map(StorageClass::from);
        let checksum_algorithm = metadata.checksum_algorithm.map(ChecksumAlgorithm::from);
        Self { key, http_metadata, custom_metadata, storage_class, checksum_algorithm, if_absent }
    }

    fn only_if(&self) -> Conditional {
        if self.if_absent { Conditional::new().etag_does_not_match("*") } else { Conditional::new() }
    }

    /// Refuses to replace an object before anything is sent. R2 checks the condition of a multipart upload
    /// only on completion, and other services may ignore it.
    async fn check_absent(&self, service: &R2Service) -> Result<()> {
        if self.if_absent && service.head(&self.key).await?.is_some() {
            let message = format!("put {:?}: an object with this key exists, so nothing was sent", self.key);
            return Err(cloudflare_clients::Error::new(ErrorKind::PreconditionFailed, message).into());
        }
        Ok(())
    }
}

/// Settings of transfers.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Resume interrupted transfers, and record the state of this one.
    pub(crate) resume: bool,
    /// Maximum number of concurrent pieces.
    pub(crate) concurrency: usize,
    /// Rate limit of all transfers together.
    pub(crate) limit: Option<RateLimit>,
}

impl Settings {
    pub(crate) fn new(args: &cli::Transfer, service: &R2Service) -> Self {
        Self {
            resume: !args.no_resume,
            concurrency: args.concurrency.unwrap_or(DEFAULT_CONCURRENCY),
            limit: args.rate.limit_rate.map(|rate| RateLimit::new(service, rate)),
        }
    }

    /// Applies the rate limit to a body.
    pub(crate) fn limited(&self, body: Body) -> Body {
        match &self.limit {
            Some(limit) => limit.limit(body),
            None => body,
        }
    }
}

/// Uploads a regular file. `target` is the name of the bucket in summaries.
pub(crate) async fn upload_file(
    service: &R2Service,
    path: &Path,
    object: &NewObject,
    target: &str,
    settings: &Settings,
    report: impl Fn(u64, u64) + Send + Sync + 'static,
) -> Result<Uploaded> {
    object.check_absent(service).await?;
    let mut upload = service
        .upload(path, &object.key)
        .http_metadata(object.http_metadata.clone())
        .custom_metadata(object.custom_metadata.clone())
        .only_if(object.only_if())
        .concurrency(settings.concurrency)
        .on_progress(report);
    if let Some(class) = object.storage_class {
        upload = upload.storage_class(class);
    }
    if let Some(algorithm) = object.checksum_algorithm {
        upload = upload.checksum_algorithm(algorithm);
    }
    if let Some(limit) = &settings.limit {
        upload = upload.share_rate(limit);
    }
    match journal_folder(target).filter(|_| settings.resume) {
        Some(folder) => shutdown::unless_requested(async { Ok(upload.journal(folder).await?) }).await,
        None => without_resuming(upload).await,
    }
}

/// Uploads with a temporary journal, so that an interrupted upload can be aborted.
async fn without_resuming(upload: Upload) -> Result<Uploaded> {
    let folder = tempfile::tempdir()
        .map_err(|error| Error::Local(format!("cannot create a temporary folder: {error}")))?;
    let upload = upload.journal(folder.path());
    let sent = shutdown::unless_requested(async { Ok(upload.clone().await?) }).await;
    // A second Ctrl-C does not wait for the abort.
    if sent.is_err()
        && let Err(error) = shutdown::unless_requested(async { Ok(upload.abort().await?) }).await
    {
        tracing::warn!(%error, "cannot abort the unfinished upload; R2 aborts it after 7 days");
    }
    sent
}

/// Downloads an object into a file. Returns `None` if the object does not exist.
pub(crate) async fn download_file(
    service: &R2Service,
    key: &str,
    path: &Path,
    settings: &Settings,
    report: impl Fn(u64, u64) + Send + Sync + 'static,
) -> Result<Option<Downloaded>> {
    let mut download = service
        .download(key, path)
        .resume(settings.resume)
        .concurrency(settings.concurrency)
        .on_progress(report);
    if let Some(limit) = &settings.limit {
        download = download.share_rate(limit);
    }
    shutdown::unless_requested(async { Ok(download.await?) }).await
}

/// Size of the parts of an upload of unknown length, in bytes. 10,000 parts have 156 GiB.
const STREAM_PART_SIZE: u64 = 16 * 1024 * 1024;
/// Maximum number of such parts that are sent concurrently. They and one more are in memory.
const STREAM_CONCURRENCY: usize = 3;

/// Uploads data of unknown length from a pipe or a device.
pub(crate) async fn upload_input(
    service: &R2Service,
    input: Input,
    object: &NewObject,
    settings: &Settings,
    progress: &Progress,
) -> Result<Uploaded> {
    object.check_absent(service).await?;
    let stopped = input.stopped();
    let report = progress.reporter();
    let mut upload = service
        .upload_reader(input, &object.key)
        .http_metadata(object.http_metadata.clone())
        .custom_metadata(object.custom_metadata.clone())
        .only_if(object.only_if())
        .part_size(STREAM_PART_SIZE)
        .concurrency(settings.concurrency.min(STREAM_CONCURRENCY))
        .on_progress(move |done| report(done, None));
    if let Some(class) = object.storage_class {
        upload = upload.storage_class(class);
    }
    if let Some(algorithm) = object.checksum_algorithm {
        upload = upload.checksum_algorithm(algorithm);
    }
    if let Some(limit) = &settings.limit {
        upload = upload.share_rate(limit);
    }
    match upload.await {
        // The upload is aborted if its input fails.
        Err(_) if stopped.load(Ordering::Relaxed) => Err(Error::Interrupted),
        uploaded => Ok(uploaded?),
    }
}

/// How a transfer was verified, for summaries.
pub(crate) struct Proof(pub(crate) Option<Verified>);

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Verified::LengthOnly) => f.write_str("  verified by length only"),
            Some(verified) => write!(f, "  verified by {verified}"),
            None => Ok(()),
        }
    }
}

/// Number of bytes transferred by an interrupted run, for summaries.
pub(crate) struct Resumed(pub(crate) u64);

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "  {} resumed", BinaryBytes(self.0)) }
    }
}

/// Returns the folder of the journals of uploads to this bucket, named as in summaries.
pub(crate) fn journal_folder(target: &str) -> Option<PathBuf> {
    journals(target, |name| env::var_os(name))
}

/// Returns the folder of the journals, if the environment names the folder for the state of programs.
fn journals(target: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        // https://specifications.freedesktop.org/basedir-spec/latest/
        folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))
    };
    // The target can contain any character, so the folder is named by its checksum.
    let name = Checksum::of(ChecksumAlgorithm::Sha256, target.as_bytes()).to_hex();
    let name = name.get(..16)?;
    Some(state?.join("cfstore").join("transfers").join(name))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_has_a_folder_of_journals() {
        let journals = |target: &str, xdg: Option<&str>, home: Option<&str>| {
            journals(target, |name| if name == "HOME" { home } else { xdg }.map(OsString::from))
        };
        let one = journals("bucket a at x", None, Some("/home/me")).unwrap();
        assert!(one.starts_with("/home/me/.local/state/cfstore/transfers"), "{one:?}");
        assert_ne!(journals("bucket b at x", None, Some("/home/me")).unwrap(), one);
        assert!(
            journals("b", Some("/state"), Some("/home/me")).unwrap().starts_with("/state/cfstore/transfers")
        );
        assert_eq!(journals("b", Some("relative"), None), None);
    }
}
