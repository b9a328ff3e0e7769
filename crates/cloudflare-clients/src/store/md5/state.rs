//! What is hashed, and what becomes of it.

/// How many hashes go side by side.
pub(in crate::store) const LANES: usize = 8;

/// The bytes of a block.
pub(super) const BLOCK: usize = 64;

pub(super) type Block = [u8; BLOCK];

pub(super) type State = [u32; 4];
