//! Whether the bytes that are read one after the other are those of the object.

use super::proof::Verified;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Checksum, ChecksumAlgorithm, Hasher, Object};

/// Hashes what is read from the first byte on, and compares it once it is all.
pub(super) struct ReadProof {
    size: u64,
    stored: Option<(Checksum, Verified)>,
    /// Of the first `hashed` bytes.
    hasher: Option<Hasher>,
    hashed: u64,
    verified: Option<Verified>,
}

impl ReadProof {
    /// With the CRC-64/NVME of the object, or the MD5 that is its etag.
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

    /// These bytes are read next, from this position on. With the last of them, all have to be right.
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
                // Not even the same bytes again continue it.
                self.hashed = u64::MAX;
                let message = format!(
                    "the bytes that arrived hash to {arrived:?}, those that are stored to {stored:?}"
                );
                return Err(Error::new(ErrorKind::Integrity, message));
            }
        }
        self.verified = Some(self.stored.map_or(Verified::LengthOnly, |(_, verified)| verified));
        Ok(())
    }
}
