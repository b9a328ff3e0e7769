//! The body of a request, which is verified on the way into the store.
//!
//! The claims of the signature and the headers are checked before the last piece is forwarded: a body that is
//! cut off or differs ends with an error, and the store keeps nothing of it.

use bytes::{Bytes, BytesMut};
use cloudflare_clients::r2::{Body, Checksum, ChecksumAlgorithm, Hasher, MAX_SINGLE_UPLOAD};
use cloudflare_clients::s3::error_code::{BAD_DIGEST, CONTENT_SHA256_MISMATCH, INVALID_REQUEST};
use cloudflare_clients::s3::headers;
use cloudflare_clients::{Error, ErrorKind, sigv4};
use futures_util::stream;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use super::signed_chunks::{ChunkReader, SignedChunks};
use crate::body::{Reading, RequestBody, incomplete};
use crate::s3::error::S3Error;
use crate::s3::known_error::{ENTITY_TOO_LARGE, MALFORMED_XML, MISSING_CONTENT_LENGTH, SERVICE_UNAVAILABLE};

/// Maximum size of an XML document, in bytes. 1,000 escaped keys of 1,024 bytes fit.
const MAX_DOCUMENT: u64 = 8 << 20;

/// The body of a request, with its claimed checksums and length.
pub(crate) struct Payload {
    body: RequestBody,
    length: Option<u64>,
    chunked: bool,
    sha256: Option<[u8; 32]>,
    signed_chunks: Option<SignedChunks>,
    checksums: Result<Vec<Checksum>, Error>,
}

impl Payload {
    /// `claimed` is the payload hash of the signature.
    pub(super) fn new(
        body: RequestBody,
        claimed: &sigv4::Payload,
        signed_chunks: Option<SignedChunks>,
        headers: &HeaderMap,
    ) -> Self {
        let chunked = headers.contains_key(header::TRANSFER_ENCODING);
        Self {
            body,
            length: match &signed_chunks {
                Some(chunks) => Some(chunks.length),
                None => headers::read_content_length(headers).filter(|_| !chunked),
            },
            chunked,
            sha256: claimed.sha256(),
            signed_chunks,
            checksums: headers::read_request_checksums(headers),
        }
    }

    /// For a document whose `x-amz-checksum` headers are of an object, not of itself: `Content-MD5` alone
    /// counts.
    pub(crate) fn with_content_md5_only(self, headers: &HeaderMap) -> Self {
        let md5 = headers.get(headers::CONTENT_MD5).map(|md5| (headers::CONTENT_MD5, md5.clone()));
        Self { checksums: headers::read_request_checksums(&md5.into_iter().collect()), ..self }
    }

    /// Returns the bytes to store, and the checksum that the store must compare and keep.
    pub(crate) fn upload(self) -> Result<(Body, Option<Checksum>), S3Error> {
        let length = self.length.ok_or(MISSING_CONTENT_LENGTH)?;
        if length > MAX_SINGLE_UPLOAD {
            return Err(ENTITY_TOO_LARGE.into());
        }
        let (md5, mut others): (Vec<_>, Vec<_>) =
            self.checksums?.into_iter().partition(|checksum| checksum.algorithm() == ChecksumAlgorithm::Md5);
        if others.len() > 1 {
            return Err(several_checksums());
        }
        // The store always computes the MD5, and compares one more checksum.
        let (checksum, also) = match others.pop() {
            Some(other) => (Some(other), md5),
            None => (md5.into_iter().next(), Vec::new()),
        };
        let reader = Reader::new(&self.body, self.signed_chunks, length, self.sha256, also)?;
        let pieces = stream::try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|piece| (piece, reader)))
        });
        Ok((Body::from_stream(pieces, Some(length)), checksum))
    }

    /// Returns the bytes of an XML document, or none without a body.
    pub(crate) async fn document(self) -> Result<Bytes, S3Error> {
        if self.chunked {
            return Err(MISSING_CONTENT_LENGTH.into());
        }
        let length = self.length.unwrap_or_default();
        if length > MAX_DOCUMENT {
            return Err(MALFORMED_XML.into());
        }
        let _memory = self.body.take_memory(length).ok_or(SERVICE_UNAVAILABLE)?;
        let mut reader = Reader::new(&self.body, None, length, self.sha256, self.checksums?)?;
        let mut document = BytesMut::new();
        while let Some(piece) = reader.next().await? {
            document.extend_from_slice(&piece);
        }
        Ok(document.freeze())
    }
}

