//! Uploads of files.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::DEFAULT_CONCURRENCY;
use super::file_identity::FileIdentity;
use super::object_checksum::{checksum_algorithm_setter, composite_algorithm};
use super::pieces::{Piece, Pieces};
use super::proof::Verified;
use super::rate::RateLimit;
use super::read_checksums::read_checksums;
use super::small_file::{MAX_IN_MEMORY, read_small};
use super::tally::{Report, Tally};
use super::unanswered::abort_unanswered;
use super::upload_journal::{UploadHeader, UploadJournal};
use super::verified_upload::verified_upload;
use crate::body::Body;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pace::Pace;
use crate::error::{Error, ErrorKind, Result, TOO_LARGE};
use crate::model::r2::multipart::is_made_of;
use crate::model::r2::{
    Checksum, ChecksumAlgorithm, Conditional, Crc64Nvme, CreateMultipartUploadRequest, CustomMetadata,
    HttpMetadata, MAX_OBJECT_SIZE, StorageClass, StoredObject, UploadedPart,
};
use crate::r2::ops::setters::{metadata_setters, ssec_key_setter};
use crate::r2::{CreateMultipartUpload, MultipartUpload, R2Service};
use crate::sync::{into_inner, lock};
use crate::time::to_millis;

/// Files up to this size are uploaded in one request, in bytes.
const MAX_WHOLE: u64 = 64 * 1024 * 1024;

impl R2Service {
    /// Uploads a file: `r2.upload("film.mp4", "creator-123/film.mp4").journal("journals").await?`.
    ///
    /// See [`transfer`](crate::transfer).
    pub fn upload(&self, path: impl Into<PathBuf>, key: impl Into<String>) -> Upload {
        Upload {
            service: self.clone(),
            path: path.into(),
            request: CreateMultipartUploadRequest::new(key),
            only_if: Conditional::default(),
            part_size: None,
            concurrency: DEFAULT_CONCURRENCY,
            rate: None,
            journal: None,
            report: None,
        }
    }
}

/// A request to upload one file. Awaiting it stores the object and returns how it was verified.
///
/// A file of up to 64 MiB is uploaded in one request, a larger one in parts that are streamed from the file.
/// If the file changes during the upload, it fails with [`ErrorKind::Storage`] and nothing is stored.
///
/// With a [`journal`](Self::journal), an upload that fails or is dropped keeps its parts, and the same call
/// resumes it; [`abort`](Self::abort) deletes them. An upload that cannot be resumed, for example because its
/// condition failed, is aborted. Without a journal, a failed upload is aborted, and a dropped one leaves its
/// parts to R2, which deletes them after 7 days.
///
/// If the answer to the creation of a multipart upload was lost, or the process was killed before it came,
/// nobody knows the id of that upload. Once all parts have arrived, the uploads of this key that were started
/// about that time and have no part are aborted.
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Upload {
    service: R2Service,
    path: PathBuf,
    request: CreateMultipartUploadRequest,
    only_if: Conditional,
    part_size: Option<u64>,
    concurrency: usize,
    rate: Option<RateLimit>,
    journal: Option<PathBuf>,
    report: Option<Report>,
}

/// The result of an upload.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Uploaded {
    /// The stored object, as far as the service described it.
    pub stored: StoredObject,
    /// The checksum that showed that the object has the file's bytes.
    pub verified: Verified,
    /// Number of bytes that had arrived in an earlier attempt and were not sent again.
    pub resumed_bytes: u64,
    /// Whether an earlier, partial upload was discarded, because the file or its metadata has changed, or the
    /// service no longer has the upload.
    pub restarted: bool,
}

impl Upload {
    metadata_setters!();
    checksum_algorithm_setter!(request);
    ssec_key_setter!(service);

