//! Copies of objects, within a bucket and to other ones.

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

/// The size of the parts that the service copies, where the source was not uploaded in parts.
const COPIED_PART_SIZE: u64 = 256 * 1024 * 1024;

impl R2Service {
    /// Copies an object of any size, to another key or another bucket: `r2.copy_object("a.mp4",
    /// "b.mp4").to_bucket(&archive).await?`. The source is a key, or an [`Object`] that was listed.
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

/// What is copied: an object by its key, or one that was listed or looked at, and is copied if it still is that.
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

/// The copy of an object; awaiting it stores the copy and says what proved it. Metadata and storage class are kept.
///
/// - **Within a bucket, or between two of one account** ([`Bucket::address`](crate::r2::Bucket::address)) the
///   service copies, and no byte comes by here: up to [`MAX_SINGLE_UPLOAD`] in one request, more in parts
///   side by side. Where the source was uploaded in parts, these are the copy's too, so that both have one
///   etag.
/// - **Elsewhere**, and where the service has no copy, the bytes come by here: small objects whole, others in
///   parts side by side, of which at most 128 MiB are in memory, or one part.
///
/// The source has to stay the same: one that is replaced meanwhile is [`ErrorKind::PreconditionFailed`], and
/// nothing is stored. A missing one is [`ErrorKind::NoSuchKey`], and the [`key`](crate::Error::key) of the
/// error is the source's. A copy in parts that fails is aborted, and so is one that is dropped, as long as
/// the runtime runs.
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

/// What became of a copy.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Copied {
    /// What is known of the source.
    pub source: Object,
    /// What is known of the copy.
    pub stored: StoredObject,
    /// What proved that both have the same bytes.
    pub verified: Verified,
}

impl ObjectCopy {
    /// Another bucket to copy to, of any service; the source's own by default.
    pub fn to_bucket(mut self, destination: &R2Service) -> Self {
        self.destination = Some(destination.clone());
        self
    }

    /// The customer's key that the source is encrypted with (SSE-C), in place of that of
    /// [its service](R2Service::with_ssec_key).
    pub fn source_ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.destination.get_or_insert_with(|| self.source.clone());
        self.source = self.source.with_ssec_key(key);
        self
    }

    /// The customer's key to encrypt the copy with (SSE-C), in place of that of the service of
    /// [its bucket](Self::to_bucket), which is given before.
    pub fn ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        let destination = self.destination.take().unwrap_or_else(|| self.source.clone());
        self.destination = Some(destination.with_ssec_key(key));
        self
    }

    /// A condition on the object that the new key already has. Of a copy in parts the service looks at it at
    /// the end.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = only_if;
        self
    }

    /// What is copied by one request; larger objects go in parts. By default that is [`MAX_SINGLE_UPLOAD`]
    /// where the service copies, everything in the embedded store, and 16 MiB where bytes come by here, which
    /// is one part at most.
    pub fn whole_up_to(mut self, bytes: u64) -> Self {
        self.whole_up_to = Some(bytes);
        self
    }

    /// The size of every part but the last, 5 MiB to 5 GiB. By default it is that of the source's parts; else
    /// 256 MiB where the service copies and 16 MiB where bytes come by here, and more where 10,000 parts are
    /// not enough.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// How many parts are under way at once, at most; 8 by default. 0 counts as 1.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.concurrency = parts.max(1);
        self
    }

    /// How many bytes a second are sent on at most where they come by here, of all parts together; 1 KiB at
    /// least. At a low rate fewer parts are under way at once, so that each has 64 KiB a second.
    pub fn limit_rate(self, bytes_per_second: u64) -> Self {
        let limit = RateLimit::new(&self.source, bytes_per_second);
        self.share_rate(&limit)
    }

    /// The same as [`limit_rate`](Self::limit_rate), with a limit that other transfers share.
    pub fn share_rate(mut self, limit: &RateLimit) -> Self {
        self.rate = Some(limit.clone());
        self
    }

    /// Calls `report(done, total)` as bytes are copied: after each part, or as they come by here.
    pub fn on_progress(mut self, report: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }

    /// Ends the copy once `stop` completes: it aborts what it has begun and fails with [`ErrorKind::Timeout`].
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
                    tracing::debug!(key = object.key, %error, "the service does not copy: the bytes come by here");
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

