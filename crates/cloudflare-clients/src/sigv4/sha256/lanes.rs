//! Several hashes side by side, as the machine does it best. All `unsafe` of the library is in here.
//!
//! The functions for one machine's instructions have loops where `map` or `from_fn` would be shorter: those are compiled without
//! the instructions, so what they are given is called rather than inlined.

#[cfg(all(target_arch = "wasm32", any(target_feature = "simd128", feature = "workers")))]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use super::{Block, State};

/// How many hashes go side by side.
pub(in crate::sigv4) const LANES: usize = 4;

/// Continues each hash by its blocks. All have the same number of them.
#[inline]
pub(super) fn compress(states: &mut [State; LANES], blocks: [&[Block]; LANES]) {
    debug_assert!(blocks.iter().all(|lane| lane.len() == blocks[0].len()));
    #[cfg(target_arch = "x86_64")]
    if x86_64::compress(states, blocks) {
        return;
    }
    cfg_select! {
        all(target_arch = "wasm32", any(target_feature = "simd128", feature = "workers")) => {
            simd128::compress(states, blocks);
        }
        _ => {
            for (state, blocks) in states.iter_mut().zip(blocks) {
                *state = state.after(blocks);
            }
        }
    }
}

/// Lower-case hexadecimal digits.
#[inline]
pub(super) fn hex(words: &[u32; 8]) -> [u8; 64] {
    cfg_select! {
        target_arch = "x86_64" => x86_64::hex(words),
        _ => {
            let mut digits = [0; 64];
            for (digits, word) in digits.as_chunks_mut().0.iter_mut().zip(words) {
                *digits = hex_of_word(*word);
            }
            digits
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
/// All eight digits at once: each nibble goes into a byte of a `u64`, and becomes a digit there.
#[inline]
fn hex_of_word(word: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut nibbles = u64::from(word);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letter = (nibbles + 6 * EACH) >> 4 & EACH;
    // `a` is 39 further than what follows `9`.
    let further = (letter << 5) + (letter << 3) - letter;
    (nibbles + u64::from(b'0') * EACH + further).to_be_bytes()
}

#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", any(target_feature = "simd128", feature = "workers"))
))]
static ROUND_CONSTANTS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

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
