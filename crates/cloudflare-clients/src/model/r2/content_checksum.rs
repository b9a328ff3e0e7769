//! The checksum that is sent with bytes, so that the service refuses damaged ones.

use bytes::Bytes;

use super::checksum::Checksum;
#[cfg(not(target_arch = "wasm32"))]
use super::checksum_algorithm::ChecksumAlgorithm;
use crate::body::Body;
#[cfg(not(target_arch = "wasm32"))]
use crate::runtime::blocking;

/// The checksum that a body must have: the caller's, or else the MD5 of bytes in memory. A file or stream has
/// none, because it would have to be read twice.
pub(crate) async fn content_checksum(body: &Body, given: Option<Checksum>) -> Option<Checksum> {
    match (given, body.as_bytes()) {
        (None, Some(bytes)) => Some(md5_of(bytes).await),
        (given, _) => given,
    }
}

/// The maximum length, in bytes, that is hashed on the current thread. MD5 takes about 200 microseconds for
/// it.
#[cfg(not(target_arch = "wasm32"))]
const HASHED_IN_PLACE: usize = 128 * 1024;

/// The MD5 of bytes in memory, computed where it does not block other tasks. A Worker has only one thread.
pub(crate) async fn md5_of(bytes: &Bytes) -> Checksum {
    #[cfg(not(target_arch = "wasm32"))]
    {
        checksum_of(ChecksumAlgorithm::Md5, bytes).await
    }
    #[cfg(target_arch = "wasm32")]
    {
        Checksum::md5_of(bytes)
    }
}

/// A checksum of bytes in memory, computed where it does not block other tasks.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) async fn checksum_of(algorithm: ChecksumAlgorithm, bytes: &Bytes) -> Checksum {
    if bytes.len() > HASHED_IN_PLACE && tokio::runtime::Handle::try_current().is_ok() {
        let bytes = bytes.clone();
        let hashing = blocking(move || Checksum::of(algorithm, &bytes));
        // It fails while the runtime is shutting down.
        if let Ok(checksum) = hashing.await {
            return checksum;
        }
    }
    Checksum::of(algorithm, bytes)
}
