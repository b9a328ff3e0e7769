//! Hashes on other threads than the one that receives.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::ready;

use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Checksum, Hasher};
use crate::runtime::begin_blocking;

/// How many bytes are hashed at a time on another thread. MD5 takes about 300 microseconds for them.
const BATCH: usize = 256 * 1024;

/// A hasher for the pieces of a stream, which works on another thread while the next pieces arrive. It keeps
/// at most twice [`BATCH`] bytes in memory, plus the piece that exceeds that.
pub(in crate::r2) struct SideHasher {
    /// The hasher, after it has hashed the previous batch.
    hasher: Pin<Box<dyn Future<Output = Result<Hasher>> + Send + Sync>>,
    /// The pieces of the next batch.
    pieces: Vec<Bytes>,
    length: usize,
}

impl SideHasher {
    pub(in crate::r2) fn new(hasher: Hasher) -> Self {
        Self { hasher: Box::pin(ready(Ok(hasher))), pieces: Vec::new(), length: 0 }
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub(in crate::r2) async fn update(&mut self, bytes: Bytes) -> Result<()> {
        self.length += bytes.len();
        self.pieces.push(bytes);
        if self.length >= BATCH {
            let hasher = (&mut self.hasher).await?;
            let pieces = std::mem::take(&mut self.pieces);
            self.length = 0;
            let hashing = begin_blocking(move || updated(hasher, &pieces));
            self.hasher = Box::pin(hashing.map(|hashed| {
                hashed.map_err(|error| {
                    Error::new(
                        ErrorKind::Connection,
                        "hashing the body was cancelled, because the runtime is shutting down",
                    )
                    .with_source(error)
                })
            }));
        }
        Ok(())
    }

    /// Returns the checksum of all bytes.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub(in crate::r2) async fn finish(self) -> Result<Checksum> {
        Ok(updated(self.hasher.await?, &self.pieces).finish())
    }
}

fn updated(mut hasher: Hasher, pieces: &[Bytes]) -> Hasher {
    for piece in pieces {
        hasher.update(piece);
    }
    hasher
}