    /// Stores the object only if the one that the key already has meets this condition, as in
    /// [`Put::only_if`](crate::r2::Put::only_if). For an upload in parts, the service checks it when all
    /// parts have arrived.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = only_if;
        self
    }

    /// Sets the size of every part but the last, 5 MiB to 5 GiB. A file that fits into one part is uploaded
    /// in one request. The default is 16 MiB for files above 64 MiB, and more for files above 156 GiB, as an
    /// object has 10,000 parts at most.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// Sets the maximum number of parts in flight. The default is 8; 0 counts as 1.
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.concurrency = parts.max(1);
        self
    }

    /// Limits the bytes per second that are sent, for all parts together. The minimum is 1 KiB. At a low rate
    /// fewer parts are in flight, so that each has 64 KiB a second.
    pub fn limit_rate(self, bytes_per_second: u64) -> Self {
        let limit = RateLimit::new(&self.service, bytes_per_second);
        self.share_rate(&limit)
    }

    /// Like [`limit_rate`](Self::limit_rate), with a limit that other transfers share.
    pub fn share_rate(mut self, limit: &RateLimit) -> Self {
        self.rate = Some(limit.clone());
        self
    }

    /// Sets the folder for the journals of uploads in parts, from which they are resumed. It is created if it
    /// does not exist. The name of a journal is derived from the path and the key, not from the bucket: use a
    /// separate folder for each bucket.
    pub fn journal(mut self, folder: impl Into<PathBuf>) -> Self {
        self.journal = Some(folder.into());
        self
    }

    /// Calls `report(done, total)` as bytes are sent, for all parts together. Bytes from an earlier attempt
    /// count.
    pub fn on_progress(mut self, report: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }

    /// Deletes what an interrupted upload has left: its parts and its journal. Returns whether there was an
    /// upload to abort.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the upload is in progress.
    pub async fn abort(self) -> Result<bool> {
        let operation = Operation::new("upload", &self.request.key);
        let aborted = async {
            let Some(journal) = self.open_journal(true).await? else { return Ok(false) };
            abort_begun(&self.service, &journal).await
        };
        operation.check(aborted.await)
    }

    async fn send(self) -> Result<Uploaded> {
        let key = self.request.key.clone();
        let operation = Operation::new("upload", &key);
        operation.check(self.request.validate().and_then(|()| self.only_if.validate()))?;
        operation.check(self.run().await)
    }

    async fn run(self) -> Result<Uploaded> {
        let file = FileIdentity::of(&self.path).await?;
        if file.size > MAX_OBJECT_SIZE {
            let message = format!(
                "the file has {} bytes, and the largest object has {MAX_OBJECT_SIZE} bytes",
                file.size
            );
            return Err(Error::invalid_input(message).with_code(TOO_LARGE));
        }
        let pieces = Pieces::new(file.size, self.part_size)?;
        let whole = file.size <= self.part_size.unwrap_or(MAX_WHOLE);
        let journal = self.open_journal(whole).await?;
        let concurrency = RateLimit::pieces_at_once(self.rate.as_ref(), self.concurrency);
        let pace = match self.service.pace() {
            Some(pace) => Arc::clone(pace),
            None => Arc::new(Pace::new(Arc::clone(self.service.runtime()), concurrency)),
        };
        let tally = Tally::new(file.size, self.report.clone());
        let transfer =
            Transfer { service: self.service.at_pace(&pace), upload: self, file, journal, pace, tally };
        if whole { transfer.whole().await } else { transfer.in_parts(pieces).await }
    }

    async fn open_journal(&self, only_existing: bool) -> Result<Option<UploadJournal>> {
        match &self.journal {
            Some(folder) => UploadJournal::open(folder, &self.path, &self.request.key, only_existing).await,
            None => Ok(None),
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("path", &self.path)
            .field("key", &self.request.key)
            .field("part_size", &self.part_size)
            .field("concurrency", &self.concurrency)
            .field("rate", &self.rate)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

sent_when_awaited!(Upload => Uploaded);

/// An upload in progress.
struct Transfer {
    upload: Upload,
    service: R2Service,
    file: FileIdentity,
    journal: Option<UploadJournal>,
    pace: Arc<Pace>,
    tally: Arc<Tally>,
}

/// A multipart upload that was created.
struct Begun {
    upload: MultipartUpload,
    pieces: Pieces,
    /// Whether the service was asked for the CRC-64 of the whole object.
    with_crc: bool,
    /// The parts that have arrived.
    arrived: BTreeMap<u16, Arrived>,
    /// Times at which other uploads were started whose answers never came.
    unanswered: Vec<u64>,
}

/// A part that has arrived, and the CRC-64 of its bytes in the file.
#[derive(Clone)]
struct Arrived {
    part: UploadedPart,
    crc: Option<Crc64Nvme>,
}

enum Resumed {
    /// Nothing has arrived.
    NotBegun,
    Begun(Begun),
    /// The upload was completed, and the answer was lost.
    Completed(Box<StoredObject>, Option<Crc64Nvme>),
    GivenUp,
}

impl Transfer {
    fn path(&self) -> &Path {
        &self.upload.path
    }

    fn key(&self) -> &str {
        &self.upload.request.key
    }

    /// Uploads the whole file in one request.
    async fn whole(&self) -> Result<Uploaded> {
        let _slot = self.pace.slot().await;
        let restarted = self.give_up_earlier().await?;
        let Upload { path, request, only_if, .. } = &self.upload;
        let with_crc = self.proves_by_crc();
        let other = composite_algorithm(request);
        let (body, checksum) = if self.file.size <= MAX_IN_MEMORY {
            let (bytes, file) = read_small(path.clone()).await?;
            self.file.check_is(&file, path)?;
            let checksum = match other {
                Some(other) => Some(Checksum::of(other, &bytes)),
                None => with_crc.then(|| Crc64Nvme::of(&bytes).checksum()),
            };
            (Body::from(bytes), checksum)
        } else {
            let whole = Piece { number: 1, offset: 0, length: self.file.size };
            let (crc, other) = self.checksums_of(whole, with_crc).await?;
            let body = Body::from_file(path).await?;
            self.file.check(path).await?;
            (body, other.or(crc.map(Crc64Nvme::checksum)))
        };
        let body = self.watched(body);
        let (stored, verified) = put_whole(&self.service, request, only_if, body, checksum).await?;
        Ok(Uploaded { stored, verified, resumed_bytes: 0, restarted })
    }

    /// Aborts an earlier upload of this key, from when the file was larger.
    async fn give_up_earlier(&self) -> Result<bool> {
        let Some(journal) = &self.journal else { return Ok(false) };
        abort_begun(&self.service, journal).await
    }

    async fn in_parts(&self, pieces: Pieces) -> Result<Uploaded> {
        let mut restarted = false;
        let mut begun = None;
        let mut unanswered = Vec::new();
        if let Some(journal) = &self.journal
            && let Some((header, known)) = journal.read().await?
        {
            unanswered.clone_from(&header.unanswered);
            match self.resume(&header, known).await? {
                Resumed::NotBegun => {}
                Resumed::Begun(resumed) => begun = Some(resumed),
                Resumed::GivenUp => restarted = true,
                Resumed::Completed(stored, crc) => {
                    self.tally.add(self.file.size);
                    let crc = crc.map(Crc64Nvme::checksum);
                    let verified = verified_upload(&self.service, &stored, crc, &[]).await;
                    return self.done(*stored, verified, self.file.size, restarted).await;
                }
            }
        }
        let begun = match begun {
            Some(begun) => begun,
            None => self.begin(pieces, unanswered).await?,
        };
        let resumed_bytes = begun
            .arrived
            .keys()
            .filter_map(|number| begun.pieces.get(*number))
            .map(|piece| piece.length)
            .sum();
        self.tally.add(resumed_bytes);
        match self.finish(&begun).await {
            Ok((stored, verified)) => self.done(stored, verified, resumed_bytes, restarted).await,
            Err(error) => {
                // Whatever else went wrong, an upload with bytes of two versions of the file is not
                // continued.
                let error = self.file.check(self.path()).await.err().unwrap_or(error);
                self.failed(&begun, &error).await;
                Err(error)
            }
        }
    }

    async fn done(
        &self,
        mut stored: StoredObject,
        verified: Verified,
        resumed_bytes: u64,
        restarted: bool,
    ) -> Result<Uploaded> {
        if let Some(journal) = &self.journal {
            journal.remove().await?;
        }
        let request = &self.upload.request;
        stored.size.get_or_insert(self.file.size);
        stored.http_metadata.get_or_insert_with(|| request.http_metadata.clone());
        stored.custom_metadata.get_or_insert_with(|| request.custom_metadata.clone());
        stored.storage_class = stored.storage_class.or(request.storage_class);
        stored.ssec_key_md5 = stored.ssec_key_md5.or_else(|| self.service.ssec_key_md5());
        Ok(Uploaded { stored, verified, resumed_bytes, restarted })
    }

    /// Aborts an upload that cannot be resumed.
    async fn failed(&self, begun: &Begun, error: &Error) {
        let resumable = match error.kind() {
            ErrorKind::PreconditionFailed
            | ErrorKind::NotModified
            | ErrorKind::InvalidInput
            | ErrorKind::NoSuchUpload
            | ErrorKind::Unsupported => false,
            ErrorKind::Integrity => error.operation() != Some("complete_multipart_upload"),
            ErrorKind::Storage => self.file.check(self.path()).await.is_ok(),
            _ => true,
        };
        if resumable && self.journal.is_some() {
            return;
        }
        let removed = async {
            begun.upload.abort().await?;
            self.abort_unanswered(&begun.unanswered, None).await?;
            match &self.journal {
                Some(journal) => journal.remove().await,
                None => Ok(()),
            }
        };
        if let Err(error) = removed.await {
            tracing::warn!(key = self.key(), %error, "could not abort the unfinished upload");
        }
    }

    /// The metadata and settings that the object will be stored with, for the journal.
    fn stored_with(&self) -> Value {
        let CreateMultipartUploadRequest {
            http_metadata,
            custom_metadata,
            storage_class,
            checksum_algorithm,
            key: _,
            ssec_key: _,
        } = &self.upload.request;
        let mut stored_with = json!({
            "httpMetadata": http_metadata, "customMetadata": custom_metadata, "storageClass": storage_class
        });
        if let Some(md5) = self.service.ssec_key_md5() {
            stored_with["ssecKeyMd5"] = md5.into();
        }
        if let Some(algorithm) = checksum_algorithm {
            stored_with["checksumAlgorithm"] = algorithm.name().into();
        }
        stored_with
    }

    async fn begin(&self, pieces: Pieces, mut unanswered: Vec<u64>) -> Result<Begun> {
        unanswered.push(to_millis(self.service.runtime().now()));
        self.write_down(pieces, self.proves_by_crc(), None, &unanswered).await?;
        let create = CreateMultipartUpload::from_request(self.service.clone(), self.upload.request.clone());
        match create.with_crc_if_known().await {
            Ok((upload, with_crc, attempts)) => {
                if attempts == 1 {
                    unanswered.pop();
                }
                let begun = Begun { upload, pieces, with_crc, arrived: BTreeMap::new(), unanswered };
                let id = begun.upload.upload_id();
                if let Err(error) = self.write_down(pieces, with_crc, Some(id), &begun.unanswered).await {
                    self.failed(&begun, &error).await;
                    return Err(error);
                }
                Ok(begun)
            }
            Err(error) => {
                self.not_begun(&unanswered, &error).await;
                Err(error)
            }
        }
    }

    /// Writes the header of the journal, before any part is sent.
    async fn write_down(
        &self,
        pieces: Pieces,
        with_crc: bool,
        upload_id: Option<&str>,
        unanswered: &[u64],
    ) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let header = UploadHeader {
            key: self.key().to_owned(),
            path: self.path().to_string_lossy().into_owned(),
            file: self.file,
            part_size: pieces.piece_size(),
            upload_id: upload_id.map(str::to_owned),
            unanswered: unanswered.to_vec(),
            full_object_crc64nvme: with_crc,
            stored_with: self.stored_with(),
        };
        journal.begin(header).await
    }

    /// Handles a failed creation. If the service may have created the upload, the journal makes the next call
    /// look for it.
    async fn not_begun(&self, unanswered: &[u64], error: &Error) {
        let may_have = error.is_retryable() || error.kind() == ErrorKind::UnexpectedResponse;
        let left = async {
            match &self.journal {
                Some(_) if may_have || unanswered.len() > 1 => Ok(()),
                Some(journal) => journal.remove().await,
                None if may_have => self.abort_unanswered(unanswered, None).await,
                None => Ok(()),
            }
        };
        if let Err(error) = left.await {
            tracing::warn!(key = self.key(), %error, "could not abort an upload that may have been started");
        }
    }

    async fn abort_unanswered(&self, begun: &[u64], ours: Option<&str>) -> Result<()> {
        abort_unanswered(&self.service, self.key(), begun, ours, self.journal.as_ref()).await
    }

    /// Returns what the service still has of the upload in the journal.
    async fn resume(&self, header: &UploadHeader, known: Vec<UploadedPart>) -> Result<Resumed> {
        let Some(upload_id) = &header.upload_id else { return Ok(Resumed::NotBegun) };
        let mut upload = self.service.resume_multipart_upload(self.key(), upload_id);
        if let Some(algorithm) = composite_algorithm(&self.upload.request) {
            upload = upload.with_checksum_algorithm(algorithm);
        }
        let is_this = header.key == self.key()
            && header.file == self.file
            && header.stored_with == self.stored_with()
            && self.upload.part_size.is_none_or(|size| size == header.part_size)
            && header.full_object_crc64nvme <= self.proves_by_crc();
        let pieces = Pieces::new(self.file.size, Some(header.part_size)).ok().filter(|_| is_this);
        let Some(pieces) = pieces else {
            tracing::debug!(key = self.key(), "the file or its metadata has changed: restarting the upload");
            upload.abort().await?;
            return Ok(Resumed::GivenUp);
        };
        let known: BTreeMap<_, _> = known.into_iter().map(|part| (part.part_number, part)).collect();
        let listed: Vec<UploadedPart> = match upload.list_parts().stream().try_collect().await {
            Ok(listed) => listed,
            // The service does not support listing parts: use those in the journal.
            Err(error) if error.kind() == ErrorKind::Unsupported => known.values().cloned().collect(),
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
                return self.completed_before(pieces, &known).await;
            }
            Err(error) => return Err(error),
        };
        let with_crc = header.full_object_crc64nvme;
        let mut arrived = BTreeMap::new();
        for part in listed {
            let Some(piece) = pieces.get(part.part_number) else { continue };
            let known = known.get(&piece.number);
            let Some(found) = self.arrived(piece, part, known, with_crc).await? else { continue };
            if known.is_none_or(|known| known.etag != found.part.etag)
                && let Some(journal) = &self.journal
            {
                // Once the upload is completed, the service no longer lists its parts.
                journal.append(found.part.clone()).await?;
            }
            arrived.insert(piece.number, found);
        }
        let unanswered = header.unanswered.clone();
        Ok(Resumed::Begun(Begun { upload, pieces, with_crc, arrived, unanswered }))
    }

    /// Returns the listed part if it has the bytes of the file, according to the journal or else to the file
    /// itself.
    async fn arrived(
        &self,
        piece: Piece,
        mut listed: UploadedPart,
        known: Option<&UploadedPart>,
        with_crc: bool,
    ) -> Result<Option<Arrived>> {
        if listed.size.is_some_and(|size| size != piece.length) {
            return Ok(None);
        }
        let listed_crc = listed.checksums.get(ChecksumAlgorithm::Crc64Nvme).copied();
        let known_crc = known.and_then(|known| known.checksums.get(ChecksumAlgorithm::Crc64Nvme).copied());
        let other = composite_algorithm(&self.upload.request);
        let listed_other = other.and_then(|other| listed.checksums.get(other).copied());
        let known_etag = known.is_some_and(|known| known.etag == listed.etag);
        let crc = known_crc.and_then(|crc| Crc64Nvme::from_checksum(crc, piece.length));
        let is_same = match (known_crc, listed_crc) {
            (Some(known), Some(listed)) => known == listed,
            (Some(_), None) => known_etag,
            (None, _) => known_etag && !with_crc,
        };
        let (is_same, crc) = if known.is_some() && (crc.is_some() || !with_crc) {
            (is_same, crc)
        } else {
            // The part arrived, and the process was killed before it was recorded.
            let md5 = Checksum::from_etag(&listed.etag).filter(|_| self.service.ssec_key().is_none());
            let listed_other = listed_other.or(md5);
            let algorithm = listed_other.filter(|_| listed_crc.is_none()).map(|other| other.algorithm());
            let read = read_checksums(self.path(), piece, algorithm).await?;
            let is_same = match listed_crc {
                Some(listed) => read.crc64nvme.checksum() == listed,
                None => read.other.is_some() && read.other == listed_other,
            };
            (is_same, Some(read.crc64nvme))
        };
        // Completing the upload needs this checksum of every part.
        if let (true, Some(other), None) = (is_same, other, listed_other) {
            let known = known.and_then(|known| known.checksums.get(other).copied());
            listed.checksums.extend(match known {
                Some(known) => Some(known),
                None => read_checksums(self.path(), piece, Some(other)).await?.other,
            });
        }
        Ok(is_same.then_some(Arrived { part: with_checksum(listed, piece, crc, with_crc), crc }))
    }

    /// Handles an upload that the service does not have: it was completed and the answer was lost, or it was
    /// aborted.
    async fn completed_before(&self, pieces: Pieces, known: &BTreeMap<u16, UploadedPart>) -> Result<Resumed> {
        if known.len() as u64 != pieces.count() {
            return Ok(Resumed::GivenUp);
        }
        let parts: Vec<_> = known.values().cloned().collect();
        let Some(stored) = self.completed_object(&parts).await? else { return Ok(Resumed::GivenUp) };
        Ok(Resumed::Completed(Box::new(stored), parts.iter().map(UploadedPart::crc64nvme).collect()))
    }

    /// Returns the object if it consists of these parts.
    async fn completed_object(&self, parts: &[UploadedPart]) -> Result<Option<StoredObject>> {
        let Some(object) = self.service.head(self.key()).await? else { return Ok(None) };
        let crc: Option<Crc64Nvme> = parts.iter().map(UploadedPart::crc64nvme).collect();
        let is_it = match (crc, object.checksums.get(ChecksumAlgorithm::Crc64Nvme)) {
            (Some(crc), Some(stored)) => object.size == crc.length() && crc.checksum() == *stored,
            _ => is_made_of(&object, parts),
        };
        Ok(is_it.then(|| object.into()))
    }

    /// Sends the missing parts and completes the object.
    async fn finish(&self, begun: &Begun) -> Result<(StoredObject, Verified)> {
        let Begun { upload, pieces, with_crc, arrived, .. } = begun;
        let with_crc = *with_crc;
        let missing: Vec<_> = pieces.iter().filter(|piece| !arrived.contains_key(&piece.number)).collect();
        let queue = Mutex::new(missing.into_iter());
        let arrived = Mutex::new(arrived.clone());
        let worker = || async {
            loop {
                let _slot = self.pace.slot().await;
                let Some(piece) = lock(&queue).next() else { return Ok::<_, Error>(()) };
                let part = self.send_part(upload, piece, with_crc).await?;
                lock(&arrived).insert(piece.number, part);
            }
        };
        try_join_all((0..self.upload.concurrency).map(|_| worker())).await?;
        self.file.check(self.path()).await?;
        // Not earlier: by now, an upload of somebody else has a part.
        if let Err(error) = self.abort_unanswered(&begun.unanswered, Some(upload.upload_id())).await {
            tracing::warn!(key = self.key(), %error, "could not abort an upload whose creation was not answered");
        }

        let (parts, crcs): (Vec<_>, Vec<_>) =
            into_inner(arrived).into_values().map(|arrived| (arrived.part, arrived.crc)).unzip();
        let crc: Option<Crc64Nvme> =
            crcs.into_iter().collect::<Option<Vec<_>>>().filter(|_| with_crc).map(Crc64Nvme::from_iter);
        let mut complete = upload.complete(parts.clone()).only_if(self.upload.only_if.clone());
        if let Some(crc) = crc {
            complete = complete.checksum(crc.checksum());
        }
        let stored = match complete.await {
            // Requests of a killed process may have completed the upload after its parts were listed.
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
                self.completed_object(&parts).await?.ok_or(error)?
            }
            stored => stored?,
        };
        let whole = crc.map(Crc64Nvme::checksum);
        let verified = verified_upload(&self.service, &stored, whole, &parts).await;
        Ok((stored, verified))
    }

    /// Whether the object gets a CRC-64.
    fn proves_by_crc(&self) -> bool {
        match self.upload.request.checksum_algorithm {
            Some(algorithm) => algorithm == ChecksumAlgorithm::Crc64Nvme,
            None => self.service.verifies(),
        }
    }

    async fn send_part(&self, upload: &MultipartUpload, piece: Piece, with_crc: bool) -> Result<Arrived> {
        let (crc, other) = self.checksums_of(piece, with_crc).await?;
        let body = Body::from_file_range(self.path(), piece.offset, piece.length).await?;
        self.file.check(self.path()).await?;
        let mut send = upload.upload_part(piece.number, self.watched(body));
        if let Some(checksum) = other.or(crc.map(Crc64Nvme::checksum)) {
            send = send.checksum(checksum);
        }
        let mut part = with_checksum(send.await?, piece, crc, with_crc);
        part.checksums.extend(other);
        if let Some(journal) = &self.journal {
            journal.append(part.clone()).await?;
        }
        Ok(Arrived { part, crc })
    }

    /// The body of a piece, with progress and the rate limit applied.
    fn watched(&self, body: Body) -> Body {
        RateLimit::applied(self.upload.rate.as_ref(), body.on_progress(self.tally.piece()))
    }

    /// Returns the CRC-64 of a piece, if needed, and its checksum by the algorithm that each part needs. They
    /// are computed before the piece is sent, so that the service rejects other bytes.
    async fn checksums_of(
        &self,
        piece: Piece,
        with_crc: bool,
    ) -> Result<(Option<Crc64Nvme>, Option<Checksum>)> {
        let other = composite_algorithm(&self.upload.request);
        if !with_crc && other.is_none() {
            return Ok((None, None));
        }
        let read = read_checksums(self.path(), piece, other).await?;
        Ok((with_crc.then_some(read.crc64nvme), read.other))
    }
}

