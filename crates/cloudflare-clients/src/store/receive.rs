//! Bodies on their way in: hashed as they arrive, kept in memory or in a file by their size.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::try_join3;
use futures_util::stream::Fuse;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::blobs::{Blobs, PendingBlob};
use super::block_checksums::BlockHasher;
use super::segments::{Content, Segment};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::BAD_DIGEST;
use crate::model::r2::limits::validate_upload_size;
use crate::r2::{Body, ByteStream, Checksum, ChecksumAlgorithm, Hasher};

/// Bodies up to here are kept in the database: one commit with one sync, where a file costs two more syncs and a rename.
/// Larger ones would be written twice, to the log and to the database, and push other pages out of its cache.
pub(super) const MAX_INLINE: usize = 64 * 1024;

/// How many bytes are written and hashed at a time, both at once, while as many are received.
const BUFFER: usize = 256 * 1024;

/// A body that has arrived whole and is as it was announced.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) segment: Segment,
    /// What was given and compared, unless it is the MD5, or that of the algorithm that was asked for.
    pub(super) checksum: Option<Checksum>,
    /// The file that the bytes are in, to be kept with the row of the segment.
    pub(super) file: Option<PendingBlob>,
}

/// Receives a body, of which a checksum may be asked for that nobody has given. A file that it goes to is
/// synced when this returns.
pub(super) async fn receive(
    blobs: &Arc<Blobs>,
    body: Body,
    expected: Option<Checksum>,
    asked: Option<ChecksumAlgorithm>,
) -> Result<Received> {
    let announced = body.content_length();
    announced.map_or(Ok(()), validate_upload_size)?;
    let mut digests = Digests::new(expected, asked);
    if announced.is_some_and(|length| length <= MAX_INLINE as u64) {
        let bytes = body.limit(MAX_INLINE as u64).bytes().await?;
        digests.update(&bytes);
        return digests.finish(|| Ok((Content::Inline(bytes), None)));
    }
    let mut stream = body.into_stream().fuse();
    let mut buffer = fill(&mut stream).await?;
    if buffer.len() <= MAX_INLINE {
        digests.update(&buffer);
        return digests.finish(|| Ok((Content::Inline(buffer), None)));
    }
    let platform = &blobs.platform;
    let blobs = Arc::clone(blobs);
    let mut file = platform.blocking(move || blobs.create()).await?;
    let mut received = 0;
    while !buffer.is_empty() {
        received += buffer.len() as u64;
        validate_upload_size(received)?;
        let bytes = buffer.clone();
        let writing = platform.blocking(move || {
            file.write(&bytes)?;
            Ok(file)
        });
        let hashing = platform.blocking(move || {
            digests.update(&buffer);
            Ok(digests)
        });
        (file, digests, buffer) = try_join3(writing, hashing, fill(&mut stream)).await?;
    }
    // Compared before it is synced: what is refused never reaches `blobs/`.
    let finish = || {
        let file = file.finish()?;
        Ok((Content::Blob(file.name().to_owned()), Some(file)))
    };
    platform.blocking(move || digests.finish(finish)).await
}

/// The next bytes, less than a buffer of them at the end only. A piece that is larger than the buffer comes as it is.
async fn fill(stream: &mut Fuse<ByteStream>) -> Result<Bytes> {
    let mut buffer = BytesMut::new();
    while let Some(piece) = stream.try_next().await? {
        if buffer.is_empty() {
            if piece.len() >= BUFFER {
                return Ok(piece);
            }
            buffer.reserve(BUFFER + piece.len());
        }
        buffer.extend_from_slice(&piece);
        if buffer.len() >= BUFFER {
            break;
        }
    }
    Ok(buffer.freeze())
}

struct Digests {
    size: u64,
    md5: Hasher,
    blocks: BlockHasher,
    other: Option<Hasher>,
    expected: Option<Checksum>,
}

impl Digests {
    fn new(expected: Option<Checksum>, asked: Option<ChecksumAlgorithm>) -> Self {
        let given = expected.map(|checksum| checksum.algorithm());
        let other = given.filter(|algorithm| *algorithm != ChecksumAlgorithm::Md5).or(asked);
        Self {
            size: 0,
            md5: Hasher::md5(),
            blocks: BlockHasher::new(),
            other: other.map(Hasher::new),
            expected,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        self.blocks.update(bytes);
        if let Some(other) = &mut self.other {
            other.update(bytes);
        }
    }

    /// Compares the checksums; only then are the bytes put where they stay.
    fn finish(self, place: impl FnOnce() -> Result<(Content, Option<PendingBlob>)>) -> Result<Received> {
        let md5 = self.md5.finish();
        let checksum = self.other.map(Hasher::finish);
        let computed = checksum.filter(|_| !matches!(self.expected, Some(Checksum::Md5(_)))).unwrap_or(md5);
        if let Some(expected) = self.expected
            && expected != computed
        {
            return Err(Error::new(
                ErrorKind::Integrity,
                format!(
                    "the {} checksum that was given is {} and that of the body is {}",
                    expected.algorithm(),
                    expected.to_hex(),
                    computed.to_hex()
                ),
            )
            .with_code(BAD_DIGEST.name));
        }
        let (content, file) = place()?;
        let segment = Segment { size: self.size, md5, checksums: self.blocks.finish(), content };
        Ok(Received { segment, checksum, file })
    }
}
