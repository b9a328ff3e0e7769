//! Receiving bodies: hashed as they arrive, and kept in memory or in a file depending on their size.

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

/// Maximum size of bodies that are stored in the database, in bytes. They need one commit with one sync; a
/// file needs two more syncs and a rename. Larger bodies would be written twice, to the log and to the
/// database, and push other pages out of its cache.
pub(super) const MAX_INLINE: usize = 64 * 1024;

/// Number of bytes that are written and hashed concurrently, while as many are received.
const BUFFER: usize = 256 * 1024;

/// A body that has arrived completely and has the expected checksum.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) segment: Segment,
    /// The given and compared checksum unless it is an MD5, or the one by the requested algorithm.
    pub(super) checksum: Option<Checksum>,
    /// The file with the bytes, to be kept together with the row of the segment.
    pub(super) file: Option<PendingBlob>,
}

/// The key that a part is encrypted with, and the part's number.
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

/// Receives a body, and computes a checksum by the algorithm `asked` if none was given. The file, if any, is
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
    // Bytes that are written and hashed with MD5 while the next ones are checked and sealed.
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
    // Compared before the file is synced: a rejected body never reaches `blobs/`.
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

/// Returns the next bytes: a full buffer, except at the end. A piece that is larger than the buffer is
/// returned unchanged.
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
    /// Checksums of the bytes as they are stored.
    blocks: BlockHasher,
    /// Hash of the body, if it is compared with more than the MD5 of the stored bytes.
    other: Option<Hasher>,
    expected: Option<Checksum>,
    sealing: Option<Sealing>,
}

struct Sealing {
    sealer: Sealer,
    /// CRC of the body.
    crc64nvme: Crc64Nvme,
    /// MD5 of the body, if it is compared with that.
    md5: Option<Hasher>,
}

/// A segment that has arrived and was verified, but is not stored yet.
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

    /// Adds bytes of the body. Returns the bytes to store, which may be earlier ones.
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

    /// Compares the checksums and returns the remaining bytes to store; only then is the segment put in its
    /// final place. `md5` includes the bytes that were stored before.
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
                    "the given {} checksum is {}, and that of the body is {}",
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
