//! Copies of objects, within a bucket and between buckets.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture, Either, Shared, try_join_all};

use super::DEFAULT_CONCURRENCY;
use super::begun_upload::BegunUpload;
use super::copy_route::CopyRoute;
use super::get_range::replaced;
use super::pieces::{Piece, Pieces};
use super::proof::{Verified, parts_of};
use super::rate::RateLimit;
use super::tally::{Report, Tally};
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pace::Pace;
use crate::error::{Error, ErrorKind, Result, TOO_LARGE};
use crate::model::r2::error_code::{INVALID_REQUEST, NO_SUCH_KEY};
use crate::model::r2::multipart::{is_md5_of_parts, parts_of_etag};
use crate::model::r2::{
    Checksum, ChecksumAlgorithm, Conditional, CreateMultipartUploadRequest, MAX_SINGLE_UPLOAD, MIN_PART_SIZE,
    Object, SseCustomerKey, StoredObject, UploadedPart, normalize_key, validate_key,
};
use crate::r2::{CreateMultipartUpload, MultipartUpload, R2Service};
use crate::sync::{into_inner, lock};

/// Size of the parts that the service copies, if the source was not uploaded in parts.
const COPIED_PART_SIZE: u64 = 256 * 1024 * 1024;

impl R2Service {
    /// Copies an object of any size to another key or another bucket: `r2.copy_object("a.mp4",
    /// "b.mp4").to_bucket(&archive).await?`. The source is a key, or an [`Object`] from a listing.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalStore, Result, r2::R2Service};
    /// use cloudflare_clients::transfer::Verified;
    /// use futures_util::{StreamExt as _, TryStreamExt as _};
    ///
    /// /// Copies everything below a prefix to another bucket, eight objects at a time.
    /// async fn archive(r2: &R2Service, prefix: &str, archive: &R2Service) -> Result<()> {
    ///     r2.list()
    ///         .prefix(prefix)
    ///         .stream()
    ///         .map_ok(|object| {
    ///             let key = object.key.clone();
    ///             r2.copy_object(object, key).to_bucket(archive).into_future()
    ///         })
    ///         .try_buffer_unordered(8)
    ///         .try_for_each(|copied| async move {
    ///             assert_eq!(copied.verified, Verified::Md5);
    ///             Ok(())
    ///         })
    ///         .await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = LocalStore::open(folder.path()).await?;
    /// # for bucket in ["media", "archive"] { store.create_bucket(bucket).await?; }
    /// # let [r2, old] = ["media", "archive"].map(|name| R2Service::new(store.bucket(name).unwrap()));
    /// r2.put("2026/a.txt", "text").content_type("text/plain").await?;
    /// archive(&r2, "2026/", &old).await?;
    /// assert_eq!(old.get("2026/a.txt").await?.unwrap().content_type(), Some("text/plain"));
    /// # Ok(()) }
    /// ```
    pub fn copy_object(&self, source: impl Into<CopySource>, key: impl Into<String>) -> ObjectCopy {
        ObjectCopy {
            source: self.clone(),
            from: source.into(),
            destination: None,
            key: key.into(),
            only_if: Conditional::default(),
            whole_up_to: None,
            part_size: None,
            concurrency: DEFAULT_CONCURRENCY,
            rate: None,
            report: None,
            stop: None,
        }
    }
}

/// The source of a copy: a key, or an [`Object`] from a listing or `head`, which is copied only if it is
/// unchanged.
#[derive(Debug, Clone)]
pub struct CopySource(Source);

#[derive(Debug, Clone)]
enum Source {
    Key(String),
    Object(Box<Object>),
}

impl CopySource {
    fn key(&self) -> &str {
        match &self.0 {
            Source::Key(key) => key,
            Source::Object(object) => &object.key,
        }
    }
}

impl From<&str> for CopySource {
    fn from(key: &str) -> Self {
        Self(Source::Key(key.to_owned()))
    }
}

impl From<&String> for CopySource {
    fn from(key: &String) -> Self {
        Self(Source::Key(key.clone()))
    }
}

impl From<String> for CopySource {
    fn from(key: String) -> Self {
        Self(Source::Key(key))
    }
}

impl From<Object> for CopySource {
    fn from(object: Object) -> Self {
        Self(Source::Object(Box::new(object)))
    }
}