/// More than one `x-amz-checksum-*`.
pub(super) fn several_checksums() -> S3Error {
    S3Error::new(
        INVALID_REQUEST,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

/// Source of the bytes.
enum Source {
    Whole(Box<Reading>),
    Chunks(Box<ChunkReader>),
}

impl Source {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Whole(body) => body.next().await,
            Self::Chunks(chunks) => chunks.next().await,
        }
    }

    /// Checks that chunks without bytes are signed too.
    async fn end(&mut self) -> Result<(), Error> {
        if let Self::Chunks(chunks) = self {
            chunks.next().await?;
        }
        Ok(())
    }
}

/// Forwards and verifies the body.
struct Reader {
    body: Source,
    left: u64,
    sha256: Option<(Sha256, [u8; 32])>,
    checksums: Vec<(Hasher, Checksum)>,
}

impl Reader {
    /// Creates it. An empty body is verified immediately.
    fn new(
        body: &RequestBody,
        signed_chunks: Option<SignedChunks>,
        length: u64,
        sha256: Option<[u8; 32]>,
        checksums: Vec<Checksum>,
    ) -> Result<Self, Error> {
        let mut reader = Self {
            body: match signed_chunks {
                Some(chunks) => Source::Chunks(Box::new(chunks.read(body.read()))),
                None => Source::Whole(Box::new(body.read())),
            },
            left: length,
            sha256: sha256.map(|expected| (Sha256::new(), expected)),
            checksums: checksums
                .into_iter()
                .map(|expected| (Hasher::new(expected.algorithm()), expected))
                .collect(),
        };
        if length == 0 {
            reader.check()?;
        }
        Ok(reader)
    }

    /// Returns the next piece. The last one is returned only if the whole body is as announced.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.left > 0 {
            let piece = self.body.next().await?.ok_or_else(incomplete)?;
            if piece.is_empty() {
                continue;
            }
            self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(incomplete)?;
            if let Some((hasher, _)) = &mut self.sha256 {
                hasher.update(&piece);
            }
            for (hasher, _) in &mut self.checksums {
                hasher.update(&piece);
            }
            if self.left == 0 {
                self.check()?;
            }
            return Ok(Some(piece));
        }
        self.body.end().await?;
        Ok(None)
    }

    fn check(&mut self) -> Result<(), Error> {
        if let Some((hasher, expected)) = self.sha256.take()
            && <[u8; 32]>::from(hasher.finalize()) != expected
        {
            return Err(Error::new(ErrorKind::Integrity, "the body is not the one that was signed")
                .with_code(CONTENT_SHA256_MISMATCH.name));
        }
        for (hasher, expected) in self.checksums.drain(..) {
            let actual = hasher.finish();
            if actual != expected {
                return Err(bad_digest(&expected, &actual));
            }
        }
        Ok(())
    }
}

fn bad_digest(expected: &Checksum, actual: &Checksum) -> Error {
    let name = expected.algorithm().name().to_uppercase();
    Error::new(
        ErrorKind::Integrity,
        format!(
            "The {name} checksum you specified did not match what we received.\n\
             You provided a {name} checksum with value: {}\nActual {name} was: {}",
            expected.to_hex(),
            actual.to_hex()
        ),
    )
    .with_code(BAD_DIGEST.name)
}
