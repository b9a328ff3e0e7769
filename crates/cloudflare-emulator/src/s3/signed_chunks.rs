//! Bodies that are signed in chunks
//! ([`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html)),
//! as clients of minio-go send them over plain HTTP. R2 has TLS only, where they do not, and answers 501.

use bytes::{Buf as _, Bytes};
use cloudflare_clients::s3::error_code::{INVALID_ARGUMENT, SIGNATURE_DOES_NOT_MATCH};
use cloudflare_clients::sigv4::{ChunkSignatures, Credentials, ParsedAuth, Payload, VerifyError};
use cloudflare_clients::{Error, ErrorKind};
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};

use super::error::S3Error;
use super::known_error::MISSING_CONTENT_LENGTH;
use super::operation::S3Operation;
use crate::body::{Reading, incomplete};

/// Header with the length of the body without the framing of its chunks.
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
/// Content coding that such a body may declare. It is not stored.
const CODING: &str = "aws-chunked";
/// Maximum length of the line before a chunk. Its size, `;chunk-signature=` and 64 hex digits need at most 97
/// bytes.
const MAX_LINE: usize = 128;

/// Signature of a body in chunks.
pub(super) struct SignedChunks {
    /// Length of the stored bytes.
    pub(super) length: u64,
    signatures: ChunkSignatures,
}

impl SignedChunks {
    /// `None` for a body that is not signed in chunks. The headers that are about them are taken out.
    pub(super) fn take(
        auth: &ParsedAuth,
        credentials: &Credentials,
        operation: S3Operation,
        headers: &mut HeaderMap,
    ) -> Result<Option<Self>, S3Error> {
        if *auth.payload() != Payload::SignedChunks {
            return Ok(None);
        }
        if !matches!(operation, S3Operation::PutObject | S3Operation::UploadPart) {
            return Err(VerifyError::StreamingPayload(auth.payload().as_str().into_owned()).into());
        }
        let length = headers.remove(DECODED_LENGTH).ok_or(MISSING_CONTENT_LENGTH)?;
        let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits.and_then(|digits| digits.parse().ok()).ok_or(MISSING_CONTENT_LENGTH)?;
        remove_coding(headers)?;
        Ok(Some(Self { length, signatures: auth.chunk_signatures(credentials) }))
    }

    /// Returns the bytes of the chunks of this body.
    pub(super) fn read(self, body: Reading) -> ChunkReader {
        ChunkReader {
            body,
            received: Bytes::new(),
            signatures: self.signatures,
            left: self.length,
            chunk: Chunk::default(),
            ended: false,
        }
    }
}

/// Keeps the other codings of the body.
fn remove_coding(headers: &mut HeaderMap) -> Result<(), S3Error> {
    let values: Vec<HeaderValue> = headers.get_all(header::CONTENT_ENCODING).iter().cloned().collect();
    let mut kept = Vec::new();
    for value in &values {
        let codings = value
            .to_str()
            .map_err(|_| S3Error::invalid_argument("The header content-encoding is not valid ASCII"))?;
        let codings = codings.split(',').map(str::trim);
        kept.extend(codings.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(CODING)));
    }
    headers.remove(header::CONTENT_ENCODING);
    if let Ok(value) = HeaderValue::try_from(kept.join(", "))
        && !value.is_empty()
    {
        headers.insert(header::CONTENT_ENCODING, value);
    }
    Ok(())
}

/// Forwards the bytes of the chunks. The last bytes are returned only after every signature is verified,
/// including that of the empty chunk at the end: a store that keeps nothing of a body with an error never
/// keeps unsigned bytes.
pub(super) struct ChunkReader {
    body: Reading,
    /// Bytes that have arrived and are not read yet.
    received: Bytes,
    signatures: ChunkSignatures,
    /// Number of bytes left in all chunks.
    left: u64,
    chunk: Chunk,
    ended: bool,
}

/// The current chunk.
#[derive(Default)]
struct Chunk {
    left: u64,
    sha256: Sha256,
    signature: String,
}

