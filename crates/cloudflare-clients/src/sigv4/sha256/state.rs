//! The state of an unfinished hash.

use sha2::block_api::compress256;
use zeroize::Zeroize;

/// The number of hashes that are computed in parallel.
pub(in crate::sigv4) const LANES: usize = 4;

pub(in crate::sigv4) type Block = [u8; 64];

/// The state of a hash after a whole number of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sigv4) struct State(pub(super) [u32; 8]);

impl State {
    pub(in crate::sigv4) const INITIAL: Self = Self([
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ]);

    /// The state after these blocks too.
    #[inline]
    pub(in crate::sigv4) fn after(mut self, blocks: &[Block]) -> Self {
        compress256(&mut self.0, blocks);
        self
    }

    #[inline]
    pub(in crate::sigv4) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
            *bytes = word.to_be_bytes();
        }
        bytes
    }
}

impl Zeroize for State {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}
