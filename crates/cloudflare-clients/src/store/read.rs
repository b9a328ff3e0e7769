//! Reading bodies: each block of a segment is verified before its bytes are returned.

use std::collections::VecDeque;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Row};

use super::blobs::Blobs;
use super::block_checksums::{BLOCK, CHECKSUM, are_blocks, blocks, is_block};
use super::database::{StoreResult, malformed, storage};
use super::disk::DiskFile;
use super::encryption::{CHUNK, Opener, SegmentSalt, sealed_size};
use super::segments::{part_number_of, segments_of};
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::mutation::{Mutation, is_mutated};
use crate::r2::{Body, Checksum, ChecksumAlgorithm, Hasher, ServedRange, SseCustomerKey};

/// How often a key is looked up again because it was replaced between reading its row and its files.
pub(super) const MAX_LOOKUPS: usize = 32;

/// Number of files of one body that are opened together, before any of it is read.
const MAX_OPEN: usize = 256;

/// A range of bytes of one segment.
#[derive(Debug)]
pub(super) struct Piece {
    source: Source,
    expected: Expected,
    /// Decrypts the blocks of an encrypted segment, each of which is a chunk. It is boxed because it is large
    /// and few segments are encrypted.
    opener: Option<Box<Opener>>,
    /// Size of the segment as it is stored, in bytes.
    stored_size: u64,
    /// Offset of the remaining bytes in the segment.
    offset: u64,
    length: u64,
}

#[derive(Debug)]
enum Source {
    /// Bytes that are verified already.
    Inline(Bytes),
    Closed(String),
    Open(String, Box<dyn DiskFile>),
}

/// What the bytes of a file are compared with.
#[derive(Debug)]
enum Expected {
    /// The checksums of the blocks from this position on.
    Blocks(Bytes),
    /// The MD5 of the bytes so far, and the expected MD5 of all of them.
    Whole(Hasher, Checksum),
    /// Nothing: it is a range of a segment without checksums.
    Nothing,
}

/// What was found under a key, and the requested range of its body.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) row: T,
    pub(super) body: i64,
    pub(super) range: ServedRange,
    /// The bytes of the range, if they are in the row itself.
    pub(super) inline: Option<Bytes>,
}

/// The result of a lookup.
enum LookedUp<T> {
    Nothing,
    Inline(T, Bytes),
    /// The body is in files or in many rows.
    Large,
}

/// Finds a key and returns its body, with the first files opened. `ssec_key` is the key that it is encrypted
/// with.
pub(super) async fn found<T, F>(
    shared: &Shared,
    key: &str,
    ssec_key: Option<SseCustomerKey>,
    find: Arc<F>,
) -> Result<Option<(T, Body)>>
where
    T: Send + 'static,
    F: Fn(&Connection) -> StoreResult<Option<Found<T>>> + Send + Sync + 'static,
{
    let look_up = {
        let find = Arc::clone(&find);
        move |connection: &Connection| {
            Ok(match find(connection)? {
                None => LookedUp::Nothing,
                Some(Found { row, inline: Some(bytes), .. }) => LookedUp::Inline(row, bytes),
                Some(Found { inline: None, .. }) => LookedUp::Large,
            })
        }
    };
    match shared.readers.look_up_at_once(look_up).await? {
        LookedUp::Nothing => Ok(None),
        LookedUp::Inline(row, bytes) => Ok(Some((row, Body::from(bytes).verified()))),
        LookedUp::Large => found_large(shared, key, ssec_key, find).await,
    }
}