/// A request to copy one object. Awaiting it stores the copy and returns how it was verified. Metadata and
/// storage class are kept.
///
/// - **Within a bucket, or between two buckets of one account**
///   ([`Bucket::address`](crate::r2::Bucket::address)), the service copies and no bytes pass through this
///   process. An object of up to [`MAX_SINGLE_UPLOAD`] is copied by one request, a larger one in parallel
///   parts. If the source was uploaded in parts, the copy gets the same parts, so that both have the same
///   etag.
/// - **Otherwise**, and if the service cannot copy, the bytes pass through this process: small objects whole,
///   others in parallel parts. At most 128 MiB of parts are in memory, or one part if it is larger.
///
/// # Errors
/// [`ErrorKind::PreconditionFailed`] if the source is replaced during the copy; nothing is stored.
/// [`ErrorKind::NoSuchKey`] if the source is missing; the [`key`](crate::Error::key) of the error is the
/// source's. If a copy in parts fails or is dropped, it is aborted, as long as the runtime runs.
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ObjectCopy {
    pub(super) source: R2Service,
    from: CopySource,
    destination: Option<R2Service>,
    pub(super) key: String,
    pub(super) only_if: Conditional,
    pub(super) whole_up_to: Option<u64>,
    pub(super) part_size: Option<u64>,
    pub(super) concurrency: usize,
    pub(super) rate: Option<RateLimit>,
    report: Option<Report>,
    stop: Option<Shared<BoxFuture<'static, ()>>>,
}

/// The result of a copy.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Copied {
    /// The source, as far as the service described it.
    pub source: Object,
    /// The copy, as far as the service described it.
    pub stored: StoredObject,
    /// The checksum that showed that both have the same bytes.
    pub verified: Verified,
}

impl ObjectCopy {
    /// Copies to another bucket, which may be of another service. The default is the source's bucket.
    pub fn to_bucket(mut self, destination: &R2Service) -> Self {
        self.destination = Some(destination.clone());
        self
    }

    /// Sets the customer's key (SSE-C) that the source is encrypted with. It replaces the key of [the
    /// source's service](R2Service::with_ssec_key).
    pub fn source_ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.destination.get_or_insert_with(|| self.source.clone());
        self.source = self.source.with_ssec_key(key);
        self
    }

    /// Sets the customer's key (SSE-C) to encrypt the copy with. It replaces the key of the destination's
    /// service: call it after [`to_bucket`](Self::to_bucket).
    pub fn ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        let destination = self.destination.take().unwrap_or_else(|| self.source.clone());
        self.destination = Some(destination.with_ssec_key(key));
        self
    }

    /// Copies only if the object that the new key already has meets this condition. For a copy in parts, the
    /// service checks it when the upload is completed.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = only_if;
        self
    }

    /// Sets the largest size that is copied by one request, in bytes; larger objects are copied in parts. The
    /// default is [`MAX_SINGLE_UPLOAD`] if the service copies, no limit in the embedded store, and 16 MiB if
    /// the bytes pass through this process, where it is also one part at most.
    pub fn whole_up_to(mut self, bytes: u64) -> Self {
        self.whole_up_to = Some(bytes);
        self
    }

    /// Sets the size of every part but the last, 5 MiB to 5 GiB. The default is the size of the source's
    /// parts. If the source has none, it is 256 MiB if the service copies and 16 MiB if the bytes pass
    /// through this process, and more if 10,000 parts are not enough.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// Sets the maximum number of parts in flight. The default is 8; 0 counts as 1.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.concurrency = parts.max(1);
        self
    }

    /// Limits the bytes per second that are sent on if they pass through this process, for all parts
    /// together. The minimum is 1 KiB. At a low rate fewer parts are in flight, so that each has 64 KiB a
    /// second.
    pub fn limit_rate(self, bytes_per_second: u64) -> Self {
        let limit = RateLimit::new(&self.source, bytes_per_second);
        self.share_rate(&limit)
    }

    /// Like [`limit_rate`](Self::limit_rate), with a limit that other transfers share.
    pub fn share_rate(mut self, limit: &RateLimit) -> Self {
        self.rate = Some(limit.clone());
        self
    }

    /// Calls `report(done, total)` with byte counts: after each part if the service copies, otherwise as
    /// bytes pass.
    pub fn on_progress(mut self, report: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }

    /// Stops the copy when `stop` completes: it is aborted and fails with [`ErrorKind::Timeout`].
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(stop.boxed().shared());
        self
    }

    fn validate(&self) -> Result<()> {
        validate_key(self.from.key()).map_err(|error| error.explain("the source of the copy"))?;
        validate_key(&self.key)?;
        self.only_if.validate()?;
        self.part_size.map_or(Ok(()), |size| Pieces::new(0, Some(size)).map(drop))
    }

    async fn send(self) -> Result<Copied> {
        let key = self.key.clone();
        let operation = Operation::new("copy_object", &key);
        operation.check(self.validate())?;
        operation.check(self.run().await)
    }

    async fn run(self) -> Result<Copied> {
        let destination = self.destination.as_ref().unwrap_or(&self.source);
        let route = CopyRoute::between(&self.source, destination);
        let same_key = self.source.ssec_key() == destination.ssec_key();
        if route == CopyRoute::Within
            && same_key
            && normalize_key(self.from.key()) == normalize_key(&self.key)
        {
            return Err(Error::invalid_input(
                "the source of the copy is also its destination: give another key or bucket, or change its metadata with `copy`",
            ));
        }
        let concurrency = RateLimit::pieces_at_once(self.rate.as_ref(), self.concurrency);
        let pace = match self.source.pace() {
            Some(pace) => Arc::clone(pace),
            None => Arc::new(Pace::new(Arc::clone(self.source.runtime()), concurrency)),
        };
        let (source, destination) = (self.source.at_pace(&pace), destination.at_pace(&pace));
        let object = match &self.from.0 {
            Source::Object(object) => (**object).clone(),
            Source::Key(key) => source.head(key).await?.ok_or_else(|| missing(key))?,
        };
        let tally = Tally::new(object.size, self.report.clone());
        let transfer = CopyTransfer { copy: self, source, destination, route, pace, tally };
        if transfer.route != CopyRoute::Through {
            match transfer.by_service(&object).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    tracing::debug!(key = object.key, %error, "the service does not copy: the bytes pass through this process");
                }
                copied => return copied,
            }
        }
        transfer.through(&object).await
    }
}

