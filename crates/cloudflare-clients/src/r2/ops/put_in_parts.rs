//! Storing streams of unknown length, in parts.

use bytes::Bytes;
use futures_util::stream::TryStreamExt as _;

use super::parts_in_flight::{Part, PartsInFlight, PartsPlan};
use super::put_whole::put_whole;
use crate::body::{Body, ByteStream};
use crate::client::operation::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::BAD_DIGEST;
use crate::model::r2::{Checksum, Crc64Nvme, CreateMultipartUploadRequest, Hasher, PutRequest, StoredObject};
use crate::r2::service::R2Service;

/// Size of the parts of a stream of unknown length, in bytes: 16 MiB.
pub const STREAM_PART_SIZE: usize = 16 * 1024 * 1024;

/// The maximum number of concurrent parts of a stream of unknown length.
const STREAM_CONCURRENCY: usize = 3;

/// Smaller pieces of a stream are copied, in bytes. Otherwise small pieces would keep large buffers in
/// memory.
const COPIED: usize = 64 * 1024;

/// The size of a buffer for copied pieces, in bytes.
const BUFFER: usize = 256 * 1024;

/// Stores a body of unknown length.
pub(super) async fn put_in_parts(
    service: R2Service,
    mut request: PutRequest,
    operation: &Operation<'_>,
) -> Result<StoredObject> {
    let stream = std::mem::replace(&mut request.body, Body::empty()).into_sent_stream();
    let mut parts = Parts::new(stream, request.checksum, service.verifies());
    let first = parts.next().await?;
    let Some(second) = parts.next().await? else {
        // A body that fits into one part does not need a multipart upload.
        request.body = first.map_or_else(Body::empty, |part| part.body);
        return put_whole(service, request, operation).await;
    };
    let PutRequest { key, http_metadata, custom_metadata, storage_class, only_if, .. } = request;
    let plan = PartsPlan {
        request: CreateMultipartUploadRequest {
            http_metadata,
            custom_metadata,
            storage_class,
            ..CreateMultipartUploadRequest::new(key)
        },
        only_if,
        part_size: STREAM_PART_SIZE as u64,
        concurrency: STREAM_CONCURRENCY,
        pace: None,
    };
    let mut upload = PartsInFlight::new(service, plan);
    let sent = async {
        for part in first.into_iter().chain([second]) {
            upload.push(part).await?;
        }
        while let Some(part) = parts.next().await? {
            upload.push(part).await?;
        }
        upload.complete().await
    };
    let sent = sent.await;
    Ok(upload.or_abort(sent).await?.stored)
}

/// Cuts a stream into parts of [`STREAM_PART_SIZE`]; the last is shorter. Large pieces are not copied.
struct Parts {
    stream: ByteStream,
    /// The pieces of the next part so far.
    pieces: Vec<Bytes>,
    /// Copied small pieces, which follow `pieces`.
    small: Vec<u8>,
    /// The rest of a piece that spans several parts, for later parts.
    rest: Bytes,
    checksum: Option<(Checksum, Hasher)>,
    with_crc: bool,
    ended: bool,
}

impl Parts {
    fn new(stream: ByteStream, checksum: Option<Checksum>, with_crc: bool) -> Self {
        Self {
            stream,
            pieces: Vec::new(),
            small: Vec::new(),
            rest: Bytes::new(),
            checksum: checksum.map(|checksum| (checksum, Hasher::new(checksum.algorithm()))),
            with_crc,
            ended: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Part>> {
        let mut missing = STREAM_PART_SIZE;
        let mut crc = Crc64Nvme::new();
        while missing > 0 {
            if self.rest.is_empty() {
                if self.ended {
                    break;
                }
                match self.stream.try_next().await? {
                    Some(bytes) => self.rest = bytes,
                    None => self.end()?,
                }
                continue;
            }
            let piece = self.rest.split_to(self.rest.len().min(missing));
            missing -= piece.len();
            if self.with_crc {
                crc.update(&piece);
            }
            if let Some((_, hasher)) = &mut self.checksum {
                hasher.update(&piece);
            }
            self.keep(piece);
        }
        self.keep_small();
        let pieces = std::mem::take(&mut self.pieces);
        Ok((!pieces.is_empty()).then(|| Part { body: Body::from_pieces(pieces), crc, checksum: None }))
    }

    fn keep(&mut self, piece: Bytes) {
        if piece.len() < COPIED {
            if self.small.len() + piece.len() > BUFFER {
                self.keep_small();
            }
            if self.small.is_empty() {
                self.small.reserve_exact(BUFFER);
            }
            self.small.extend_from_slice(&piece);
        } else {
            self.keep_small();
            self.pieces.push(piece);
        }
    }

    fn keep_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(std::mem::take(&mut self.small).into());
        }
    }

    fn end(&mut self) -> Result<()> {
        self.ended = true;
        match self.checksum.take() {
            Some((expected, hasher)) => {
                let found = hasher.finish();
                if found == expected {
                    return Ok(());
                }
                let message = format!("the stream has the checksum {found:?}, but {expected:?} was set");
                Err(Error::new(ErrorKind::Integrity, message).with_code(BAD_DIGEST.name))
            }
            None => Ok(()),
        }
    }
}