/// Like [`found`], for bodies in files or in many rows: off the async threads.
pub(super) async fn found_large<T, F>(
    shared: &Shared,
    key: &str,
    ssec_key: Option<SseCustomerKey>,
    find: Arc<F>,
) -> Result<Option<(T, Body)>>
where
    T: Send + 'static,
    F: Fn(&Connection) -> StoreResult<Option<Found<T>>> + Send + Sync + 'static,
{
    let name: Arc<str> = key.into();
    for _ in 0..MAX_LOOKUPS {
        let (find, blobs, key) = (Arc::clone(&find), Arc::clone(&shared.blobs), Arc::clone(&name));
        let ssec_key = ssec_key.clone();
        let found = shared
            .readers
            .read(move |connection| {
                let Some(Found { row, body, range, inline }) = find(connection)? else {
                    return Ok(Some(None));
                };
                if let Some(bytes) = inline {
                    return Ok(Some(Some((row, Body::from(bytes).verified()))));
                }
                let mut pieces = pieces(connection, &key, body, range, ssec_key.as_ref())?;
                Ok(open(&blobs, &key, &mut pieces)?.then(|| Some((row, body_of(blobs, key, pieces)))))
            })
            .await?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Err(lost(key))
}

/// The error for a missing file.
pub(super) fn lost(key: &str) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!("a file of {key:?} is missing: the object was replaced repeatedly while it was read, or the store is damaged"),
    )
    .with_key(key)
    .retryable(true)
}

/// The error for bytes that differ from those that were stored.
fn damaged(key: &str, place: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!("{key:?} is damaged: the bytes in {place} differ from those that were stored"),
    )
    .with_key(key)
}

/// The error for a body that lacks bytes.
fn short(key: &str, missing: u64) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!("{key:?} is damaged: its last {missing} bytes are missing in the database"),
    )
    .with_key(key)
}

/// The columns that a [`Piece`] is read from.
macro_rules! piece_columns {
    () => {
        "segments.size, segments.md5, segments.checksums, segments.blob, segments.bytes, segments.salt, segments.id"
    };
}
pub(super) use piece_columns;

/// The `piece_columns!` of a row.
#[derive(Clone, Copy)]
pub(super) struct SegmentColumns<'a> {
    row: &'a Row<'a>,
    first: usize,
}

impl<'a> SegmentColumns<'a> {
    /// The columns that start at this index.
    pub(super) fn new(row: &'a Row<'a>, first: usize) -> Self {
        Self { row, first }
    }

    fn get<T: FromSql>(self, column: usize) -> rusqlite::Result<T> {
        self.row.get(self.first + column)
    }

    fn get_ref(self, column: usize) -> rusqlite::Result<ValueRef<'a>> {
        self.row.get_ref(self.first + column)
    }

    /// The bytes of a range, if this segment is the whole body and its bytes are in the row.
    pub(super) fn inline(
        self,
        key: &str,
        body_size: u64,
        range: ServedRange,
        ssec_key: Option<&SseCustomerKey>,
    ) -> StoreResult<Option<Bytes>> {
        let is_in_file = self.get_ref(3)? != ValueRef::Null;
        if is_in_file || self.get::<Option<u64>>(0)? != Some(body_size) {
            return Ok(None);
        }
        let ServedRange { mut offset, length } = range;
        if is_mutated(Mutation::RangeBeginsEarly) {
            offset = offset.saturating_sub(1);
        }
        let piece = Piece::read(self, key, ServedRange { offset, length }, ssec_key)?;
        Ok(piece.inline_bytes())
    }
}

