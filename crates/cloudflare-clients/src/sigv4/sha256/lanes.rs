//! Several hashes in parallel, with the fastest method of the machine. All `unsafe` code of the library is
//! here and in `store/md5`.
//!
//! The functions for one machine's instructions have loops where `map` or `from_fn` would be shorter. Those
//! are compiled without the instructions, so their closures would be called rather than inlined.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(all(target_arch = "wasm32", any(target_feature = "simd128", feature = "workers")))]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use super::state::{Block, LANES, State};

impl State {
    /// Like [`after`](Self::after) for several hashes. All must have the same number of blocks.
    #[inline]
    pub(in crate::sigv4) fn all_after(mut states: [Self; LANES], blocks: [&[Block]; LANES]) -> [Self; LANES] {
        compress(&mut states, blocks);
        states
    }

    /// The hash as lower-case hexadecimal digits.
    #[inline]
    pub(in crate::sigv4) fn to_hex(self) -> [u8; 64] {
        hex(&self.0)
    }
}

/// Continues each hash with its blocks. All have the same number of them.
#[inline]
fn compress(states: &mut [State; LANES], blocks: [&[Block]; LANES]) {
    debug_assert!(blocks.iter().all(|lane| lane.len() == blocks[0].len()));
    #[cfg(target_arch = "aarch64")]
    if aarch64::compress(states, blocks) {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if x86_64::compress(states, blocks) {
        return;
    }
    #[cfg(all(target_arch = "wasm32", any(target_feature = "simd128", feature = "workers")))]
    simd128::compress(states, blocks);
    #[cfg(not(all(target_arch = "wasm32", any(target_feature = "simd128", feature = "workers"))))]
    for (state, blocks) in states.iter_mut().zip(blocks) {
        *state = state.after(blocks);
    }
}

/// Converts a hash to lower-case hexadecimal digits.
#[inline]
fn hex(words: &[u32; 8]) -> [u8; 64] {
    #[cfg(target_arch = "x86_64")]
    return x86_64::hex(words);
    #[cfg(not(target_arch = "x86_64"))]
    {
        let mut digits = [0; 64];
        for (digits, word) in digits.as_chunks_mut().0.iter_mut().zip(words) {
            *digits = hex_of_word(*word);
        }
        digits
    }
}

/// Converts all eight digits together: each nibble is moved into a byte of a `u64`, and converted to a digit
/// there.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline]
fn hex_of_word(word: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut nibbles = u64::from(word);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letter = (nibbles + 6 * EACH) >> 4 & EACH;
    // `a` is 39 positions after the character that follows `9`.
    let further = (letter << 5) + (letter << 3) - letter;
    (nibbles + u64::from(b'0') * EACH + further).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_made_alike_everywhere() {
        for word in (0..=u32::MAX).step_by(65_521) {
            let words = [0, 4, 8, 12, 16, 20, 24, 28].map(|bits| word.rotate_left(bits));
            let digits = words.map(hex_of_word);
            assert_eq!(hex(&words), digits.as_flattened());
            assert_eq!(digits[0], *format!("{word:08x}").as_bytes());
        }
    }
}
