//! A seekable reader for objects.

use std::collections::VecDeque;
use std::error::Error as _;
use std::fmt;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::TryStreamExt as _;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::DEFAULT_CONCURRENCY;
use super::get_range::get_range;
use super::io_error::to_io;
use super::proof::Verified;
use super::read_proof::ReadProof;
use crate::client::operation::Operation;
use crate::client::pace::Pace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Object, ServedRange};
use crate::r2::R2Service;
use crate::r2::ops::setters::ssec_key_setter;

const OPERATION: &str = "reader";

/// Maximum size of the ranges that are fetched ahead, by default, in bytes.
const DEFAULT_RANGE_SIZE: u64 = 4 * 1024 * 1024;

/// How much is fetched first, and after a seek, in bytes.
const BEGIN: u64 = 256 * 1024;

impl R2Service {
    /// Reads an object like a file: `r2.reader("film.mp4").open().await?` is an [`AsyncRead`] and
    /// [`AsyncSeek`].
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::R2Service};
    /// use std::io::SeekFrom;
    ///
    /// use cloudflare_clients::transfer::Verified;
    /// use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// r2.put("notes.txt", "first line\nlast line").await?;
    ///
    /// let mut reader = r2.reader("notes.txt").open().await?.ok_or("no such object")?;
    /// let mut text = String::new();
    /// reader.seek(SeekFrom::End(-9)).await?;
    /// reader.read_to_string(&mut text).await?;
    /// assert_eq!(text, "last line");
    ///
    /// // Reading from the beginning to the end verifies the bytes.
    /// reader.rewind().await?;
    /// let copied = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await?;
    /// assert_eq!((copied, reader.verified()), (20, Some(Verified::Md5)));
    /// # Ok(()) }
    /// ```
    pub fn reader(&self, key: impl Into<String>) -> ReaderBuilder {
        ReaderBuilder {
            service: self.clone(),
            key: key.into(),
            range_size: DEFAULT_RANGE_SIZE,
            concurrency: DEFAULT_CONCURRENCY,
        }
    }
}

/// The options of a [`Reader`].
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is opened"]
pub struct ReaderBuilder {
    service: R2Service,
    key: String,
    range_size: u64,
    concurrency: usize,
}

impl ReaderBuilder {
    ssec_key_setter!(service);

    /// Sets the maximum size of the ranges that are fetched. The default is 4 MiB; 0 counts as 1.
    pub fn range_size(mut self, bytes: u64) -> Self {
        self.range_size = bytes.max(1);
        self
    }

    /// Sets the maximum number of ranges that are in flight or buffered. The default is 8; 0 counts as 1.
    pub fn concurrency(mut self, ranges: usize) -> Self {
        self.concurrency = ranges.max(1);
        self
    }

    /// Looks up the object with one HEAD request. Returns `None` if no object has this key.
    ///
    /// # Errors
    /// The errors of [`head`](R2Service::head).
    pub async fn open(self) -> Result<Option<Reader>> {
        let Self { service, key, range_size, concurrency } = self;
        let operation = Operation::new(OPERATION, &key);
        let pace = Arc::new(Pace::new(Arc::clone(service.runtime()), concurrency));
        let service = service.at_pace(&pace);
        let Some(object) = operation.check(service.head(&key).await)? else { return Ok(None) };
        let proof = operation.check(ReadProof::of(&object, service.verifies()))?;
        let source = Source { service, pace, object: Arc::new(object) };
        Ok(Some(Reader {
            source,
            range_size,
            concurrency,
            position: 0,
            asked: 0,
            window: 0,
            ahead: VecDeque::new(),
            piece: Bytes::new(),
            skipped: 0,
            proof,
            failed: None,
        }))
    }
}

/// A reader of one object: a [`tokio::io::AsyncRead`] and [`AsyncSeek`]. It needs a Tokio runtime.
///
/// While you read, further ranges are fetched ahead and held in memory: 256 KiB at first, twice as much each
/// time that half of it is read, up to `concurrency` ranges of `range_size`, which is 32 MiB by default.
/// After a seek to a position that is not fetched yet, it starts with 256 KiB again. Nothing is fetched
/// before the first read. Requests are retried and resumed like those of [`Get`](crate::r2::Get).
///
/// All bytes come from the object that was opened: if it is replaced or deleted in the meantime, a read fails
/// with [`ErrorKind::PreconditionFailed`]. If you read from the first byte to the last, also with seeks in
/// between, the bytes are compared with the CRC-64/NVME of the object, or with the MD5 that is its etag. If
/// they differ, the last read fails with [`ErrorKind::Integrity`]. A multipart object without a CRC-64/NVME
/// has neither checksum, and partial reads are not verified; see [`verified`](Self::verified).
///
/// The [`io::Error`] of a read has the [`Error`] as its inner error. Each further read returns it again,
/// until you seek, even to the current position.
#[must_use = "it fetches nothing until it is read"]
pub struct Reader {
    source: Source,
    range_size: u64,
    concurrency: usize,
    position: u64,
    /// The end of the fetched ranges, not before `position`.
    asked: u64,
    /// How many bytes to fetch ahead; 0 before the first read from this position.
    window: u64,
    /// The ranges in flight, in order.
    ahead: VecDeque<Ahead>,
    /// Bytes of the first range that have arrived and are read next.
    piece: Bytes,
    /// Number of bytes to skip before `position`.
    skipped: u64,
    proof: ReadProof,
    failed: Option<Error>,
}

impl Reader {
    /// Returns the object, as far as the service described it.
    pub fn object(&self) -> &Object {
        &self.source.object
    }