/// Returns the pieces of a range of a body.
pub(super) fn pieces(
    connection: &Connection,
    key: &str,
    body: i64,
    range: ServedRange,
    ssec_key: Option<&SseCustomerKey>,
) -> StoreResult<VecDeque<Piece>> {
    let ids = segments_of(body);
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        piece_columns!(),
        " FROM segments WHERE id >= ?1 AND id < ?2 ORDER BY id"
    ))?;
    let mut rows = statement.query((ids.start, ids.end))?;
    let mut pieces = VecDeque::new();
    let (mut skip, mut left) = (range.offset, range.length);
    if is_mutated(Mutation::RangeBeginsEarly) {
        skip = skip.saturating_sub(1);
    }
    while left > 0
        && let Some(row) = rows.next()?
    {
        let row = SegmentColumns::new(row, 0);
        let size: u64 = row.get(0)?;
        if skip >= size {
            skip -= size;
            continue;
        }
        let length = left.min(size - skip);
        pieces.push_back(Piece::read(row, key, ServedRange { offset: skip, length }, ssec_key)?);
        left -= length;
        skip = 0;
    }
    if left > 0 {
        return Err(short(key, left).into());
    }
    if range == (ServedRange { offset: 0, length: 0 }) && ssec_key.is_some() {
        // The single chunk of an empty body proves that it is empty.
        let row = SegmentColumns::new(rows.next()?.ok_or_else(|| short(key, 0))?, 0);
        let piece = Piece::read(row, key, range, ssec_key)?;
        if row.get::<u64>(0)? > 0 || !matches!(piece.source, Source::Inline(_)) {
            return Err(malformed("the size of a segment", &0).with_key(key).into());
        }
    }
    Ok(pieces)
}

/// Reads and verifies every piece. Returns false if a file is missing: the object has been replaced then.
pub(super) fn verify(blobs: &Blobs, key: &str, pieces: VecDeque<Piece>) -> Result<bool> {
    for mut piece in pieces {
        match piece.open(blobs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(piece.failed(blobs, key, error)),
            Ok(()) => {}
        }
        while piece.length > 0 {
            piece.next_chunk(blobs, key)?;
        }
    }
    Ok(true)
}

/// Opens the first files. Returns false if one is missing: the object has been replaced then.
fn open(blobs: &Blobs, key: &str, pieces: &mut VecDeque<Piece>) -> Result<bool> {
    let closed = pieces.iter_mut().filter(|piece| matches!(piece.source, Source::Closed(_)));
    for piece in closed.take(MAX_OPEN) {
        if let Err(error) = piece.open(blobs) {
            return match error.kind() {
                io::ErrorKind::NotFound => Ok(false),
                _ => Err(piece.failed(blobs, key, error)),
            };
        }
    }
    Ok(true)
}

/// The body that consists of these pieces.
fn body_of(blobs: Arc<Blobs>, key: Arc<str>, pieces: VecDeque<Piece>) -> Body {
    let in_memory = match (pieces.len(), pieces.front()) {
        (0, _) => Some(Bytes::new()),
        (1, Some(piece)) => piece.inline_bytes(),
        _ => None,
    };
    if let Some(bytes) = in_memory {
        return Body::from(bytes).verified();
    }
    let length = pieces.iter().map(|piece| piece.length).sum();
    let chunks = stream::try_unfold(pieces, move |mut pieces| {
        let (blobs, key) = (Arc::clone(&blobs), Arc::clone(&key));
        async move {
            let Some(mut piece) = pieces.pop_front() else {
                return Ok(None);
            };
            if matches!(piece.source, Source::Inline(_)) {
                return Ok(Some((piece.next_chunk(&blobs, &key)?, pieces)));
            }
            let platform = blobs.platform.clone();
            let (chunk, piece) =
                platform.blocking(move || Ok((piece.next_chunk(&blobs, &key)?, piece))).await?;
            if piece.length > 0 {
                pieces.push_front(piece);
            }
            Ok(Some((chunk, pieces)))
        }
    });
    Body::from_stream(chunks, Some(length)).verified()
}

fn piece_of(bytes: &Bytes, offset: u64, length: u64) -> Bytes {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len() - start);
    bytes.slice(start..start + length)
}

impl Piece {
    /// The remaining bytes, if they are in memory.
    fn inline_bytes(&self) -> Option<Bytes> {
        match &self.source {
            Source::Inline(bytes) => Some(piece_of(bytes, self.offset, self.length)),
            Source::Closed(_) | Source::Open(..) => None,
        }
    }

