//! Segments that are encrypted with a customer's key, in chunks: a range can be read and verified without the
//! rest.
//!
//! Each segment has its own key, which HKDF-SHA256 derives from the customer's key, 32 random bytes (the
//! salt), and the number of the part. Each chunk is sealed with AES-256-GCM under a nonce that contains its
//! index and whether it is the last one. So a chunk can only be opened in its place: not after another chunk,
//! not as the end, and not in another segment.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};

use super::block_checksums::BLOCK;
use crate::error::{Error, ErrorKind, Result};
use crate::r2::SseCustomerKey;

/// Number of bytes that a chunk grows by: the authentication tag.
const TAG: usize = 16;

/// Number of bytes in a chunk, except the last. A sealed chunk is one block, so that it also has its own
/// checksum.
pub(super) const CHUNK: usize = BLOCK - TAG;

/// Random bytes from which the key of one segment is derived.
pub(super) type SegmentSalt = [u8; 32];

/// Size of an encrypted segment with content of this size. An empty segment has a chunk as well.
pub(super) fn sealed_size(size: u64) -> u64 {
    size + size.div_ceil(CHUNK as u64).max(1) * TAG as u64
}

/// The key of a segment.
fn segment_key(key: &SseCustomerKey, salt: &SegmentSalt, part_number: u16) -> Result<LessSafeKey> {
    let part_number = part_number.to_be_bytes();
    let info = [b"cloudflare-clients store segment".as_slice(), &part_number];
    let derived = Salt::new(HKDF_SHA256, salt).extract(key.expose());
    match derived.expand(&info, &AES_256_GCM) {
        Ok(key) => Ok(LessSafeKey::new(UnboundKey::from(key))),
        Err(_) => Err(Error::new(ErrorKind::Storage, "the key of a segment cannot be derived")),
    }
}

/// The nonce of a chunk. It is used once with each key that seals.
fn nonce(index: u64, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[0] = is_last.into();
    nonce[4..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Encrypts a segment whose bytes arrive in pieces of any size.
pub(super) struct Sealer {
    key: LessSafeKey,
    pub(super) salt: SegmentSalt,
    index: u64,
    /// The bytes of the chunk that have arrived. A full chunk waits for more bytes, as the last one is sealed
    /// differently.
    chunk: Vec<u8>,
}

impl Sealer {
    pub(super) fn new(key: &SseCustomerKey, part_number: u16) -> Result<Self> {
        let mut salt = SegmentSalt::default();
        getrandom::fill(&mut salt).map_err(|error| {
            Error::new(ErrorKind::Storage, format!("the system did not provide random bytes: {error}"))
        })?;
        Ok(Self { key: segment_key(key, &salt, part_number)?, salt, index: 0, chunk: Vec::new() })
    }

    /// Adds bytes, and appends the chunks that are followed by more to `sealed`.
    pub(super) fn update(&mut self, mut bytes: &[u8], sealed: &mut Vec<u8>) -> Result<()> {
        sealed.reserve(bytes.len() + BLOCK);
        while !bytes.is_empty() {
            if self.chunk.len() == CHUNK {
                self.seal(false, sealed)?;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    /// Seals the last chunk.
    pub(super) fn finish(mut self, sealed: &mut Vec<u8>) -> Result<SegmentSalt> {
        self.seal(true, sealed)?;
        Ok(self.salt)
    }

    fn seal(&mut self, is_last: bool, sealed: &mut Vec<u8>) -> Result<()> {
        let nonce = nonce(self.index, is_last);
        let tag: Tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut self.chunk)
            .map_err(|_| Error::new(ErrorKind::Storage, "a chunk cannot be encrypted"))?;
        sealed.extend_from_slice(&self.chunk);
        sealed.extend_from_slice(tag.as_ref());
        self.chunk.clear();
        self.index += 1;
        Ok(())
    }
}

/// Decrypts the chunks of a segment, in any order.
pub(super) struct Opener {
    key: LessSafeKey,
    last: u64,
}

impl Opener {
    pub(super) fn new(key: &SseCustomerKey, salt: &SegmentSalt, part_number: u16, size: u64) -> Result<Self> {
        let last = size.div_ceil(CHUNK as u64).saturating_sub(1);
        Ok(Self { key: segment_key(key, salt, part_number)?, last })
    }

    /// Opens a chunk. `None` if it is not the chunk that was sealed at this index.
    pub(super) fn open(&self, index: u64, mut chunk: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = nonce(index, index == self.last);
        let length = self.key.open_in_place(nonce, Aad::empty(), &mut chunk).ok()?.len();
        chunk.truncate(length);
        Some(chunk)
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::pattern;

    fn key() -> SseCustomerKey {
        SseCustomerKey::from_bytes([7; 32])
    }

    fn seal(bytes: &[u8], piece: usize, part_number: u16) -> (SegmentSalt, Vec<u8>) {
        let mut sealer = Sealer::new(&key(), part_number).unwrap();
        let mut sealed = Vec::new();
        bytes.chunks(piece).for_each(|piece| sealer.update(piece, &mut sealed).unwrap());
        let salt = sealer.finish(&mut sealed).unwrap();
        assert_eq!(sealed.len() as u64, sealed_size(bytes.len() as u64));
        (salt, sealed)
    }

    #[test]
    fn what_arrives_in_pieces_of_any_size_is_opened() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
            let bytes = pattern(size);
            for piece in [1000, CHUNK, BLOCK, usize::MAX] {
                let (salt, sealed) = seal(&bytes, piece, 3);
                let opener = Opener::new(&key(), &salt, 3, size as u64).unwrap();
                let chunks = sealed.chunks(BLOCK).zip(0..);
                let opened = chunks.flat_map(|(chunk, index)| opener.open(index, chunk.to_vec()).unwrap());
                assert!(opened.eq(bytes.iter().copied()), "{size} by {piece}");
            }
        }
    }

    #[test]
    fn a_chunk_opens_in_its_place_alone() {
        let size = 2 * CHUNK as u64;
        let (salt, sealed) = seal(&pattern(2 * CHUNK), BLOCK, 1);
        let (first, last) = (sealed[..BLOCK].to_vec(), sealed[BLOCK..].to_vec());
        let opener = |key: &SseCustomerKey, salt: &SegmentSalt, number, size| {
            Opener::new(key, salt, number, size).unwrap()
        };
        let sound = opener(&key(), &salt, 1, size);
        assert!(sound.open(0, first.clone()).is_some() && sound.open(1, last.clone()).is_some());
        // In another chunk's place, and as the end of a segment that was cut short or extended.
        assert!(sound.open(1, first.clone()).is_none() && sound.open(0, last.clone()).is_none());
        assert!(opener(&key(), &salt, 1, CHUNK as u64).open(0, first.clone()).is_none());
        assert!(opener(&key(), &salt, 1, size + 1).open(1, last.clone()).is_none());
        // In another segment or part, under another key, with a flipped bit.
        let (other, _) = seal(b"other", BLOCK, 1);
        assert!(opener(&key(), &other, 1, size).open(0, first.clone()).is_none());
        assert!(opener(&key(), &salt, 2, size).open(0, first.clone()).is_none());
        let wrong = SseCustomerKey::from_bytes([8; 32]);
        assert!(opener(&wrong, &salt, 1, size).open(0, first.clone()).is_none());
        for at in [0, CHUNK, BLOCK - 1] {
            let mut flipped = first.clone();
            flipped[at] ^= 1;
            assert!(sound.open(0, flipped).is_none());
        }
        assert!(sound.open(0, Vec::new()).is_none());
    }
}
