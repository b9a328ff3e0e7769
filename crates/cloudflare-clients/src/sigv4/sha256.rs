//! SHA-256 by its compression function, so that a common beginning is hashed only once, and several messages
//! are hashed in parallel.

mod lanes;
#[cfg(any(
    target_arch = "aarch64",
    target_arch = "x86_64",
    all(target_arch = "wasm32", any(target_feature = "simd128", feature = "workers"))
))]
mod round_constants;
mod state;

pub(super) use self::state::{Block, LANES, State};

impl State {
    /// Finishes a message, of which `hashed` bytes are already hashed and `rest` is not.
    pub(super) fn finish(self, hashed: usize, rest: &[u8]) -> Self {
        let (blocks, rest) = rest.as_chunks();
        let mut last = [[0; 64]; 2];
        last.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
        let count = pad(&mut last, rest.len(), hashed + blocks.as_flattened().len());
        self.after(blocks).after(&last[..count])
    }
}

/// The number of blocks of a message of `length` bytes, with its padding.
#[inline]
pub(super) const fn blocks_of(length: usize) -> usize {
    (length + 9).div_ceil(64)
}

/// Writes the padding after the first `length` bytes of `blocks`; `hashed` bytes of the message came before
/// them. Returns the number of blocks of the message, which must fit: see [`blocks_of`].
#[inline]
pub(super) fn pad(blocks: &mut [Block], length: usize, hashed: usize) -> usize {
    let count = blocks_of(length);
    let bits = (hashed as u64 + length as u64) * 8;
    let (_, padding) = blocks[..count].as_flattened_mut().split_at_mut(length);
    let (zeros, end) = padding.split_at_mut(padding.len() - 8);
    zeros.fill(0);
    zeros[0] = 0x80;
    end.copy_from_slice(&bits.to_be_bytes());
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    proptest! {
        #[test]
        fn finishes_as_sha256(message in prop::collection::vec(any::<u8>(), 0..300), split in any::<prop::sample::Index>()) {
            let split = split.index(message.len() + 1) / 64 * 64;
            let (blocks, rest) = message.split_at(split);
            let digest = State::INITIAL.after(blocks.as_chunks().0).finish(split, rest);
            prop_assert_eq!(digest.to_bytes().to_vec(), Sha256::digest(&message).to_vec());
        }

        #[test]
        fn lanes_hash_as_one_hash_does(
            blocks in prop::collection::vec(prop::array::uniform4(prop::array::uniform32(any::<[u8; 2]>())), 0..5),
            words: [[u32; 8]; LANES],
        ) {
            let lanes: [Vec<Block>; LANES] = std::array::from_fn(|lane| {
                blocks.iter().filter_map(|blocks| blocks[lane].as_flattened().try_into().ok()).collect()
            });
            let states = words.map(State);
            let expected = std::array::from_fn(|lane| states[lane].after(&lanes[lane]));
            prop_assert_eq!(State::all_after(states, lanes.each_ref().map(Vec::as_slice)), expected);
        }

        #[test]
        fn digits_are_those_of_the_bytes(words: [u32; 8]) {
            let state = State(words);
            prop_assert_eq!(state.to_hex().to_vec(), hex::encode(state.to_bytes()).into_bytes());
        }
    }
}
