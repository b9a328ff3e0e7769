//! Hashing what arrives while more arrives.

use std::pin::Pin;

use bytes::Bytes;
#[cfg(not(target_arch = "wasm32"))]
use futures_util::FutureExt as _;
use futures_util::future::ready;

use crate::error::Result;
#[cfg(not(target_arch = "wasm32"))]
use crate::error::{Error, ErrorKind};
use crate::model::r2::{Checksum, Hasher};
#[cfg(not(target_arch = "wasm32"))]
use crate::runtime::begin_blocking;

/// How many bytes are hashed on another thread at a time. MD5 takes about 300 microseconds for them.
#[cfg(not(target_arch = "wasm32"))]
const BATCH: usize = 256 * 1024;

/// A hasher for pieces of a stream, which works on another thread while the next pieces arrive. Twice
/// [`BATCH`] of them are kept in memory at most, and the piece that passes that. A Worker has one thread.
pub(super) struct SideHasher {
    /// The hasher, once it has hashed what it was given.
    hasher: Pin<Box<dyn Future<Output = Result<Hasher>> + Send + Sync>>,
    /// What it is given next.
    pieces: Vec<Bytes>,
    #[cfg(not(target_arch = "wasm32"))]
    length: usize,
}

impl SideHasher {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self {
            hasher: Box::pin(ready(Ok(hasher))),
            pieces: Vec::new(),
            #[cfg(not(target_arch = "wasm32"))]
            length: 0,
        }
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub(super) async fn update(&mut self, bytes: Bytes) -> Result<()> {
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.length += bytes.len();
            self.pieces.push(bytes);
            if self.length >= BATCH {
                let hasher = (&mut self.hasher).await?;
                let pieces = std::mem::take(&mut self.pieces);
                self.length = 0;
                let hashing = begin_blocking(move || updated(hasher, &pieces));
                self.hasher = Box::pin(hashing.map(|hashed| hashed.map_err(stopped)));
            }
        }
        #[cfg(target_arch = "wasm32")]
        {
            let hasher = (&mut self.hasher).await?;
            self.hasher = Box::pin(ready(Ok(updated(hasher, &[bytes]))));
        }
        Ok(())
    }

    /// The checksum of all bytes.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub(super) async fn finish(self) -> Result<Checksum> {
        Ok(updated(self.hasher.await?, &self.pieces).finish())
    }
}

fn updated(mut hasher: Hasher, pieces: &[Bytes]) -> Hasher {
    for piece in pieces {
        hasher.update(piece);
    }
    hasher
}

#[cfg(not(target_arch = "wasm32"))]
fn stopped(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Connection, "the runtime shuts down while a body is being verified")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_of_every_size_hash_as_the_whole_does() {
        for sizes in [&[][..], &[1], &[BATCH], &[BATCH - 1, 1, 1], &[3 * BATCH, 5], &[100_000; 9]] {
            let mut hasher = SideHasher::new(Hasher::md5());
            let mut whole = Vec::new();
            for (number, size) in (0..).zip(sizes) {
                let piece = vec![number; *size];
                whole.extend_from_slice(&piece);
                hasher.update(piece.into()).await.unwrap();
            }
            assert_eq!(hasher.finish().await.unwrap(), Checksum::md5_of(&whole), "{sizes:?}");
        }
    }
}