/// A copy that is under way.
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
                    tracing::debug!(key = object.key, %error, "the service does not copy it at once");
                }
                copied => return copied,
            }
        }
        self.in_parts(object).await
    }

    /// By one request.
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

    /// By a request for each part.
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

    /// R2 [refuses](https://developers.cloudflare.com/r2/api/s3/api/) conditions here: then the source is
    /// looked at afterwards alone.
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

    /// The source with its metadata, which a listing may lack.
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

    /// Whether neither side is encrypted with a customer's key, so that both have one etag.
    fn is_plain(&self) -> bool {
        self.source.ssec_key().is_none() && self.destination.ssec_key().is_none()
    }

    /// What proves that the service has made a copy of the object.
    async fn compared(&self, object: &Object, stored: &StoredObject) -> Result<Verified> {
        if !self.destination.verifies() {
            return Ok(Verified::LengthOnly);
        }
        if let Some(verified) = compare(object, stored)? {
            return Ok(verified);
        }
        // Neither a listing nor the answer to a write says everything.
        let Some(copy) = self.destination.head(&self.copy.key).await? else {
            return Err(Error::new(
                ErrorKind::Integrity,
                "the copy is gone: it was deleted again, or never stored",
            ));
        };
        if copy.etag != stored.etag {
            // Somebody has replaced the copy.
            return Ok(Verified::LengthOnly);
        }
        let source = self.described(object).await.unwrap_or_else(|_| object.clone());
        Ok(compare(&source, &copy.into())?.unwrap_or(Verified::LengthOnly))
    }

    /// The work's result, unless it has to end before.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let Some(stop) = self.copy.stop.clone() else { return work.await };
        match future::select(pin!(work), stop).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                Err(Error::new(ErrorKind::Timeout, "the copy was told to stop").retryable(false))
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
    Error::new(ErrorKind::NoSuchKey, "there is no object to copy from: check the source's key")
        .with_code(NO_SUCH_KEY.name)
        .with_key(key)
}

/// The source must still be this one.
pub(super) fn unchanged(object: &Object) -> Conditional {
    let only_if = Conditional::new();
    // Some services leave it out.
    if object.etag.is_empty() { only_if } else { only_if.etag_matches(&object.etag) }
}

/// A condition that failed is about the source, where it was the only one.
fn if_replaced(error: Error, only_about_source: bool) -> Error {
    if error.kind() == ErrorKind::PreconditionFailed && only_about_source {
        return replaced().with_source(error);
    }
    error
}

/// Whether two looks have seen one object. Heads over S3 have whole seconds, listings have not.
fn is_same(before: &Object, now: &Object) -> bool {
    let seconds =
        |object: &Object| object.uploaded.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    before.etag == now.etag && before.size == now.size && seconds(before) == seconds(now)
}

/// Whether the parts of an object may be those of its copy.
fn are_allowed(parts: Pieces) -> bool {
    let least = if parts.count() > 1 { MIN_PART_SIZE } else { 1 };
    (least..=MAX_SINGLE_UPLOAD).contains(&parts.piece_size())
}

/// AWS and R2's documentation have different names for it.
fn is_too_large(error: &Error) -> bool {
    matches!(error.code(), Some(code) if code == TOO_LARGE || code == INVALID_REQUEST.name)
}

fn crc_of(object: &Object) -> Option<Checksum> {
    object.checksums.get(ChecksumAlgorithm::Crc64Nvme).copied()
}

fn other_bytes(source: &Object, of: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Integrity,
        format!("the copy has other bytes than its source: {of} do not make {:?}", source.etag),
    )
}

/// What proves that the copy has the bytes of its source, as far as both say it.
fn compare(source: &Object, copy: &StoredObject) -> Result<Option<Verified>> {
    if let Some(size) = copy.size.filter(|size| *size != source.size) {
        return Err(other_bytes(source, format_args!("its {size} bytes")));
    }
    for checksum in &source.checksums {
        if let Some(of_copy) = copy.checksums.get(checksum.algorithm())
            && of_copy != checksum
        {
            return Err(other_bytes(source, format_args!("bytes of {of_copy:?} in place of {checksum:?}")));
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
    // An encrypted copy has that of its source where it shares its bytes, in the embedded store.
    let has_parts_etag = source.etag == copy.etag && parts_of_etag(&source.etag).is_some();
    Ok(has_parts_etag.then_some(Verified::PartMd5s))
}