impl fmt::Debug for ObjectCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectCopy")
            .field("source", &self.from.key())
            .field("key", &self.key)
            .field("whole_up_to", &self.whole_up_to)
            .field("part_size", &self.part_size)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

sent_when_awaited!(ObjectCopy => Copied);

/// A copy in progress.
pub(super) struct CopyTransfer {
    pub(super) copy: ObjectCopy,
    pub(super) source: R2Service,
    pub(super) destination: R2Service,
    route: CopyRoute,
    pub(super) pace: Arc<Pace>,
    pub(super) tally: Arc<Tally>,
}

impl CopyTransfer {
    async fn by_service(&self, object: &Object) -> Result<Copied> {
        let in_this_process = self.destination.bucket().has_reliable_transport();
        let most = if in_this_process { u64::MAX } else { MAX_SINGLE_UPLOAD };
        if object.size <= self.copy.whole_up_to.unwrap_or(most) || object.size == 0 {
            match self.unless_stopped(self.whole(object)).await {
                Err(error) if is_too_large(&error) && object.size > MIN_PART_SIZE => {
                    tracing::debug!(key = object.key, %error, "the service does not copy the object in one request");
                }
                copied => return copied,
            }
        }
        self.in_parts(object).await
    }

    /// Copies the object with one request.
    async fn whole(&self, object: &Object) -> Result<Copied> {
        let _slot = self.pace.slot().await;
        let mut copy = self.destination.copy(&object.key, &self.copy.key);
        copy = copy.source_ssec_key(self.source.ssec_key().cloned());
        if let Some(bucket) = self.route.source_bucket() {
            copy = copy.source_bucket(bucket);
        }
        if let Some(class) = object.storage_class {
            copy = copy.storage_class(class);
        }
        let stored = copy.source_only_if(unchanged(object)).only_if(self.copy.only_if.clone()).await;
        let stored = stored.map_err(|error| if_replaced(error, self.copy.only_if.is_empty()))?;
        let verified = self.compared(object, &stored).await?;
        self.tally.add(object.size);
        Ok(copied(object.clone(), stored, verified))
    }

