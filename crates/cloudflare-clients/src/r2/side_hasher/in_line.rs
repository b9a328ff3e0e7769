//! Hashes on the same thread: a Worker has only one.

#![expect(clippy::unused_async, reason = "on threads it waits")]

use bytes::Bytes;

use crate::error::Result;
use crate::model::r2::{Checksum, Hasher};

/// A hasher for the pieces of a stream.
pub(in crate::r2) struct SideHasher(Hasher);

impl SideHasher {
    pub(in crate::r2) fn new(hasher: Hasher) -> Self {
        Self(hasher)
    }

    /// Adds the next bytes.
    pub(in crate::r2) async fn update(&mut self, bytes: Bytes) -> Result<()> {
        self.0.update(&bytes);
        Ok(())
    }

    /// Returns the checksum of all bytes.
    pub(in crate::r2) async fn finish(self) -> Result<Checksum> {
        Ok(self.0.finish())
    }
}
