//! The blocks and the state of the hash.

/// Number of hashes that are computed in parallel.
pub(in crate::store) const LANES: usize = 8;

/// Size of a block, in bytes.
pub(super) const BLOCK: usize = 64;

pub(super) type Block = [u8; BLOCK];

pub(super) type State = [u32; 4];