    /// Copies the object with one request per part.
    async fn in_parts(&self, object: &Object) -> Result<Copied> {
        let object = self.described(object).await?;
        let of_source = match self.copy.part_size {
            Some(_) => None,
            None => parts_of(&self.source, &object).await?.filter(|parts| are_allowed(*parts)),
        };
        let pieces = match (of_source, self.copy.part_size) {
            (Some(parts), _) => parts,
            (None, Some(size)) => Pieces::new(object.size, Some(size))?,
            (None, None) => Pieces::of_at_least(object.size, COPIED_PART_SIZE)?,
        };
        let begun = self.begin(&object).await?;
        let stored = async {
            let upload = begun.upload()?;
            let parts = self.copy_parts(&object, upload, pieces).await?;
            if !self.source.head(&object.key).await?.is_some_and(|now| is_same(&object, &now)) {
                return Err(replaced());
            }
            let verifies = self.destination.verifies();
            let is_plain = self.is_plain();
            if of_source.is_some()
                && verifies
                && is_plain
                && is_md5_of_parts(&object.etag, &parts) == Some(false)
            {
                return Err(other_bytes(&object, "the parts that were copied"));
            }
            let mut complete = upload.complete(parts).only_if(self.copy.only_if.clone());
            if let Some(crc) = crc_of(&object).filter(|_| begun.with_crc) {
                complete = complete.checksum(crc);
            }
            complete.await
        };
        let stored = self.unless_stopped(stored).await;
        let stored = begun.or_abort(stored).await?;
        let verified = self.compared(&object, &stored).await?;
        Ok(copied(object, stored, verified))
    }

    async fn copy_parts(
        &self,
        object: &Object,
        upload: &MultipartUpload,
        pieces: Pieces,
    ) -> Result<Vec<UploadedPart>> {
        let conditional = AtomicBool::new(!object.etag.is_empty());
        let queue = Mutex::new(pieces.iter());
        let arrived = Mutex::new(BTreeMap::new());
        let worker = || async {
            loop {
                let _slot = self.pace.slot().await;
                let Some(piece) = lock(&queue).next() else { return Ok::<_, Error>(()) };
                let part = self.copy_part(object, upload, piece, &conditional).await?;
                lock(&arrived).insert(piece.number, part);
                self.tally.add(piece.length);
            }
        };
        try_join_all((0..self.copy.concurrency).map(|_| worker())).await?;
        drop(queue);
        Ok(into_inner(arrived).into_values().collect())
    }

    /// R2 [rejects](https://developers.cloudflare.com/r2/api/s3/api/) conditions on a part copy. In that case
    /// the source is checked only afterwards.
    async fn copy_part(
        &self,
        object: &Object,
        upload: &MultipartUpload,
        piece: Piece,
        conditional: &AtomicBool,
    ) -> Result<UploadedPart> {
        let mut copy = upload
            .upload_part_copy(piece.number, &object.key)
            .source_ssec_key(self.source.ssec_key().cloned())
            .range(piece.offset..piece.offset + piece.length);
        if let Some(bucket) = self.route.source_bucket() {
            copy = copy.source_bucket(bucket);
        }
        let mut part = if conditional.load(Ordering::Relaxed) {
            match copy.clone().source_only_if(unchanged(object)).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    conditional.store(false, Ordering::Relaxed);
                    copy.await?
                }
                copied => copied.map_err(|error| if_replaced(error, true))?,
            }
        } else {
            copy.await?
        };
        part.size = Some(piece.length);
        Ok(part)
    }

    /// Returns the source with its metadata, which a listing may omit.
    pub(super) async fn described(&self, object: &Object) -> Result<Object> {
        if object.http_metadata.is_some() && object.custom_metadata.is_some() {
            return Ok(object.clone());
        }
        match self.source.head(&object.key).await? {
            Some(now) if is_same(object, &now) => Ok(now),
            Some(_) => Err(replaced()),
            None => Err(missing(&object.key)),
        }
    }

    pub(super) async fn begin(&self, object: &Object) -> Result<BegunUpload> {
        let mut request = CreateMultipartUploadRequest::new(&self.copy.key);
        request.http_metadata = object.http_metadata.clone().unwrap_or_default();
        request.custom_metadata = object.custom_metadata.clone().unwrap_or_default();
        request.storage_class = object.storage_class;
        BegunUpload::begin(CreateMultipartUpload::from_request(self.destination.clone(), request)).await
    }

    /// Whether neither side is encrypted with a customer's key, so that both have the same etag.
    fn is_plain(&self) -> bool {
        self.source.ssec_key().is_none() && self.destination.ssec_key().is_none()
    }

    /// Compares the object with the copy that the service made.
    async fn compared(&self, object: &Object, stored: &StoredObject) -> Result<Verified> {
        if !self.destination.verifies() {
            return Ok(Verified::LengthOnly);
        }
        if let Some(verified) = compare(object, stored)? {
            return Ok(verified);
        }
        // Neither a listing nor the answer to a write has all checksums.
        let Some(copy) = self.destination.head(&self.copy.key).await? else {
            return Err(Error::new(
                ErrorKind::Integrity,
                "the copy does not exist: it was deleted again, or was never stored",
            ));
        };
        if copy.etag != stored.etag {
            // The copy was replaced by another write.
            return Ok(Verified::LengthOnly);
        }
        let source = self.described(object).await.unwrap_or_else(|_| object.clone());
        Ok(compare(&source, &copy.into())?.unwrap_or(Verified::LengthOnly))
    }

    /// Returns the result of `work`, unless the copy is stopped first.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let Some(stop) = self.copy.stop.clone() else { return work.await };
        match future::select(pin!(work), stop).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                Err(Error::new(ErrorKind::Timeout, "the copy was stopped before it was complete")
                    .retryable(false))
            }
        }
    }
}

