//! Eight hashes in parallel, with AVX2: a vector holds the same word of each.

#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_extract_epi32, _mm256_or_si256, _mm256_set1_epi32,
    _mm256_setr_epi32, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_xor_si256,
};

use super::state::{Block, LANES, State};

/// The sines of [RFC 1321, section 3.4](https://www.rfc-editor.org/rfc/rfc1321#section-3.4), one per step.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Returns `false` if the processor lacks the instructions, and then does nothing.
pub(super) fn compress(states: &mut [State; LANES], blocks: [&[Block]; LANES]) -> bool {
    let is_available = is_available();
    if is_available {
        // SAFETY: the processor has the instructions.
        unsafe { compress_eight(states, blocks) };
    }
    is_available
}

/// Sixteen steps. `$word` selects the word of the block for each step, and `$function` is the round's
/// function.
macro_rules! round {
    ($state:ident, $words:ident, $first:literal, $word:expr, [$s0:literal, $s1:literal, $s2:literal, $s3:literal], $function:expr) => {
        let [mut a, mut b, mut c, mut d] = $state;
        for four in 0..4 {
            let i = $first + 4 * four;
            a = step::<$s0, { 32 - $s0 }>(a, b, $function(b, c, d), $words[$word(i) % 16], SINES[i]);
            d = step::<$s1, { 32 - $s1 }>(d, a, $function(a, b, c), $words[$word(i + 1) % 16], SINES[i + 1]);
            c = step::<$s2, { 32 - $s2 }>(c, d, $function(d, a, b), $words[$word(i + 2) % 16], SINES[i + 2]);
            b = step::<$s3, { 32 - $s3 }>(b, c, $function(c, d, a), $words[$word(i + 3) % 16], SINES[i + 3]);
        }
        $state = [a, b, c, d];
    };
}

#[target_feature(enable = "avx2")]
fn compress_eight(states: &mut [State; LANES], blocks: [&[Block]; LANES]) {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = &*states;
    let mut sum = [_mm256_set1_epi32(0); 4];
    for (word, sum) in sum.iter_mut().enumerate() {
        *sum = vector([s0[word], s1[word], s2[word], s3[word], s4[word], s5[word], s6[word], s7[word]]);
    }
    let [b0, b1, b2, b3, b4, b5, b6, b7] = blocks;
    let lanes = b0.iter().zip(b1).zip(b2).zip(b3).zip(b4).zip(b5).zip(b6).zip(b7);
    for (((((((b0, b1), b2), b3), b4), b5), b6), b7) in lanes {
        let words = gather([b0, b1, b2, b3, b4, b5, b6, b7]);
        let mut state = sum;
        round!(state, words, 0, |i: usize| i, [7, 12, 17, 22], choose);
        round!(state, words, 16, |i: usize| 5 * i + 1, [5, 9, 14, 20], |b, c, d| choose(d, b, c));
        round!(state, words, 32, |i: usize| 3 * i + 5, [4, 11, 16, 23], parity);
        round!(state, words, 48, |i: usize| 7 * i, [6, 10, 15, 21], round_four);
        for (sum, word) in sum.iter_mut().zip(state) {
            *sum = _mm256_add_epi32(*sum, word);
        }
    }
    for (word, sum) in sum.into_iter().enumerate() {
        for (state, value) in states.iter_mut().zip(values(sum)) {
            state[word] = value;
        }
    }
}

/// Each word of the result holds that word of all eight blocks.
#[inline]
#[target_feature(enable = "avx2")]
fn gather(blocks: [&Block; LANES]) -> [__m256i; 16] {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = blocks;
    let mut words = [_mm256_set1_epi32(0); 16];
    for (i, word) in words.iter_mut().enumerate() {
        *word = vector([
            word_of(b0, i),
            word_of(b1, i),
            word_of(b2, i),
            word_of(b3, i),
            word_of(b4, i),
            word_of(b5, i),
            word_of(b6, i),
            word_of(b7, i),
        ]);
    }
    words
}

#[inline]
fn word_of(block: &Block, i: usize) -> u32 {
    u32::from_le_bytes(block.as_chunks().0[i])
}

#[inline]
#[target_feature(enable = "avx2")]
fn vector(values: [u32; LANES]) -> __m256i {
    let [v0, v1, v2, v3, v4, v5, v6, v7] = values;
    _mm256_setr_epi32(
        v0.cast_signed(),
        v1.cast_signed(),
        v2.cast_signed(),
        v3.cast_signed(),
        v4.cast_signed(),
        v5.cast_signed(),
        v6.cast_signed(),
        v7.cast_signed(),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn values(vector: __m256i) -> [u32; LANES] {
    [
        _mm256_extract_epi32::<0>(vector).cast_unsigned(),
        _mm256_extract_epi32::<1>(vector).cast_unsigned(),
        _mm256_extract_epi32::<2>(vector).cast_unsigned(),
        _mm256_extract_epi32::<3>(vector).cast_unsigned(),
        _mm256_extract_epi32::<4>(vector).cast_unsigned(),
        _mm256_extract_epi32::<5>(vector).cast_unsigned(),
        _mm256_extract_epi32::<6>(vector).cast_unsigned(),
        _mm256_extract_epi32::<7>(vector).cast_unsigned(),
    ]
}

/// `b + (a + function + word + sine <<< LEFT)`. `RIGHT` is 32 minus `LEFT`.
#[inline]
#[target_feature(enable = "avx2")]
fn step<const LEFT: i32, const RIGHT: i32>(
    a: __m256i,
    b: __m256i,
    function: __m256i,
    word: __m256i,
    sine: u32,
) -> __m256i {
    let known = _mm256_add_epi32(word, _mm256_set1_epi32(sine.cast_signed()));
    let sum = _mm256_add_epi32(_mm256_add_epi32(a, known), function);
    let rotated = _mm256_or_si256(_mm256_slli_epi32::<LEFT>(sum), _mm256_srli_epi32::<RIGHT>(sum));
    _mm256_add_epi32(b, rotated)
}

/// The bits of `c` where those of `b` are set, else those of `d`.
#[inline]
#[target_feature(enable = "avx2")]
fn choose(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    _mm256_xor_si256(d, _mm256_and_si256(b, _mm256_xor_si256(c, d)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn parity(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    _mm256_xor_si256(b, _mm256_xor_si256(c, d))
}

/// The function of the fourth round.
#[inline]
#[target_feature(enable = "avx2")]
fn round_four(b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    let not_d = _mm256_xor_si256(d, _mm256_set1_epi32(-1));
    _mm256_xor_si256(c, _mm256_or_si256(b, not_d))
}
