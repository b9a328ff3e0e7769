//! Bodies on their way in: hashed as they arrive, kept in memory or in a file by their size.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::try_join4;
use futures_util::stream::Fuse;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::blobs::{Blobs, PendingBlob};
use super::block_checksums::BlockHasher;
use super::encryption::Sealer;
use super::md5::Md5;
use super::segments::{Content, Segment, SegmentEncryption};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::BAD_DIGEST;
use crate::model::r2::limits::validate_upload_size;
use crate::r2::{Body, ByteStream, Checksum, ChecksumAlgorithm, Crc64Nvme, Hasher, SseCustomerKey};

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

/// The key that a part is encrypted with, of that number.
#[derive(Debug)]
pub(super) struct SealedWith {
    pub(super) key: SseCustomerKey,
    pub(super) part_number: u16,
}

impl SealedWith {
    pub(super) fn new(key: Option<&SseCustomerKey>, part_number: u16) -> Option<Self> {
        key.map(|key| Self { key: key.clone(), part_number })
    }
}

/// Receives a body, of which a checksum may be asked for that nobody has given. A file that it goes to is
/// synced when this returns.
pub(super) async fn receive(
    blobs: &Arc<Blobs>,
    body: Body,
    expected: Option<Checksum>,
    asked: Option<ChecksumAlgorithm>,
    sealed_with: Option<SealedWith>,
) -> Result<Received> {
    let announced = body.content_length();
    announced.map_or(Ok(()), validate_upload_size)?;
    let mut incoming = Incoming::new(expected, asked, sealed_with)?;
    if announced.is_some_and(|length| length <= MAX_INLINE as u64) {
        let bytes = body.limit(MAX_INLINE as u64).bytes().await?;
        return incoming.finish_inline(bytes);
    }
    let mut stream = body.into_stream().fuse();
    let mut buffer = fill(&mut stream).await?;
    if buffer.len() <= MAX_INLINE {
        return incoming.finish_inline(buffer);
    }
    let platform = &blobs.platform;
    let created = Arc::clone(blobs);
    let mut file = platform.blocking(move || created.create()).await?;
    let mut md5 = Md5::new();
    let mut received = 0;
    // What is written, and hashed with MD5, while the next bytes are checked and sealed.
    let mut to_write = Bytes::new();
    while !buffer.is_empty() || !to_write.is_empty() {
        received += buffer.len() as u64;
        validate_upload_size(received)?;
        let hashing = blobs.md5s.update(platform, md5, to_write.clone());
        let writing = platform.blocking(move || {
            file.write(&to_write)?;
            Ok(file)
        });
        let taking = platform.blocking(move || {
            let stored = incoming.take(buffer)?;
            Ok((incoming, stored))
        });
        (md5, file, (incoming, to_write), buffer) =
            try_join4(hashing, writing, taking, fill(&mut stream)).await?;
    }
    // Compared before it is synced: what is refused never reaches `blobs/`.
    platform
        .blocking(move || {
            let (last, segment) = incoming.finish(md5)?;
            file.write(&last)?;
            let file = file.finish()?;
            let content = Content::Blob(file.name().to_owned());
            Ok(segment.stored(content, Some(file)))
        })
        .await
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

/// A body that is arriving.
struct Incoming {
    size: u64,
    /// Of what is stored.
    blocks: BlockHasher,
    /// Of the body, where it is compared with more than the MD5 of what is stored.
    other: Option<Hasher>,
    expected: Option<Checksum>,
    sealing: Option<Sealing>,
}

struct Sealing {
    sealer: Sealer,
    /// Of the body.
    crc64nvme: Crc64Nvme,
    /// Of the body, where it is compared with that.
    md5: Option<Hasher>,
}

/// A segment that is as it was announced, and not yet anywhere.
struct Arrived {
    size: u64,
    md5: Checksum,
    checksums: Vec<u8>,
    encryption: Option<SegmentEncryption>,
    checksum: Option<Checksum>,
}

impl Arrived {
    fn stored(self, content: Content, file: Option<PendingBlob>) -> Received {
        let Self { size, md5, checksums, encryption, checksum } = self;
        Received { segment: Segment { size, md5, checksums, content, encryption }, checksum, file }
    }
}

impl Incoming {
    fn new(
        expected: Option<Checksum>,
        asked: Option<ChecksumAlgorithm>,
        sealed_with: Option<SealedWith>,
    ) -> Result<Self> {
        let given = expected.map(|checksum| checksum.algorithm());
        let other = given.filter(|algorithm| *algorithm != ChecksumAlgorithm::Md5).or(asked);
        let sealing = |with: SealedWith| -> Result<Sealing> {
            Ok(Sealing {
                sealer: Sealer::new(&with.key, with.part_number)?,
                crc64nvme: Crc64Nvme::new(),
                md5: (given == Some(ChecksumAlgorithm::Md5)).then(Hasher::md5),
            })
        };
        Ok(Self {
            size: 0,
            blocks: BlockHasher::new(),
            other: other.map(Hasher::new),
            expected,
            sealing: sealed_with.map(sealing).transpose()?,
        })
    }

    /// Takes bytes of the body and gives those to store, which may be those before.
    fn take(&mut self, bytes: Bytes) -> Result<Bytes> {
        self.size += bytes.len() as u64;
        if let Some(other) = &mut self.other {
            other.update(&bytes);
        }
        let Some(Sealing { sealer, crc64nvme, md5 }) = &mut self.sealing else {
            self.blocks.update(&bytes);
            return Ok(bytes);
        };
        crc64nvme.update(&bytes);
        if let Some(md5) = md5 {
            md5.update(&bytes);
        }
        let mut sealed = Vec::new();
        sealer.update(&bytes, &mut sealed)?;
        self.blocks.update(&sealed);
        Ok(sealed.into())
    }

    fn finish_inline(mut self, bytes: Bytes) -> Result<Received> {
        let stored = self.take(bytes)?;
        let mut md5 = Md5::new();
        md5.update(&stored);
        let (last, segment) = self.finish(md5)?;
        let stored = if last.is_empty() { stored } else { [stored, last].concat().into() };
        Ok(segment.stored(Content::Inline(stored), None))
    }

    /// Compares the checksums and gives what is left to store; only then are the bytes put where they stay.
    /// `md5` has taken what was stored before.
    fn finish(mut self, mut md5: Md5) -> Result<(Bytes, Arrived)> {
        let checksum = self.other.take().map(Hasher::finish);
        let (mut last, mut encryption, mut plain_md5) = (Vec::new(), None, None);
        if let Some(Sealing { sealer, crc64nvme, md5 }) = self.sealing.take() {
            let salt = sealer.finish(&mut last)?;
            encryption = Some(SegmentEncryption { salt, crc64nvme });
            plain_md5 = md5.map(Hasher::finish);
        }
        self.blocks.update(&last);
        md5.update(&last);
        let md5 = md5.finish();
        let plain_md5 = plain_md5.unwrap_or(md5);
        let computed =
            checksum.filter(|_| !matches!(self.expected, Some(Checksum::Md5(_)))).unwrap_or(plain_md5);
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
        let checksums = self.blocks.finish();
        Ok((last.into(), Arrived { size: self.size, md5, checksums, encryption, checksum }))
    }
}