pub(super) fn copied(source: Object, mut stored: StoredObject, verified: Verified) -> Copied {
    stored.size.get_or_insert(source.size);
    if stored.http_metadata.is_none() {
        stored.http_metadata.clone_from(&source.http_metadata);
    }
    if stored.custom_metadata.is_none() {
        stored.custom_metadata.clone_from(&source.custom_metadata);
    }
    stored.storage_class = stored.storage_class.or(source.storage_class);
    Copied { source, stored, verified }
}

pub(super) fn missing(key: &str) -> Error {
    Error::new(ErrorKind::NoSuchKey, "the object to copy from does not exist: check the source's key")
        .with_code(NO_SUCH_KEY.name)
        .with_key(key)
}

/// The condition that the source is unchanged.
pub(super) fn unchanged(object: &Object) -> Conditional {
    let only_if = Conditional::new();
    // Some services omit the etag.
    if object.etag.is_empty() { only_if } else { only_if.etag_matches(&object.etag) }
}

/// A failed condition is about the source if the source had the only condition.
fn if_replaced(error: Error, only_about_source: bool) -> Error {
    if error.kind() == ErrorKind::PreconditionFailed && only_about_source {
        return replaced().with_source(error);
    }
    error
}

/// Whether both descriptions are of one object. HEAD over S3 gives whole seconds, a listing gives fractions.
fn is_same(before: &Object, now: &Object) -> bool {
    let seconds =
        |object: &Object| object.uploaded.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    before.etag == now.etag && before.size == now.size && seconds(before) == seconds(now)
}

/// Whether the copy may have the same parts as the source.
fn are_allowed(parts: Pieces) -> bool {
    let least = if parts.count() > 1 { MIN_PART_SIZE } else { 1 };
    (least..=MAX_SINGLE_UPLOAD).contains(&parts.piece_size())
}

/// AWS and R2's documentation use different codes for this error.
fn is_too_large(error: &Error) -> bool {
    matches!(error.code(), Some(code) if code == TOO_LARGE || code == INVALID_REQUEST.name)
}

fn crc_of(object: &Object) -> Option<Checksum> {
    object.checksums.get(ChecksumAlgorithm::Crc64Nvme).copied()
}

fn other_bytes(source: &Object, of: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Integrity,
        format!("the copy differs from its source: {of} do not match {:?}", source.etag),
    )
}

/// Compares the copy with its source, as far as both have checksums.
fn compare(source: &Object, copy: &StoredObject) -> Result<Option<Verified>> {
    if let Some(size) = copy.size.filter(|size| *size != source.size) {
        return Err(other_bytes(source, format_args!("its {size} bytes")));
    }
    for checksum in &source.checksums {
        if let Some(of_copy) = copy.checksums.get(checksum.algorithm())
            && of_copy != checksum
        {
            return Err(other_bytes(source, format_args!("bytes of {of_copy:?} instead of {checksum:?}")));
        }
    }
    if let Some(crc) = crc_of(source)
        && copy.checksums.get(ChecksumAlgorithm::Crc64Nvme) == Some(&crc)
    {
        return Ok(Some(Verified::Crc64));
    }
    match (source.md5_of_etag(), copy.md5_of_etag()) {
        (Some(source), Some(copy)) if source == copy => return Ok(Some(Verified::Md5)),
        (Some(_), Some(copy)) => return Err(other_bytes(source, format_args!("bytes of {copy:?}"))),
        _ => {}
    }
    // An encrypted copy in the embedded store has the etag of its source if they share bytes.
    let has_parts_etag = source.etag == copy.etag && parts_of_etag(&source.etag).is_some();
    Ok(has_parts_etag.then_some(Verified::PartMd5s))
}