    /// A range of a segment.
    fn read(
        row: SegmentColumns<'_>,
        key: &str,
        range: ServedRange,
        ssec_key: Option<&SseCustomerKey>,
    ) -> StoreResult<Self> {
        let size: u64 = row.get(0)?;
        // The caller has compared the key of the object: if there is one, all of the object is encrypted.
        let (salt, ssec_key) = match (row.get::<Option<SegmentSalt>>(5)?, ssec_key) {
            (None, None) => return Self::of_stored(row, key, size, range, None),
            (Some(salt), Some(ssec_key)) => (salt, ssec_key),
            _ => return Err(malformed("the encryption of a segment", &size).with_key(key).into()),
        };
        let opener = Opener::new(ssec_key, &salt, part_number_of(row.get(6)?), size)?;
        Self::of_stored(row, key, sealed_size(size), range, Some(Box::new(opener)))
    }

    /// All bytes of a segment as they are stored, encrypted or not, and their number.
    pub(super) fn read_stored(row: SegmentColumns<'_>, key: &str) -> StoreResult<(Self, u64)> {
        let size: u64 = row.get(0)?;
        let is_plain = row.get_ref(5)?.as_blob_or_null().map_err(rusqlite::Error::from)?.is_none();
        let stored = if is_plain { size } else { sealed_size(size) };
        let all = ServedRange { offset: 0, length: stored };
        Ok((Self::of_stored(row, key, stored, all, None)?, stored))
    }

    fn of_stored(
        row: SegmentColumns<'_>,
        key: &str,
        size: u64,
        range: ServedRange,
        opener: Option<Box<Opener>>,
    ) -> StoreResult<Self> {
        let ServedRange { offset, length } = range;
        let md5 = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let md5 = Checksum::from_bytes(ChecksumAlgorithm::Md5, md5)
            .ok_or_else(|| malformed("an MD5", &md5.len()).with_key(key))?;
        let checksums = row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        if checksums.is_some_and(|all| all.len() as u64 != blocks(size) * CHECKSUM as u64) {
            return Err(malformed("the checksums of a segment", &size).with_key(key).into());
        }
        let Some(name) = row.get(3)? else {
            let bytes: Vec<u8> = row.get(4)?;
            let is_whole = match checksums {
                Some(checksums) => are_blocks(&bytes, checksums),
                None => Checksum::md5_of(&bytes) == md5,
            };
            if bytes.len() as u64 != size || !is_whole {
                return Err(damaged(key, "the database").into());
            }
            let bytes = match &opener {
                // A single chunk, as it is less than a block.
                Some(opener) => opener.open(0, bytes).ok_or_else(|| damaged(key, "the database"))?,
                None => bytes,
            };
            let source = Source::Inline(bytes.into());
            return Ok(Self {
                source,
                expected: Expected::Nothing,
                opener: None,
                stored_size: size,
                offset,
                length,
            });
        };
        let expected = match checksums {
            Some(checksums) => {
                let in_block = if opener.is_some() { CHUNK } else { BLOCK } as u64;
                let first = usize::try_from(offset / in_block).unwrap_or(usize::MAX);
                let from_here = checksums.get(first.saturating_mul(CHECKSUM)..).unwrap_or_default();
                Expected::Blocks(Bytes::copy_from_slice(from_here))
            }
            None if opener.is_some() => {
                return Err(malformed("the checksums of a segment", &size).with_key(key).into());
            }
            None if offset == 0 && length == size => Expected::Whole(Hasher::md5(), md5),
            None => Expected::Nothing,
        };
        Ok(Self { source: Source::Closed(name), expected, opener, stored_size: size, offset, length })
    }

    /// Number of bytes of content in a block.
    fn in_block(&self) -> u64 {
        if self.opener.is_some() { CHUNK as u64 } else { BLOCK as u64 }
    }

    /// Offset in the file of the bytes that are read next: a block is read whole.
    fn position(&self) -> u64 {
        match self.expected {
            Expected::Blocks(_) => self.offset / self.in_block() * BLOCK as u64,
            Expected::Whole(..) | Expected::Nothing => self.offset,
        }
    }

