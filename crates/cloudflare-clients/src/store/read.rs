//! Bodies on their way out.

use std::collections::VecDeque;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use rusqlite::Connection;

use super::blobs::Blobs;
use super::database::{StoreResult, storage};
use super::disk::DiskFile;
use super::segments::segments_of;
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::r2::{Body, ServedRange};

/// How many bytes are read from a file at a time.
const CHUNK: u64 = 256 * 1024;

/// How often a key is looked up again when it was replaced between its row and its files.
pub(super) const MAX_LOOKUPS: usize = 32;

/// How many files of one body are opened at once, before any of it is read.
const MAX_OPEN: usize = 256;

/// Some bytes of one segment.
#[derive(Debug)]
pub(super) struct Piece {
    source: Source,
    /// Where they begin in the segment.
    offset: u64,
    length: u64,
}

#[derive(Debug)]
enum Source {
    Inline(Bytes),
    Closed(String),
    Open(String, Box<dyn DiskFile>),
}

/// What `find` finds of a key, with its body, whose first files are open. `find` says which body that is, and what range of it.
pub(super) async fn found<T, F>(shared: &Shared, key: &str, find: F) -> Result<Option<(T, Body)>>
where
    T: Send + 'static,
    F: Fn(&Connection) -> StoreResult<Option<(T, i64, ServedRange)>> + Send + Sync + 'static,
{
    let find = Arc::new(find);
    for _ in 0..MAX_LOOKUPS {
        let (find, blobs) = (Arc::clone(&find), Arc::clone(&shared.blobs));
        let found = shared
            .readers
            .read(move |connection| {
                let Some((found, body, range)) = find(connection)? else {
                    return Ok(Some(None));
                };
                let mut pieces = pieces(connection, body, range)?;
                Ok(open(&blobs, &mut pieces)?.then_some(Some((found, pieces))))
            })
            .await?;
        if let Some(found) = found {
            return Ok(found.map(|(found, pieces)| (found, body(Arc::clone(&shared.blobs), pieces))));
        }
    }
    Err(lost(key))
}

/// The error for a file that is not there.
pub(super) fn lost(key: &str) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!("a file of {key:?} is not there: it was replaced again and again, or the store is damaged"),
    )
    .retryable(true)
}

/// Which pieces a range of a body is made of.
fn pieces(connection: &Connection, body: i64, range: ServedRange) -> StoreResult<VecDeque<Piece>> {
    let ids = segments_of(body);
    let mut statement = connection
        .prepare_cached("SELECT size, blob, bytes FROM segments WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = statement.query((ids.start, ids.end))?;
    let mut pieces = VecDeque::new();
    let (mut skip, mut left) = (range.offset, range.length);
    while left > 0
        && let Some(row) = rows.next()?
    {
        let size: u64 = row.get(0)?;
        if skip >= size {
            skip -= size;
            continue;
        }
        let length = left.min(size - skip);
        let source = match row.get(1)? {
            Some(blob) => Source::Closed(blob),
            None => Source::Inline(Bytes::from(row.get::<_, Vec<u8>>(2)?)),
        };
        pieces.push_back(Piece { source, offset: skip, length });
        left -= length;
        skip = 0;
    }
    Ok(pieces)
}

/// Opens the first files. Returns false when one is gone: then the object has been replaced.
fn open(blobs: &Blobs, pieces: &mut VecDeque<Piece>) -> Result<bool> {
    let closed = pieces.iter_mut().filter(|piece| matches!(piece.source, Source::Closed(_)));
    for piece in closed.take(MAX_OPEN) {
        if let Err(error) = piece.open(blobs) {
            return match error.kind() {
                io::ErrorKind::NotFound => Ok(false),
                _ => Err(piece.failed(blobs, error)),
            };
        }
    }
    Ok(true)
}

/// The body that the pieces make.
fn body(blobs: Arc<Blobs>, mut pieces: VecDeque<Piece>) -> Body {
    if pieces.len() <= 1 && pieces.iter().all(|piece| matches!(piece.source, Source::Inline(_))) {
        return pieces.pop_front().map_or_else(Body::empty, |piece| match piece.source {
            Source::Inline(bytes) => piece_of(&bytes, piece.offset, piece.length).into(),
            Source::Closed(_) | Source::Open(..) => Body::empty(),
        });
    }
    let length = pieces.iter().map(|piece| piece.length).sum();
    let chunks = stream::try_unfold(pieces, move |mut pieces| {
        let blobs = Arc::clone(&blobs);
        async move {
            let Some(mut piece) = pieces.pop_front() else {
                return Ok(None);
            };
            if let Source::Inline(bytes) = &piece.source {
                return Ok(Some((piece_of(bytes, piece.offset, piece.length), pieces)));
            }
            let platform = blobs.platform.clone();
            let (chunk, piece) = platform.blocking(move || Ok((piece.next_chunk(&blobs)?, piece))).await?;
            if piece.length > 0 {
                pieces.push_front(piece);
            }
            Ok(Some((chunk, pieces)))
        }
    });
    Body::from_stream(chunks, Some(length))
}

fn piece_of(bytes: &Bytes, offset: u64, length: u64) -> Bytes {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len() - start);
    bytes.slice(start..start + length)
}

impl Piece {
    fn open(&mut self, blobs: &Blobs) -> io::Result<()> {
        if let Source::Closed(name) = &mut self.source {
            let mut file = blobs.open(name)?;
            if self.offset > 0 {
                file.seek(SeekFrom::Start(self.offset))?;
            }
            self.source = Source::Open(std::mem::take(name), file);
        }
        Ok(())
    }

    /// Reads on and leaves what is left.
    fn next_chunk(&mut self, blobs: &Blobs) -> Result<Bytes> {
        if let Err(error) = self.open(blobs) {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => Error::new(
                    ErrorKind::Storage,
                    "the object was replaced or deleted before its later parts were read: read it again",
                )
                .with_source(error)
                .retryable(true),
                _ => self.failed(blobs, error),
            });
        }
        let Source::Open(_, file) = &mut self.source else {
            return Ok(Bytes::new());
        };
        let wanted = self.length.min(CHUNK);
        let mut chunk = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        match file.take(wanted).read_to_end(&mut chunk) {
            Ok(read) if read as u64 == wanted => {
                self.length -= wanted;
                Ok(chunk.into())
            }
            Ok(_) => Err(self.failed(blobs, io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.failed(blobs, error)),
        }
    }

    fn failed(&self, blobs: &Blobs, error: io::Error) -> Error {
        match &self.source {
            Source::Inline(_) => {
                Error::new(ErrorKind::Storage, "the object cannot be read").with_source(error)
            }
            Source::Closed(name) | Source::Open(name, _) => {
                storage(&blobs.path(name), "cannot be read", error)
            }
        }
    }
}
