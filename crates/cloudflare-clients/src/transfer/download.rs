//! Downloads into files.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use super::DEFAULT_CONCURRENCY;
use super::blocking::blocking;
use super::get_range::get_range;
use super::journal::Journal;
use super::modified_time;
use super::partial_file::PartialFile;
use super::pieces::{Piece, Pieces};
use super::proof::{Proof, Verified};
use super::rate::RateLimit;
use super::read_checksums::{PieceChecksums, read_checksums, read_md5s};
use super::tally::{Report, Tally};
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pace::Pace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Checksum, ChecksumAlgorithm, Object, ServedRange};
use crate::r2::R2Service;
use crate::r2::ops::setters::ssec_key_setter;
use crate::sync::{into_inner, lock};

/// Number of bytes that are written together.
const BATCH: usize = 512 * 1024;

/// Parts up to this size are fetched one by one, so that their MD5s are computed as they arrive.
const MAX_ALIGNED: u64 = 64 * 1024 * 1024;

impl R2Service {
    /// Downloads an object into a file: `r2.download("creator-123/film.mp4", "film.mp4").await?`.
    ///
    /// See [`transfer`](crate::transfer).
    pub fn download(&self, key: impl Into<String>, path: impl Into<PathBuf>) -> Download {
        Download {
            service: self.clone(),
            key: key.into(),
            path: path.into(),
            range_size: None,
            concurrency: DEFAULT_CONCURRENCY,
            rate: None,
            resume: true,
            modified: Modified::Now,
            report: None,
        }
    }
}

/// A request to download one object. Awaiting it writes the file and returns how it was verified, or `None`
/// if no object has this key.
///
/// The bytes are written to a hidden file next to `path`, which is renamed to `path` once they are verified
/// and synced to disk: `path` never holds a partial file. All ranges are read from one object. If it is
/// replaced during the download, the download restarts, once. If the bytes are wrong, they are fetched again,
/// once, before the download fails with [`ErrorKind::Integrity`].
///
/// If a download of several ranges fails or is dropped, what has arrived is kept next to the target, and the
/// same call resumes it. [`abort`](Self::abort) removes it.
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Download {
    service: R2Service,
    key: String,
    path: PathBuf,
    range_size: Option<u64>,
    concurrency: usize,
    rate: Option<RateLimit>,
    resume: bool,
    modified: Modified,
    report: Option<Report>,
}

/// The modification time to give the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Modified {
    /// The time at which the file is written here.
    Now,
    At(SystemTime),
    /// The time in the object's metadata, or else this one.
    OfObject(SystemTime),
}

/// The result of a download.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Downloaded {
    /// The object, as far as the service described it.
    pub object: Object,
    /// The checksum that showed that the file has the object's bytes.
    pub verified: Verified,
    /// Number of bytes that had arrived in an earlier attempt and were not fetched again.
    pub resumed_bytes: u64,
    /// Whether an earlier, partial download was discarded because the object has changed.
    pub restarted: bool,
}

impl Download {
    ssec_key_setter!(service);

    /// Sets the size of every range but the last, 5 MiB to 5 GiB. The default is 16 MiB, or the size of the
    /// object's parts if the parts are verified.
    pub fn range_size(mut self, bytes: u64) -> Self {
        self.range_size = Some(bytes);
        self
    }

    /// Sets the maximum number of ranges in flight. The default is 8; 0 counts as 1.
    pub fn concurrency(mut self, ranges: usize) -> Self {
        self.concurrency = ranges.max(1);
        self
    }

    /// Limits the bytes per second that are fetched, for all ranges together. The minimum is 1 KiB. At a low
    /// rate fewer ranges are in flight, so that each has 64 KiB a second.
    pub fn limit_rate(self, bytes_per_second: u64) -> Self {
        let limit = RateLimit::new(&self.service, bytes_per_second);
        self.share_rate(&limit)
    }

    /// Like [`limit_rate`](Self::limit_rate), with a limit that other transfers share.
    pub fn share_rate(mut self, limit: &RateLimit) -> Self {
        self.rate = Some(limit.clone());
        self
    }

    /// Sets whether an interrupted download is resumed, and is kept to be resumed. The default is true. With
    /// false, the partial file is removed when the download fails or is dropped, and one from an earlier
    /// download is left alone.
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Calls `report(done, total)` as bytes are written, for all ranges together. Bytes from an earlier
    /// attempt count. If the download restarts, `done` starts at 0 again.
    pub fn on_progress(mut self, report: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }

    /// Sets the modification time of the file.
    pub(super) fn modified(mut self, modified: Modified) -> Self {
        self.modified = modified;
        self
    }

    /// Removes what an interrupted download has left next to the target. Returns whether there was anything
    /// to remove.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the download is in progress.
    pub async fn abort(self) -> Result<bool> {
        let operation = Operation::new("download", &self.key);
        let path = self.path;
        let aborted = blocking(move || {
            let journal = PartialFile::journal_path(&path);
            if !journal.exists() {
                return PartialFile::remove_left_behind(&path);
            }
            let journal = Journal::open(&journal)?;
            PartialFile::resumable(&path).remove()?;
            journal.remove()?;
            Ok(true)
        });
        operation.check(aborted.await)
    }

    async fn send(self) -> Result<Option<Downloaded>> {
        let key = self.key.clone();
        let operation = Operation::new("download", &key);
        if let Some(size) = self.range_size {
            operation.check(Pieces::new(0, Some(size)))?;
        }
        operation.check(self.run().await)
    }

    async fn run(self) -> Result<Option<Downloaded>> {
        let concurrency = RateLimit::pieces_at_once(self.rate.as_ref(), self.concurrency);
        let pace = match self.service.pace() {
            Some(pace) => Arc::clone(pace),
            None => Arc::new(Pace::new(Arc::clone(self.service.runtime()), concurrency)),
        };
        let service = self.service.at_pace(&pace);
        let Some(mut object) = service.head(&self.key).await? else { return Ok(None) };
        let mut transfer = Transfer { service, pace, download: self, journal: None };
        let mut restarted = false;
        let mut anew = false;
        loop {
            let failed = match transfer.fetch(&object, anew).await {
                Ok(Fetched { verified, resumed_bytes, gave_up }) => {
                    let restarted = restarted || gave_up;
                    return Ok(Some(Downloaded { object, verified, resumed_bytes, restarted }));
                }
                Err(error) => error,
            };
            // A range of another object, or wrong bytes: nothing of it can be kept.
            if !matches!(failed.kind(), ErrorKind::Integrity | ErrorKind::PreconditionFailed) {
                return Err(failed);
            }
            transfer.discard().await?;
            if anew {
                return Err(failed);
            }
            tracing::warn!(key = transfer.download.key, error = %failed, "restarting the download");
            let Some(found) = transfer.service.head(&transfer.download.key).await? else {
                return Err(failed);
            };
            restarted |= found.etag != object.etag;
            (object, anew) = (found, true);
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("key", &self.key)
            .field("path", &self.path)
            .field("range_size", &self.range_size)
            .field("concurrency", &self.concurrency)
            .field("rate", &self.rate)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}

sent_when_awaited!(Download => Option<Downloaded>);

/// The first line of the journal: the download that it belongs to.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    key: String,
    etag: String,
    size: u64,
    range_size: u64,
}

/// A range that has arrived.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Entry {
    range: u16,
    #[serde(with = "hex_crc")]
    crc64nvme: Checksum,
}

mod hex_crc {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use super::{Checksum, ChecksumAlgorithm};

    pub(super) fn serialize<S: Serializer>(crc: &Checksum, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crc.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Checksum, D::Error> {
        let bytes = hex::decode(String::deserialize(deserializer)?).map_err(de::Error::custom)?;
        let crc = Checksum::from_bytes(ChecksumAlgorithm::Crc64Nvme, &bytes);
        crc.ok_or_else(|| de::Error::custom("a CRC-64 must have 8 bytes"))
    }
}

/// A download in progress.
struct Transfer {
    download: Download,
    service: R2Service,
    pace: Arc<Pace>,
    /// Locked from the time that it is first needed.
    journal: Option<Arc<Journal>>,
}

struct Fetched {
    verified: Verified,
    resumed_bytes: u64,
    gave_up: bool,
}

/// The file that the ranges of one object are written to.
struct Target {
    partial: PartialFile,
    /// Held as long as something may still be written.
    journal: Option<Arc<Journal>>,
    /// Whether the MD5 of each range is needed.
    with_md5: bool,
    /// Each piece of work on a thread holds a read lock. A write lock means that no work is running.
    at_work: Arc<RwLock<()>>,
}

impl Target {
    /// Runs `work` on a thread that it may block, to the end.
    async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (target, at_work) = (Arc::clone(self), Arc::clone(&self.at_work).read_owned().await);
        blocking(move || {
            let done = work(&target);
            // The order matters: dropping the target releases the lock of its journal.
            drop(target);
            drop(at_work);
            done
        })
        .await
    }
}