    /// Returns how the bytes were verified, once they were read from the first to the last; `None` before.
    /// [`Verified::LengthOnly`] if the service has no checksum of the object, or verification is
    /// [off](R2Service::with_verification).
    pub fn verified(&self) -> Option<Verified> {
        self.proof.verified()
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Result<Bytes>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(error.clone()));
        }
        let read = ready!(self.poll_piece(cx)).and_then(|()| {
            let bytes = self.piece.split_to(self.piece.len().min(most));
            self.proof.read(self.position, &bytes)?;
            Ok(bytes)
        });
        Poll::Ready(match read {
            Ok(bytes) => {
                self.position += bytes.len() as u64;
                self.look_ahead();
                Ok(bytes)
            }
            Err(error) => {
                let error = error.during(OPERATION, Some(&self.source.object.key));
                self.forget();
                self.failed = Some(error.clone());
                Err(error)
            }
        })
    }

    /// Waits for the next bytes; they are empty at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let over = self.skipped.min(self.piece.len() as u64);
            self.piece.advance(usize::try_from(over).unwrap_or_default());
            self.skipped -= over;
            if !self.piece.is_empty() || self.position >= self.source.object.size {
                return Poll::Ready(Ok(()));
            }
            let Some(range) = self.ahead.front_mut() else {
                self.look_ahead();
                continue;
            };
            match ready!(range.pieces.poll_recv(cx)) {
                Some(piece) => {
                    let piece = piece?;
                    range.left = range.left.saturating_sub(piece.len() as u64);
                    self.piece = piece;
                }
                None if range.left == 0 => {
                    self.ahead.pop_front();
                }
                None => {
                    return Poll::Ready(Err(Error::unexpected("the task that fetches a range ended early")));
                }
            }
        }
    }

    /// Starts to fetch as many ranges as fit into the window.
    fn look_ahead(&mut self) {
        let least = BEGIN.min(self.range_size);
        let ahead = self.asked - self.position;
        if self.window == 0 {
            self.window = least;
        } else if ahead <= self.window / 2 {
            let most = self.range_size.saturating_mul(self.concurrency as u64);
            self.window = self.window.saturating_mul(2).min(most);
        }
        let range = (self.window / 4).clamp(least, self.range_size);
        let size = self.source.object.size;
        while self.asked < size
            && self.ahead.len() < self.concurrency
            && (self.ahead.is_empty() || self.asked - self.position + range <= self.window)
        {
            let length = range.min(size - self.asked);
            self.ahead.push_back(self.source.fetch(ServedRange { offset: self.asked, length }));
            self.asked += length;
        }
    }

    fn set_position(&mut self, position: u64) {
        if self.failed.take().is_none() && (self.position..=self.asked).contains(&position) {
            self.skipped += position - self.position;
            self.pass_over();
        } else {
            self.forget();
            self.asked = position;
        }
        self.position = position;
    }

    /// Drops the ranges that are skipped completely.
    fn pass_over(&mut self) {
        while let Some(first) = self.ahead.front()
            && self.skipped >= self.piece.len() as u64 + first.left
        {
            self.skipped -= self.piece.len() as u64 + first.left;
            self.piece = Bytes::new();
            self.ahead.pop_front();
        }
    }

    /// Drops all ranges in flight.
    fn forget(&mut self) {
        self.ahead.clear();
        self.piece = Bytes::new();
        self.skipped = 0;
        self.window = 0;
        self.asked = self.position;
    }
}

/// Where the ranges are fetched from.
struct Source {
    service: R2Service,
    pace: Arc<Pace>,
    object: Arc<Object>,
}

/// A range in flight. It is no larger than the memory limit, so the task does not wait for a reader.
struct Ahead {
    pieces: UnboundedReceiver<Result<Bytes>>,
    /// Number of bytes that were not taken out of `pieces` yet.
    left: u64,
    task: JoinHandle<()>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Source {
    fn fetch(&self, range: ServedRange) -> Ahead {
        let (sender, pieces) = unbounded_channel();
        let (service, pace, object) =
            (self.service.clone(), Arc::clone(&self.pace), Arc::clone(&self.object));
        let fetch = async move {
            let _slot = pace.slot().await;
            if let Err(error) = fetch(&service, &object, range, &sender).await {
                // Sending fails only if nobody waits for the range any more.
                let _ = sender.send(Err(error));
            }
        };
        Ahead { pieces, left: range.length, task: tokio::spawn(fetch.in_current_span()) }
    }
}

async fn fetch(
    service: &R2Service,
    object: &Object,
    range: ServedRange,
    sender: &UnboundedSender<Result<Bytes>>,
) -> Result<()> {
    let mut pieces = get_range(service, object, range).await?.into_stream();
    while let Some(piece) = pieces.try_next().await.map_err(if_replaced)? {
        if sender.send(Ok(piece)).is_err() {
            break;
        }
    }
    Ok(())
}

/// If a body was cut off and could not be resumed because the object was replaced, returns the error with the
/// kind that a request would have.
fn if_replaced(error: Error) -> Error {
    let source = error.source().and_then(|source| source.downcast_ref::<Error>());
    if source.is_some_and(|source| source.kind() == ErrorKind::PreconditionFailed) {
        return error.with_kind(ErrorKind::PreconditionFailed);
    }
    error
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let read = ready!(self.get_mut().poll_bytes(cx, buffer.remaining()));
        Poll::Ready(read.map(|bytes| buffer.put_slice(&bytes)).map_err(to_io))
    }
}

impl AsyncSeek for Reader {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => this.source.object.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => this.position.checked_add_signed(offset),
        };
        let Some(position) = position else {
            let message = "cannot seek to a position before the first byte";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        this.set_position(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("object", &self.source.object)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
