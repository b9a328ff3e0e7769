//! Hashes bytes that are sent, and compares the result with the response.

use std::sync::{Arc, OnceLock};

use futures_util::stream::TryStreamExt;

use super::service::R2Service;
use crate::body::{Body, Replay};
use crate::error::{Error, ErrorKind, Result};
#[cfg(any(test, not(target_arch = "wasm32")))]
use crate::model::r2::ChecksumAlgorithm;
use crate::model::r2::content_checksum::{content_checksum, md5_of};
use crate::model::r2::{Checksum, Checksums, Hasher, Object};
use crate::mutation::{Mutation, is_mutated};

/// Whether the responses to writes are compared with what was sent.
pub(crate) fn verifies_writes(service: &R2Service) -> bool {
    service.verifies() && !service.bucket().has_reliable_transport()
}

/// The MD5 of a request body.
///
/// For bytes in memory it is known in advance, so that the service can refuse damaged bytes. Otherwise it is
/// known once all bytes have been read.
#[derive(Clone)]
pub(super) struct SentMd5 {
    known: Arc<OnceLock<Checksum>>,
    observes: bool,
    /// Whether the etag can be the MD5 of what was sent.
    has_md5_etag: bool,
    /// Another checksum that is sent with the body. If the service returns it, the MD5 is not needed.
    given: Option<Checksum>,
}

impl SentMd5 {
    pub(super) async fn new(service: &R2Service, body: &Body, checksum: Option<Checksum>) -> Self {
        let verifies = verifies_writes(service);
        let checksum = if verifies { content_checksum(body, checksum).await } else { checksum };
        let known = checksum.filter(|checksum| matches!(checksum, Checksum::Md5(_)));
        let has_md5_etag = service.ssec_key().is_none();
        // A body that cannot be read again is hashed now, because the service may not return the checksum.
        let given = checksum.filter(|_| known.is_none() && verifies && body.is_replayable());
        Self {
            observes: has_md5_etag && known.is_none() && given.is_none() && verifies && !body.passes_by(),
            has_md5_etag,
            known: Arc::new(known.map_or_else(OnceLock::new, OnceLock::from)),
            given,
        }
    }

    /// Returns the body, which is hashed while it is read if its MD5 is not known yet.
    pub(super) fn observe(&self, body: Body) -> Body {
        let Some(length) = body.content_length().filter(|_| self.observes) else {
            return body;
        };
        let known = Arc::clone(&self.known);
        let mut hasher = Some(Hasher::md5());
        let mut left = length;
        // A transport stops reading after the last byte, not at the end of the stream.
        let finish_at_zero = move |hasher: &mut Option<Hasher>, left: u64| {
            if left == 0
                && let Some(hasher) = hasher.take()
            {
                // An earlier attempt may have set it already, to the same value: the bytes are the same.
                let _ = known.set(hasher.finish());
            }
        };
        finish_at_zero(&mut hasher, left);
        let stream = body.into_stream().inspect_ok(move |bytes| {
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
            left = left.saturating_sub(bytes.len() as u64);
            finish_at_zero(&mut hasher, left);
        });
        Body::from_stream(stream, Some(length))
    }

    pub(super) fn get(&self) -> Option<Checksum> {
        self.known.get().copied()
    }

    /// The MD5 of what was sent. It is computed by reading the body again if necessary.
    pub(super) async fn get_or_read(&self, sent: &Replay) -> Result<Option<Checksum>> {
        let (None, Some(body)) = (self.get(), sent.same()) else {
            return Ok(self.get());
        };
        if let Some(bytes) = body.as_bytes() {
            return Ok(Some(md5_of(bytes).await));
        }
        let mut hasher = Hasher::md5();
        let mut stream = body.into_stream();
        while let Some(bytes) = stream.try_next().await? {
            hasher.update(&bytes);
        }
        Ok(Some(hasher.finish()))
    }

    /// Compares what was sent with what the service says it has stored: by the checksum that was sent, or the
    /// etag.
    pub(super) async fn check_stored(&self, etag: &str, checksums: &Checksums, sent: &Replay) -> Result<()> {
        if let Some(given) = self.given {
            match checksums.get(given.algorithm()) {
                Some(stored) if *stored == given => return Ok(()),
                Some(stored) => return Err(other_bytes(*stored, given)),
                None => {
                    if self.has_md5_etag
                        && Checksum::from_etag(etag).is_some()
                        && let Some(md5) = self.get_or_read(sent).await?
                    {
                        // An earlier attempt may have set it already, to the same value: the bytes are the
                        // same.
                        let _ = self.known.set(md5);
                    }
                }
            }
        }
        self.check_etag(etag)
    }

