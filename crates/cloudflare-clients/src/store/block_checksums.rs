//! The checksums of a segment, one per block: a range can be verified without reading the whole segment.

use crate::r2::{Checksum, Crc64Nvme};

/// Number of bytes per checksum, and per read of a file.
pub(super) const BLOCK: usize = 256 * 1024;

/// Size of a checksum, in bytes.
pub(super) const CHECKSUM: usize = 8;

/// Computes the checksums of a segment whose bytes arrive in pieces of any size.
pub(super) struct BlockHasher {
    done: Vec<u8>,
    /// The CRC of the block that is arriving.
    block: Crc64Nvme,
}

impl BlockHasher {
    pub(super) fn new() -> Self {
        Self { done: Vec::new(), block: Crc64Nvme::new() }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = BLOCK as u64 - self.block.length();
            let (now, rest) = bytes.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()));
            self.block.update(now);
            if now.len() as u64 == left {
                self.end_block();
            }
            bytes = rest;
        }
    }

    /// The checksums of all blocks, concatenated.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.block.length() > 0 {
            self.end_block();
        }
        self.done
    }

    fn end_block(&mut self) {
        self.done.extend_from_slice(std::mem::take(&mut self.block).checksum().as_bytes());
    }
}

/// Whether these bytes match the checksum of a block.
pub(super) fn is_block(bytes: &[u8], checksum: &[u8]) -> bool {
    Crc64Nvme::of(bytes).checksum().as_bytes() == checksum
}

/// Whether these bytes match the checksums of all blocks of a segment.
pub(super) fn are_blocks(bytes: &[u8], checksums: &[u8]) -> bool {
    let mut blocks = bytes.chunks(BLOCK).zip(checksums.chunks(CHECKSUM));
    blocks.all(|(block, checksum)| is_block(block, checksum))
}

/// The CRC-64/NVME of a segment of this size, from the checksums of its blocks. `None` if their number does
/// not match the size.
pub(super) fn crc_of_blocks(size: u64, checksums: &[u8]) -> Option<Crc64Nvme> {
    let (checksums, []) = checksums.as_chunks::<CHECKSUM>() else { return None };
    let lengths = (0..size).step_by(BLOCK).map(|offset| (size - offset).min(BLOCK as u64));
    let blocks = lengths
        .zip(checksums)
        .map(|(length, checksum)| Crc64Nvme::from_checksum(Checksum::Crc64Nvme(*checksum), length));
    if checksums.len() as u64 == self::blocks(size) { blocks.collect() } else { None }
}

/// Number of blocks in a segment of this size.
pub(super) fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::pattern;

    #[test]
    fn pieces_of_any_size_have_the_checksums_of_their_blocks() {
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let bytes = pattern(size);
            for piece in [1000, BLOCK, usize::MAX] {
                let mut hasher = BlockHasher::new();
                bytes.chunks(piece).for_each(|piece| hasher.update(piece));
                let checksums = hasher.finish();
                assert_eq!(checksums.len() as u64, blocks(size as u64) * CHECKSUM as u64);
                assert!(are_blocks(&bytes, &checksums), "{size} by {piece}");
                assert_eq!(crc_of_blocks(size as u64, &checksums), Some(Crc64Nvme::of(&bytes)));
                assert_eq!(crc_of_blocks(size as u64 + BLOCK as u64, &checksums), None);
            }
        }
    }
}
