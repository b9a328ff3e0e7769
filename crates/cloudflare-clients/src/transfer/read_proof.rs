//! Verifies the bytes of an object that are read sequentially.

use super::proof::Verified;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Checksum, ChecksumAlgorithm, Hasher, Object};

/// Hashes what is read from the first byte on, and compares the hash at the end.
pub(super) struct ReadProof {
    size: u64,
    stored: Option<(Checksum, Verified)>,
    /// The hash of the first `hashed` bytes.
    hasher: Option<Hasher>,
    hashed: u64,
    verified: Option<Verified>,
}

impl ReadProof {
    /// A proof by the CRC-64/NVME of the object, or by the MD5 that is its etag.
    pub(super) fn of(object: &Object, verifies: bool) -> Result<Self> {
        let crc = object.checksums.get(ChecksumAlgorithm::Crc64Nvme);
        let crc = crc.map(|crc| (*crc, Verified::Crc64));
        let stored = crc.or_else(|| Some((object.md5_of_etag()?, Verified::Md5)));
        let mut proof = Self {
            size: object.size,
            stored: stored.filter(|_| verifies),
            hasher: None,
            hashed: 0,
            verified: None,
        };
        if object.size == 0 {
            proof.read(0, &[])?;
        }
        Ok(proof)
    }

    pub(super) fn verified(&self) -> Option<Verified> {
        self.verified
    }

    /// Adds the bytes that were read at this position. Fails at the last byte if the checksum differs.
    pub(super) fn read(&mut self, position: u64, bytes: &[u8]) -> Result<()> {
        if position == 0 {
            self.hasher = self.stored.map(|(stored, _)| Hasher::new(stored.algorithm()));
            self.hashed = 0;
            self.verified = None;
        }
        if position != self.hashed || (bytes.is_empty() && self.size > 0) {
            return Ok(());
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        self.hashed += bytes.len() as u64;
        if self.hashed < self.size {
            return Ok(());
        }
        if let (Some(hasher), Some((stored, _))) = (self.hasher.take(), self.stored) {
            let arrived = hasher.finish();
            if arrived != stored {
                // Reading the same bytes again cannot continue this proof.
                self.hashed = u64::MAX;
                let message = format!(
                    "the checksum of the received bytes is {arrived:?}, that of the stored object is {stored:?}"
                );
                return Err(Error::new(ErrorKind::Integrity, message));
            }
        }
        self.verified = Some(self.stored.map_or(Verified::LengthOnly, |(_, verified)| verified));
        Ok(())
    }
}