impl Transfer {
    fn path(&self) -> &Path {
        &self.download.path
    }

    /// Removes what has arrived.
    async fn discard(&self) -> Result<()> {
        let Some(journal) = self.journal.clone() else { return Ok(()) };
        let path = self.path().to_owned();
        blocking(move || {
            PartialFile::resumable(&path).remove()?;
            journal.remove()
        })
        .await
    }

    async fn open_journal(&mut self, pieces: Pieces, anew: bool) -> Result<Option<Arc<Journal>>> {
        if anew {
            // The journal was removed while its lock is held: nobody else may start one now.
            self.journal = None;
        }
        let path = PartialFile::journal_path(self.path());
        // A single range cannot be resumed.
        if !self.download.resume || (pieces.count() <= 1 && !path.exists()) {
            return Ok(None);
        }
        let journal = match &self.journal {
            Some(journal) => Arc::clone(journal),
            None => Arc::new(blocking(move || Journal::open(&path)).await?),
        };
        self.journal = Some(Arc::clone(&journal));
        Ok(Some(journal))
    }

    async fn fetch(&mut self, object: &Object, anew: bool) -> Result<Fetched> {
        let proof = Proof::of(&self.service, object).await?;
        let aligned = match &proof {
            Proof::PartMd5s(parts, _) if parts.piece_size() <= MAX_ALIGNED => Some(*parts),
            _ => None,
        };
        let pieces = match (self.download.range_size, aligned) {
            (None, Some(parts)) => parts,
            (range_size, _) => Pieces::new(object.size, range_size)?,
        };
        let md5_pieces = proof.md5_pieces(object.size);
        let with_md5 = !md5_pieces.is_empty() && pieces.iter().eq(md5_pieces.iter().copied());

        let journal = self.open_journal(pieces, anew).await?;
        let (path, is_resumable) = (self.path().to_owned(), journal.is_some());
        let partial = blocking(move || {
            Ok(if is_resumable { PartialFile::resumable(&path) } else { PartialFile::temporary(&path) })
        })
        .await?;
        let target = Arc::new(Target { partial, journal, with_md5, at_work: Arc::default() });
        let (arrived, gave_up) = self.resume(object, pieces, &target).await?;
        let resumed_bytes =
            arrived.keys().filter_map(|number| pieces.get(*number)).map(|piece| piece.length).sum();
        let tally = Tally::new(object.size, self.download.report.clone());
        tally.add(resumed_bytes);
        let arrived = self.fetch_missing(object, pieces, arrived, &target, &tally).await?;

        let crc = arrived.iter().map(|range| range.crc64nvme).collect();
        let md5s = match arrived.iter().map(|range| range.other).collect::<Option<Vec<_>>>() {
            Some(md5s) if with_md5 => md5s,
            _ if md5_pieces.is_empty() => Vec::new(),
            _ => read_md5s(target.partial.path().to_owned(), md5_pieces).await?,
        };
        proof.check(crc, &md5s).map_err(|(arrived, stored)| {
            let message = format!(
                "the checksum of the received bytes is {arrived}, that of the stored object is {stored}"
            );
            Error::new(ErrorKind::Integrity, message)
        })?;
        let modified = match self.download.modified {
            Modified::Now => None,
            Modified::At(time) => Some(time),
            Modified::OfObject(otherwise) => Some(modified_time::of(object).unwrap_or(otherwise)),
        };
        blocking(move || {
            target.partial.finish(modified)?;
            target.journal.as_ref().map_or(Ok(()), |journal| journal.remove())
        })
        .await?;
        Ok(Fetched { verified: proof.verified(), resumed_bytes, gave_up })
    }