impl ChunkReader {
    /// Returns the next bytes, or none at the end.
    ///
    /// # Errors
    /// A signature is wrong, or the chunks are not as announced; or the errors of [`Reading::next`].
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let piece = if self.left > 0 { Some(self.piece().await?) } else { None };
        if self.left == 0 && !self.ended {
            self.begin().await?;
            if self.chunk.left > 0 {
                return Err(malformed("they have more bytes than x-amz-decoded-content-length says"));
            }
            self.finish().await?;
            if !self.received.is_empty() || self.body.next().await?.is_some() {
                return Err(malformed("something comes after the last of them"));
            }
            self.ended = true;
        }
        Ok(piece)
    }

    /// Returns bytes of a chunk that has some left.
    async fn piece(&mut self) -> Result<Bytes, Error> {
        if self.chunk.left == 0 {
            self.begin().await?;
            if self.chunk.left == 0 || self.chunk.left > self.left {
                return Err(malformed("they have another length than x-amz-decoded-content-length says"));
            }
        }
        self.receive().await?;
        let length = self.received.len().min(usize::try_from(self.chunk.left).unwrap_or(usize::MAX));
        let piece = self.received.split_to(length);
        self.chunk.sha256.update(&piece);
        self.chunk.left -= length as u64;
        self.left -= length as u64;
        if self.chunk.left == 0 {
            self.finish().await?;
        }
        Ok(piece)
    }

    /// Reads the line before a chunk.
    async fn begin(&mut self) -> Result<(), Error> {
        let mut line = Vec::new();
        loop {
            match self.byte().await? {
                b'\n' if line.last() == Some(&b'\r') => break,
                _ if line.len() == MAX_LINE => return Err(malformed("the line before one is too long")),
                byte => line.push(byte),
            }
        }
        let (left, signature) = std::str::from_utf8(&line)
            .ok()
            .and_then(read_line)
            .ok_or_else(|| malformed("one does not begin with its size and chunk-signature"))?;
        self.chunk = Chunk { left, sha256: Sha256::new(), signature };
        Ok(())
    }

    /// Verifies a chunk that has been read.
    async fn finish(&mut self) -> Result<(), Error> {
        if (self.byte().await?, self.byte().await?) != (b'\r', b'\n') {
            return Err(malformed("one does not end where its size says"));
        }
        let sha256 = std::mem::take(&mut self.chunk.sha256).finalize().into();
        if self.signatures.verify(sha256, &self.chunk.signature) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Credentials, "a chunk of the body is not what was signed")
            .with_code(SIGNATURE_DOES_NOT_MATCH.name))
    }

    async fn byte(&mut self) -> Result<u8, Error> {
        self.receive().await?;
        Ok(self.received.get_u8())
    }

    /// Waits until data has arrived.
    async fn receive(&mut self) -> Result<(), Error> {
        while self.received.is_empty() {
            self.received = self.body.next().await?.ok_or_else(incomplete)?;
        }
        Ok(())
    }
}

/// Parses the size and the signature of `SIZE;chunk-signature=SIGNATURE\r`.
fn read_line(line: &str) -> Option<(u64, String)> {
    let (size, signature) = line.strip_suffix('\r')?.split_once(";chunk-signature=")?;
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = Some(size).filter(|size| is_hex(size)).and_then(|size| u64::from_str_radix(size, 16).ok())?;
    (signature.len() == 64 && is_hex(signature)).then(|| (size, signature.to_owned()))
}

fn malformed(why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("The chunks of the body are malformed: {why}"))
        .with_code(INVALID_ARGUMENT.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_read() {
        let signature = "0a".repeat(32);
        let line = |size: &str, signature: &str| read_line(&format!("{size};chunk-signature={signature}\r"));
        assert_eq!(line("10000", &signature), Some((65536, signature.clone())));
        assert_eq!(line("fFfFfFfFfFfFfFfF", &signature), Some((u64::MAX, signature.clone())));
        for size in ["", "+1", "-1", "g", " 1", "1ffffffffffffffff"] {
            assert_eq!(line(size, &signature), None, "{size}");
        }
        assert_eq!(line("1", &signature[1..]), None);
        assert_eq!(read_line("1\r"), None);
        assert_eq!(read_line(&format!("1;chunk-signature={signature}")), None);
    }

    #[test]
    fn the_coding_of_the_chunks_is_not_one_of_the_object() {
        for (values, kept) in [
            (&["aws-chunked"][..], None),
            (&["AWS-Chunked,gzip"], Some("gzip")),
            (&["gzip, aws-chunked,", "br"], Some("gzip, br")),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            remove_coding(&mut headers).unwrap();
            let found: Vec<_> = headers.get_all(header::CONTENT_ENCODING).iter().collect();
            assert_eq!(found, kept.into_iter().collect::<Vec<_>>(), "{values:?}");
        }
    }
}