/// Stores a body with one request. Returns how it was verified.
pub(super) async fn put_whole(
    service: &R2Service,
    request: &CreateMultipartUploadRequest,
    only_if: &Conditional,
    body: Body,
    checksum: Option<Checksum>,
) -> Result<(StoredObject, Verified)> {
    let mut put = service
        .put(&request.key, body)
        .http_metadata(request.http_metadata.clone())
        .custom_metadata(request.custom_metadata.clone())
        .only_if(only_if.clone());
    if let Some(class) = request.storage_class {
        put = put.storage_class(class);
    }
    if let Some(checksum) = checksum {
        put = put.checksum(checksum);
    }
    let stored = put.await?;
    let verified = verified_upload(service, &stored, checksum, &[]).await;
    Ok((stored, verified))
}

/// Aborts the upload of a journal, and removes the journal. Returns whether an upload was aborted.
async fn abort_begun(service: &R2Service, journal: &UploadJournal) -> Result<bool> {
    let begun = journal.read().await?;
    let mut aborted = false;
    if let Some((header, _)) = &begun {
        if let Some(upload_id) = &header.upload_id {
            service.resume_multipart_upload(&header.key, upload_id).abort().await?;
            aborted = true;
        }
        abort_unanswered(service, &header.key, &header.unanswered, None, Some(journal)).await?;
    }
    journal.remove().await?;
    Ok(aborted)
}

fn with_checksum(
    mut part: UploadedPart,
    piece: Piece,
    crc: Option<Crc64Nvme>,
    with_crc: bool,
) -> UploadedPart {
    part.size = Some(piece.length);
    if let Some(crc) = crc.filter(|_| with_crc) {
        part.checksums.insert(crc.checksum());
    }
    part
}