    /// Compares what was sent with the etag in the response, if that is an MD5.
    pub(super) fn check_etag(&self, etag: &str) -> Result<()> {
        match (self.get(), Checksum::from_etag(etag).filter(|_| self.has_md5_etag)) {
            // A service that has not read all bytes cannot have stored them.
            (None, Some(_)) if self.observes => {
                Err(Error::unexpected("the service reported success before the whole body was sent")
                    .retryable(true))
            }
            (Some(sent), Some(stored)) if sent != stored && !is_mutated(Mutation::DamageAccepted) => {
                Err(other_bytes(stored, sent))
            }
            _ => Ok(()),
        }
    }
}

fn other_bytes(stored: Checksum, sent: Checksum) -> Error {
    let message = format!(
        "the service stored other bytes than were sent: their checksum is {stored:?} instead of {sent:?}"
    );
    Error::new(ErrorKind::Integrity, message)
}

/// What to verify a whole object with: the stored checksum that is cheapest to compute, or the MD5 that is
/// its etag.
pub(super) fn verifier(object: &Object) -> Option<(Hasher, Checksum)> {
    // In a Worker, every object with a checksum has its MD5, so support for the others would only increase
    // the size.
    #[cfg(not(target_arch = "wasm32"))]
    {
        const CHEAPEST_FIRST: [ChecksumAlgorithm; 8] = [
            ChecksumAlgorithm::Crc64Nvme,
            ChecksumAlgorithm::Crc32c,
            ChecksumAlgorithm::Crc32,
            ChecksumAlgorithm::Md5,
            ChecksumAlgorithm::Sha1,
            ChecksumAlgorithm::Sha256,
            ChecksumAlgorithm::Sha512,
            ChecksumAlgorithm::Sha384,
        ];
        let stored = CHEAPEST_FIRST.into_iter().find_map(|algorithm| object.checksums.get(algorithm));
        if let Some(stored) = stored {
            return Some((Hasher::new(stored.algorithm()), *stored));
        }
    }
    Some((Hasher::md5(), object.md5_of_etag()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;
    use crate::testing::MockBucket;

    #[tokio::test]
    async fn sent_bytes_are_hashed_without_reading_past_their_end() {
        for (content, length) in [("", 0), ("abc", 3)] {
            let body = || Body::from_stream(stream::iter([Ok(Bytes::from(content))]), Some(length));
            let sent = SentMd5::new(&R2Service::new(MockBucket::new()), &body(), None).await;
            if length > 0 {
                let error = sent.check_etag("d41d8cd98f00b204e9800998ecf84200").unwrap_err();
                assert!(error.is_retryable(), "what was not read cannot be stored: {error}");
            }
            let mut stream = sent.observe(body()).into_stream();
            for _ in 0..length.min(1) {
                stream.try_next().await.unwrap();
            }
            let md5 = Checksum::of(ChecksumAlgorithm::Md5, content.as_bytes());
            assert_eq!(sent.get(), Some(md5));
            assert!(sent.check_etag(&md5.to_hex()).is_ok());
            let error = sent.check_etag("d41d8cd98f00b204e9800998ecf84200").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity);
            assert!(sent.check_etag("d41d8cd98f00b204e9800998ecf84200-2").is_ok());
        }
    }

    #[tokio::test]
    async fn bytes_in_memory_are_hashed_beforehand_unless_verification_is_off() {
        let service = R2Service::new(MockBucket::new());
        let unverified = service.clone().with_verification(false);
        for bytes in [Bytes::from_static(b"abc"), Bytes::from(vec![7; 256 * 1024])] {
            let (body, md5) = (Body::from(bytes.clone()), Checksum::of(ChecksumAlgorithm::Md5, &bytes));
            assert_eq!(SentMd5::new(&service, &body, None).await.get(), Some(md5));
            let sent = SentMd5::new(&unverified, &body, None).await;
            assert_eq!(sent.get(), None);
            assert_eq!(sent.get_or_read(&Replay::new(body)).await.unwrap(), Some(md5));
        }
    }

    #[cfg(feature = "local")]
    #[tokio::test]
    async fn nothing_is_hashed_for_a_reliable_transport() {
        let (_folder, reliable) = crate::store::testing::bucket().await;
        for (service, observes) in
            [(R2Service::new(MockBucket::new()), true), (R2Service::new(reliable), false)]
        {
            let in_memory = SentMd5::new(&service, &"abc".into(), None).await;
            assert_eq!(in_memory.get().is_some(), observes);
            let stream = Body::from_stream(stream::empty(), Some(3));
            assert_eq!(SentMd5::new(&service, &stream, None).await.observes, observes);
        }
    }
}
