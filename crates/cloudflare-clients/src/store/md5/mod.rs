//! MD5 of several bodies in parallel: each step depends on the one before it, so a single body leaves most of
//! a processor idle.

mod state;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use bytes::Bytes;

use self::state::{BLOCK, Block, State};
use crate::r2::Checksum;

pub(super) use self::state::LANES;

/// The MD5 of bytes that arrive in pieces, as in [RFC 1321](https://www.rfc-editor.org/rfc/rfc1321).
#[derive(Debug, Clone)]
pub(super) struct Md5 {
    state: State,
    /// Number of bytes so far.
    length: u64,
    /// The bytes after the last whole block, at the beginning of this buffer.
    rest: Block,
    /// Number of these bytes.
    rest_length: usize,
}

/// A hash, and the bytes to continue it with.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) md5: Md5,
    pub(super) bytes: Bytes,
}

impl Piece {
    /// The hash after the bytes.
    pub(super) fn hashed(mut self) -> Md5 {
        self.md5.update(&self.bytes);
        self.md5
    }
}

impl Md5 {
    pub(super) fn new() -> Self {
        Self {
            state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
            length: 0,
            rest: [0; BLOCK],
            rest_length: 0,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let (state, blocks) = self.begin_update(bytes);
        ::md5::block_api::compress(state, blocks);
    }

    pub(super) fn finish(mut self) -> Checksum {
        let bits = self.length.wrapping_mul(8);
        let zeros = (2 * BLOCK - 1 - size_of::<u64>() - self.rest_length) % BLOCK;
        self.update(&[0x80]);
        self.update(&[0; BLOCK][..zeros]);
        self.update(&bits.to_le_bytes());
        let mut digest = [0; 16];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_le_bytes();
        }
        Checksum::Md5(digest)
    }

    /// Adds the next bytes, except for the returned blocks, which the caller must add to the returned state.
    fn begin_update<'a>(&mut self, mut bytes: &'a [u8]) -> (&mut State, &'a [Block]) {
        let begun = self.rest_length;
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if begun > 0 {
            let (first, others) = bytes.split_at(bytes.len().min(BLOCK - begun));
            self.rest[begun..begun + first.len()].copy_from_slice(first);
            self.rest_length += first.len();
            if self.rest_length < BLOCK {
                return (&mut self.state, &[]);
            }
            ::md5::block_api::compress(&mut self.state, &[self.rest]);
            bytes = others;
        }
        let (blocks, rest) = bytes.as_chunks();
        self.rest[..rest.len()].copy_from_slice(rest);
        self.rest_length = rest.len();
        (&mut self.state, blocks)
    }
}

/// Hashes the pieces of several bodies.
pub(super) fn update_all(pieces: &mut [Piece]) {
    let mut lanes: Vec<_> = pieces.iter_mut().map(|Piece { md5, bytes }| md5.begin_update(bytes)).collect();
    loop {
        lanes.retain(|(_, blocks)| !blocks.is_empty());
        if lanes.len() < 2 || !side_by_side(&mut lanes) {
            break;
        }
    }
    for (state, blocks) in lanes {
        ::md5::block_api::compress(state, blocks);
    }
}

/// Whether this machine hashes several bodies faster in parallel than one after the other. In a debug build
/// each vector instruction is a call, which is slower.
pub(super) fn is_side_by_side() -> bool {
    #[cfg(target_arch = "x86_64")]
    let is_available = x86_64::is_available();
    #[cfg(not(target_arch = "x86_64"))]
    let is_available = false;
    is_available && cfg!(not(debug_assertions))
}

/// Continues the first hashes, each by as many blocks as all of them have. Returns `false` if the machine
/// does not support it, and then does nothing.
fn side_by_side(lanes: &mut [(&mut State, &[Block])]) -> bool {
    let at_once = lanes.len().min(LANES);
    let lanes = &mut lanes[..at_once];
    let count = lanes.iter().map(|(_, blocks)| blocks.len()).min().unwrap_or_default();
    let mut states = [State::default(); LANES];
    // Unused lanes hash the blocks of the first; their result is dropped.
    let mut blocks = [&lanes[0].1[..count]; LANES];
    for (lane, (state, all)) in lanes.iter().enumerate() {
        states[lane] = **state;
        blocks[lane] = &all[..count];
    }
    #[cfg(target_arch = "x86_64")]
    let done = x86_64::compress(&mut states, blocks);
    #[cfg(not(target_arch = "x86_64"))]
    let done = false;
    if done {
        for ((state, blocks), after) in lanes.iter_mut().zip(states) {
            **state = after;
            *blocks = &blocks[count..];
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(length: usize, seed: usize) -> Bytes {
        (0..length).map(|i| (i * (seed + 7) + (i >> 8) + seed).to_le_bytes()[0]).collect()
    }

    #[test]
    fn one_body_in_pieces_hashes_as_the_whole() {
        for length in (0..200).chain([1000, 4096]) {
            let whole = bytes(length, 1);
            for size in [1, 3, 55, 64, 100, 4096] {
                let mut md5 = Md5::new();
                whole.chunks(size).for_each(|piece| md5.update(piece));
                assert_eq!(md5.finish(), Checksum::md5_of(&whole), "{length} in pieces of {size}");
            }
        }
    }

    proptest! {
        #[test]
        fn bodies_side_by_side_hash_as_each_alone(
            bodies in prop::collection::vec(prop::collection::vec(0..700_usize, 0..4), 0..20)
        ) {
            let mut md5s = vec![Md5::new(); bodies.len()];
            let mut wholes = vec![Vec::new(); bodies.len()];
            for turn in 0..4 {
                let piece = |(body, md5): (usize, Md5)| {
                    let length = bodies[body].get(turn).copied().unwrap_or(0);
                    Piece { md5, bytes: bytes(length, body + turn) }
                };
                let mut pieces: Vec<_> = md5s.into_iter().enumerate().map(piece).collect();
                for (whole, piece) in wholes.iter_mut().zip(&pieces) {
                    whole.extend_from_slice(&piece.bytes);
                }
                update_all(&mut pieces);
                md5s = pieces.into_iter().map(|piece| piece.md5).collect();
            }
            for (md5, whole) in md5s.into_iter().zip(wholes) {
                prop_assert_eq!(md5.finish(), Checksum::md5_of(&whole));
            }
        }
    }
}
