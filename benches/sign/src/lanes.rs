//! Several streams of SHA-256 by the processor's SHA instructions, interleaved: an instruction gives its
//! result after several cycles, in which others can start.

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_set1_epi32, _mm_setr_epi32, _mm_sha256msg1_epu32,
    _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi32,
};

/// The state of each stream, as the instructions want it.
pub type States<const LANES: usize> = [[__m128i; 2]; LANES];

pub fn is_available() -> bool {
    is_x86_feature_detected!("sha") && is_x86_feature_detected!("ssse3")
}

pub fn begin<const LANES: usize>(seed: i32) -> States<LANES> {
    // SAFETY: every processor of this kind has SSE2.
    unsafe { [[_mm_set1_epi32(seed), _mm_set1_epi32(seed + 1)]; LANES] }
}

/// Hashes this many blocks in each stream. The values of the blocks and of the rounds' constants make no
/// difference to the time.
///
/// # Safety
/// The processor has the instructions.
#[target_feature(enable = "sha,ssse3")]
pub unsafe fn compress<const LANES: usize>(states: &mut States<LANES>, blocks: i32) {
    for block in 0..blocks {
        let before = *states;
        let mut words = [[_mm_setr_epi32(block, 1, 2, 3); 4]; LANES];
        macro_rules! rounds {
            ($($i:literal)*) => {
                $(
                    for (state, words) in states.iter_mut().zip(&mut words) {
                        let [w0, w1, w2, w3] = *words;
                        let sum = _mm_add_epi32(w0, _mm_set1_epi32($i));
                        state[1] = _mm_sha256rnds2_epu32(state[1], state[0], sum);
                        state[0] = _mm_sha256rnds2_epu32(state[0], state[1], _mm_shuffle_epi32(sum, 0x0E));
                        let next = if $i < 12 {
                            let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
                            _mm_sha256msg2_epu32(sum, w3)
                        } else {
                            w0
                        };
                        *words = [w1, w2, w3, next];
                    }
                )*
            };
        }
        rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for (state, before) in states.iter_mut().zip(before) {
            *state = [_mm_add_epi32(state[0], before[0]), _mm_add_epi32(state[1], before[1])];
        }
    }
}
