//! On other threads than the one that receives.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::ready;

use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Checksum, Hasher};
use crate::runtime::begin_blocking;

/// How many bytes are hashed on another thread at a time. MD5 takes about 300 microseconds for them.
const BATCH: usize = 256 * 1024;

/// A hasher for pieces of a stream, which works on another thread while the next pieces arrive. Twice
/// [`BATCH`] of them are kept in memory at most, and the piece that passes that.
pub(in crate::r2) struct SideHasher {
    /// The hasher, once it has hashed what it was given.
    hasher: Pin<Box<dyn Future<Output = Result<Hasher>> + Send + Sync>>,
    /// What it is given next.
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
                    Error::new(ErrorKind::Connection, "the hashing of a body was stopped").with_source(error)
                })
            }));
        }
        Ok(())
    }

    /// The checksum of all bytes.
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