    fn open(&mut self, blobs: &Blobs) -> io::Result<()> {
        if let Source::Closed(name) = &self.source {
            let mut file = blobs.open(name)?;
            let position = self.position();
            if position > 0 {
                file.seek(SeekFrom::Start(position))?;
            }
            self.source = Source::Open(name.clone(), file);
        }
        Ok(())
    }

    /// Reads and verifies the next bytes.
    pub(super) fn next_chunk(&mut self, blobs: &Blobs, key: &str) -> Result<Bytes> {
        if let Some(chunk) = self.inline_bytes() {
            self.length = 0;
            return Ok(chunk);
        }
        if let Err(error) = self.open(blobs) {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => Error::new(
                    ErrorKind::Storage,
                    format!("{key:?} was replaced or deleted while it was being read: read it again"),
                )
                .with_source(error)
                .with_key(key)
                .retryable(true),
                _ => self.failed(blobs, key, error),
            });
        }
        let (position, in_block) = (self.position(), self.in_block());
        let Source::Open(name, file) = &mut self.source else {
            return Ok(Bytes::new());
        };
        let end = match self.expected {
            Expected::Blocks(_) => self.stored_size,
            Expected::Whole(..) | Expected::Nothing => self.offset + self.length,
        };
        let wanted = end.saturating_sub(position).min(BLOCK as u64);
        let mut chunk = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        match file.take(wanted).read_to_end(&mut chunk) {
            Ok(read) if read as u64 == wanted => {}
            Ok(_) => return Err(self.failed(blobs, key, io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(self.failed(blobs, key, error)),
        }
        let is_good = match &mut self.expected {
            Expected::Blocks(checksums) => {
                let checksum = checksums.split_to(CHECKSUM.min(checksums.len()));
                is_block(&chunk, &checksum)
            }
            Expected::Whole(hasher, md5) => {
                hasher.update(&chunk);
                wanted < self.length || hasher.clone().finish() == *md5
            }
            Expected::Nothing => true,
        };
        if !is_good {
            return Err(damaged(key, blobs.path(name).display()));
        }
        let mut begin = position;
        if let Some(opener) = &self.opener {
            let index = position / BLOCK as u64;
            begin = index * in_block;
            chunk = opener.open(index, chunk).ok_or_else(|| damaged(key, blobs.path(name).display()))?;
        }
        let chunk = piece_of(&chunk.into(), self.offset - begin, self.length);
        self.offset += chunk.len() as u64;
        self.length -= chunk.len() as u64;
        Ok(chunk)
    }

    fn failed(&self, blobs: &Blobs, key: &str, error: io::Error) -> Error {
        match &self.source {
            Source::Inline(_) => {
                Error::new(ErrorKind::Storage, "the object cannot be read").with_source(error)
            }
            Source::Closed(name) | Source::Open(name, _) => {
                storage(&blobs.path(name), &format!("with the bytes of {key:?} cannot be read"), error)
            }
        }
        .with_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{self, Namespace as _};
    use crate::r2::{Bucket as _, CopyRequest, GetRequest, PutRequest, Range};
    use crate::store::LocalBucket;
    use crate::store::testing::{bucket, bytes, flip, namespace, only_blob, pattern};

    async fn get(bucket: &LocalBucket, range: Option<std::ops::Range<u64>>) -> Result<Bytes> {
        let mut request = GetRequest::new("key");
        request.range = range.map(Range::from);
        bucket.get(request).await?.unwrap().body.bytes().await
    }

    #[tokio::test]
    async fn no_damaged_byte_leaves_and_ranges_beside_it_do() {
        let (_folder, bucket) = bucket().await;
        let size = 3 * BLOCK + 1000;
        bucket.put(PutRequest::new("key", pattern(size))).await.unwrap();
        let file = only_blob(bucket.store());
        let block = BLOCK as u64;
        for at in [0, BLOCK, 2 * BLOCK - 1, size - 1] {
            flip(&file, at);
            let at = at as u64;
            let start = at - at % block;
            for damaged in
                [None, Some(at..at + 1), Some(start..start + 1), Some(start.saturating_sub(1)..start + 1)]
            {
                let error = get(&bucket, damaged).await.unwrap_err();
                assert_eq!((error.kind(), error.key()), (ErrorKind::Storage, Some("key")));
                assert!(error.message().contains("\"key\" is damaged"), "{error}");
                assert!(error.message().contains(file.to_str().unwrap()), "{error}");
                assert!(!error.is_retryable());
            }
            let sound = if start == 0 { block..3 * block } else { start - 10..start };
            let [from, to] = [sound.start, sound.end].map(|at| usize::try_from(at).unwrap());
            assert!(get(&bucket, Some(sound)).await.unwrap() == pattern(size)[from..to]);
            flip(&file, usize::try_from(at).unwrap());
        }
        assert!(get(&bucket, None).await.unwrap() == pattern(size));
    }

    #[tokio::test]
    async fn a_damaged_object_is_not_copied() {
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("key", pattern(3 * BLOCK))).await.unwrap();
        flip(&only_blob(bucket.store()), 2 * BLOCK);
        let error = bucket.copy(CopyRequest::new("key", "copy")).await.unwrap_err();
        assert!(error.message().contains("\"key\" is damaged"), "{error}");
        assert_eq!(bytes(&bucket, "copy").await, None);

        bucket.store().create_bucket("other").await.unwrap();
        let other = bucket.store().bucket("other").unwrap();
        let body = bucket.get(GetRequest::new("key")).await.unwrap().unwrap().body;
        let error = other.put(PutRequest::new("copy", body)).await.unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Storage, Some("key")));
        assert_eq!(bytes(&other, "copy").await, None);
    }

    #[tokio::test]
    async fn what_has_no_checksums_is_compared_with_its_md5() {
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("key", pattern(3 * BLOCK))).await.unwrap();
        let forget = |write: &super::super::writer::Write<'_>| {
            write.execute("UPDATE segments SET checksums = NULL", ())?;
            Ok(())
        };
        bucket.store().shared().writer.write(Vec::new(), forget).await.unwrap();
        assert!(get(&bucket, None).await.unwrap() == pattern(3 * BLOCK));
        flip(&only_blob(bucket.store()), 0);
        assert!(get(&bucket, None).await.unwrap_err().message().contains("is damaged"));
        assert!(bucket.copy(CopyRequest::new("key", "copy")).await.is_err());
        // A range cannot be compared with the MD5.
        assert!(get(&bucket, Some(5..10)).await.unwrap() == pattern(10)[5..]);
    }

    #[tokio::test]
    async fn values_are_verified_in_files_and_in_the_database() {
        let (_folder, namespace, _clock) = namespace().await;
        namespace.put(kv::PutRequest::new("large", pattern(100_000))).await.unwrap();
        namespace.put(kv::PutRequest::new("small", pattern(100))).await.unwrap();
        flip(&only_blob(namespace.store()), 99_999);
        let change = |write: &super::super::writer::Write<'_>| {
            write.execute("UPDATE segments SET bytes = zeroblob(size) WHERE blob IS NULL", ())?;
            Ok(())
        };
        namespace.store().shared().writer.write(Vec::new(), change).await.unwrap();
        for key in ["large", "small"] {
            let value = async { namespace.get(kv::GetRequest::new(key)).await?.unwrap().bytes().await };
            let error = value.await.unwrap_err();
            assert_eq!((error.kind(), error.key()), (ErrorKind::Storage, Some(key)));
        }
    }

    #[tokio::test]
    async fn a_body_that_lacks_a_segment_does_not_end_early() {
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("key", "value")).await.unwrap();
        let lose = |write: &super::super::writer::Write<'_>| {
            write.execute("DELETE FROM segments", ())?;
            Ok(())
        };
        bucket.store().shared().writer.write(Vec::new(), lose).await.unwrap();
        assert!(get(&bucket, None).await.unwrap_err().message().contains("last 5 bytes"));
    }
}
