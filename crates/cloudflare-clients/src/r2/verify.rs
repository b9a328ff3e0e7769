//! Hashing bytes as they go by.

use std::sync::{Arc, OnceLock};

use futures_util::stream::TryStreamExt;

use super::body::Body;
use super::checksum::{Checksum, ChecksumAlgorithm, Checksums, Hasher};
use super::object::Object;
use super::service::R2Service;
use crate::error::{Error, ErrorKind, Result};

/// The MD5 of a body that is being sent.
///
/// Of bytes in memory it is known beforehand, so that a service can refuse damaged ones; else once all have been taken.
#[derive(Clone)]
pub(super) struct SentMd5 {
    known: Arc<OnceLock<Checksum>>,
    observes: bool,
}

impl SentMd5 {
    pub(super) fn new(service: &R2Service, body: &Body, checksum: Option<Checksum>) -> Self {
        let verifies = service.verifies() && !service.bucket().is_in_process();
        let known = match (checksum, body.as_bytes()) {
            (Some(md5 @ Checksum::Md5(_)), _) => Some(md5),
            (None, Some(bytes)) if verifies => Some(Checksum::of(ChecksumAlgorithm::Md5, bytes)),
            _ => None,
        };
        Self {
            observes: known.is_none() && verifies,
            known: Arc::new(known.map_or_else(OnceLock::new, OnceLock::from)),
        }
    }

    /// The body, hashed while it is read where its MD5 is not known yet.
    pub(super) fn observe(&self, body: Body) -> Body {
        let Some(length) = body.content_length().filter(|_| self.observes) else {
            return body;
        };
        let known = Arc::clone(&self.known);
        let mut hasher = Some(Hasher::new(ChecksumAlgorithm::Md5));
        let mut left = length;
        // A transport stops reading when it has all bytes, not at the stream's end.
        let finish_at_zero = move |hasher: &mut Option<Hasher>, left: u64| {
            if left == 0
                && let Some(hasher) = hasher.take()
            {
                // Set already by an attempt before, to the same: these are the same bytes.
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

    /// Compares what was sent with the etag that the service gave it, where that is an MD5.
    pub(super) fn check_etag(&self, etag: &str) -> Result<()> {
        match (self.get(), Checksum::from_etag(etag)) {
            (Some(sent), Some(stored)) if sent != stored => Err(Error::new(
                ErrorKind::Integrity,
                format!("the service stored other bytes than were sent: {stored:?} in place of {sent:?}"),
            )),
            _ => Ok(()),
        }
    }
}

/// The checksum to verify a whole object with: a stored one, the cheapest to compute, else the MD5 that is its etag.
pub(super) fn expected_checksum(object: &Object) -> Option<Checksum> {
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
    let stored = |checksums: &Checksums| {
        CHEAPEST_FIRST.into_iter().find_map(|algorithm| checksums.get(algorithm).copied())
    };
    stored(&object.checksums).or_else(|| Checksum::from_etag(&object.etag))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;
    use crate::r2::Bucket;

    #[derive(Debug)]
    struct NoBucket;

    impl Bucket for NoBucket {}

    #[derive(Debug)]
    struct InProcess;

    impl Bucket for InProcess {
        fn is_in_process(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn sent_bytes_are_hashed_without_reading_past_their_end() {
        for (content, length) in [("", 0), ("abc", 3)] {
            let body = || Body::from_stream(stream::iter([Ok(Bytes::from(content))]), Some(length));
            let sent = SentMd5::new(&R2Service::new(NoBucket), &body(), None);
            let mut stream = sent.observe(body()).into_stream();
            for _ in 0..length.min(1) {
                stream.try_next().await.unwrap();
            }
            let md5 = Checksum::of(ChecksumAlgorithm::Md5, content.as_bytes());
            assert_eq!(sent.get(), Some(md5));
            assert!(sent.check_etag(&md5.to_hex()).is_ok());
            assert!(sent.check_etag("d41d8cd98f00b204e9800998ecf84200").is_err());
            assert!(sent.check_etag("d41d8cd98f00b204e9800998ecf84200-2").is_ok());
        }
    }

    #[tokio::test]
    async fn bytes_are_hashed_unless_verification_is_off_or_the_bucket_is_in_this_process() {
        let hashed = |service: R2Service| {
            let in_memory = SentMd5::new(&service, &"abc".into(), None).get().is_some();
            let stream = Body::from_stream(stream::empty(), Some(3));
            (in_memory, SentMd5::new(&service, &stream, None).observes)
        };
        assert_eq!(hashed(R2Service::new(NoBucket)), (true, true));
        assert_eq!(hashed(R2Service::new(NoBucket).with_verification(false)), (false, false));
        assert_eq!(hashed(R2Service::new(InProcess)), (false, false));
    }
}