    /// Returns the ranges that have arrived before, and whether others were discarded. Afterwards the file
    /// exists with its full size.
    async fn resume(
        &self,
        object: &Object,
        pieces: Pieces,
        target: &Arc<Target>,
    ) -> Result<(BTreeMap<u16, PieceChecksums>, bool)> {
        let header = Header {
            key: self.download.key.clone(),
            etag: object.etag.clone(),
            size: object.size,
            range_size: pieces.piece_size(),
        };
        let opened = Arc::clone(target);
        let (entries, gave_up) = blocking(move || {
            let mut gave_up = false;
            if let Some(journal) = &opened.journal {
                match journal.read::<Header, Entry>()? {
                    Some((known, entries)) if known == header && opened.partial.reopen(header.size)? => {
                        return Ok((entries, false));
                    }
                    known => gave_up = known.is_some(),
                }
            }
            opened.partial.create(header.size)?;
            if let Some(journal) = &opened.journal {
                journal.begin(header)?;
            }
            Ok((Vec::new(), gave_up))
        })
        .await?;
        let mut arrived = BTreeMap::new();
        for entry in entries {
            let Some(piece) = pieces.get(entry.range) else { continue };
            // After a power failure the journal may be on disk while the bytes that it lists are not.
            let read = read_checksums(
                target.partial.path(),
                piece,
                target.with_md5.then_some(ChecksumAlgorithm::Md5),
            )
            .await?;
            if read.crc64nvme.checksum() == entry.crc64nvme {
                arrived.insert(piece.number, read);
            }
        }
        Ok((arrived, gave_up))
    }

    /// Fetches the missing ranges. Returns the checksums of all ranges, in order.
    async fn fetch_missing(
        &self,
        object: &Object,
        pieces: Pieces,
        arrived: BTreeMap<u16, PieceChecksums>,
        target: &Arc<Target>,
        tally: &Tally,
    ) -> Result<Vec<PieceChecksums>> {
        let missing: Vec<_> = pieces.iter().filter(|piece| !arrived.contains_key(&piece.number)).collect();
        let workers = self.download.concurrency.min(missing.len());
        let queue = Mutex::new(missing.into_iter());
        let arrived = Mutex::new(arrived);
        // The whole object is verified in this module.
        let service = self.service.clone().with_verification(false);
        let worker = || async {
            loop {
                let _slot = self.pace.slot().await;
                let Some(piece) = lock(&queue).next() else { return Ok::<_, Error>(()) };
                let checksums =
                    fetch_piece(&service, object, piece, target, tally, self.download.rate.as_ref()).await?;
                lock(&arrived).insert(piece.number, checksums);
            }
        };
        let fetched = try_join_all((0..workers).map(|_| worker())).await;
        if fetched.is_err() {
            // Waits for what the other workers have started, so that the next attempt finds the journal
            // unlocked.
            drop(target.at_work.write().await);
        }
        fetched?;
        Ok(into_inner(arrived).into_values().collect())
    }
}

async fn fetch_piece(
    service: &R2Service,
    object: &Object,
    piece: Piece,
    target: &Arc<Target>,
    tally: &Tally,
    rate: Option<&RateLimit>,
) -> Result<PieceChecksums> {
    let Piece { offset, length, .. } = piece;
    let found = get_range(service, object, ServedRange { offset, length }).await.map_err(|error| {
        // Bytes of another object are wrong bytes.
        match error.kind() {
            ErrorKind::PreconditionFailed => error.with_kind(ErrorKind::Integrity),
            _ => error,
        }
    })?;

    let mut writer = target.work(move |target| target.partial.writer(piece, target.with_md5)).await?;
    let mut stream = RateLimit::applied(rate, found.body).into_stream();
    let mut batch: Vec<Bytes> = Vec::new();
    let mut size = 0;
    loop {
        let next = stream.try_next().await?;
        let ended = next.is_none();
        if let Some(bytes) = next {
            size += bytes.len();
            batch.push(bytes);
        }
        if size >= BATCH || (ended && size > 0) {
            let full = std::mem::take(&mut batch);
            writer = target.work(move |_| writer.write(&full).map(|()| writer)).await?;
            tally.add(size as u64);
            size = 0;
        }
        if ended {
            break;
        }
    }
    let checksums = writer.finish();
    if target.journal.is_some() {
        let entry = Entry { range: piece.number, crc64nvme: checksums.crc64nvme.checksum() };
        let append =
            move |target: &Target| target.journal.as_ref().map_or(Ok(()), |journal| journal.append(&entry));
        target.work(append).await?;
    }
    Ok(checksums)
}
