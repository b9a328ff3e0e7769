//! Uses the processor's SHA instructions on two interleaved hashes: `sha256rnds2` takes about four cycles but
//! can start every two, so a single hash leaves half of the time unused.

#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_add_epi32, _mm_alignr_epi8, _mm_and_si128, _mm_blend_epi16, _mm_cmpgt_epi8,
    _mm_loadu_si128, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_shufflehi_epi16, _mm_shufflelo_epi16,
    _mm_slli_epi16, _mm_srli_epi16, _mm_storeu_si128, _mm_unpackhi_epi8, _mm_unpacklo_epi8,
};

use crate::sigv4::sha256::round_constants::ROUND_CONSTANTS;
use crate::sigv4::sha256::state::{Block, LANES, State};

#[inline]
fn is_available() -> bool {
    is_x86_feature_detected!("sha") && is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1")
}

/// Returns `false`, without doing anything, if the processor lacks the instructions.
#[inline]
pub(super) fn compress(states: &mut [State; LANES], blocks: [&[Block]; LANES]) -> bool {
    let is_available = is_available();
    if is_available {
        for (states, blocks) in states.as_chunks_mut().0.iter_mut().zip(blocks.as_chunks().0) {
            // SAFETY: the processor has the instructions.
            unsafe { compress_two(states, blocks) };
        }
    }
    is_available
}

#[inline]
pub(super) fn hex(words: &[u32; 8]) -> [u8; 64] {
    // SAFETY: every processor of this kind has SSE2.
    unsafe { hex_sse2(words) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn hex_sse2(words: &[u32; 8]) -> [u8; 64] {
    let mut digits = [0; 64];
    let (words, _) = words.as_chunks();
    let (digits16, _) = digits.as_chunks_mut();
    for (words, digits) in words.iter().zip(digits16.as_chunks_mut().0) {
        let words = load_words(words);
        let (odd, even) = (_mm_slli_epi16(words, 8), _mm_srli_epi16(words, 8));
        let halves = _mm_or_si128(odd, even);
        let bytes = _mm_shufflehi_epi16(_mm_shufflelo_epi16(halves, 0xB1), 0xB1);
        let low_nibbles = _mm_set1_epi8(0x0f);
        let first = _mm_and_si128(_mm_srli_epi16(bytes, 4), low_nibbles);
        let second = _mm_and_si128(bytes, low_nibbles);
        let digit = |nibbles| {
            let letters = _mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9));
            let from = _mm_add_epi8(_mm_set1_epi8(48), _mm_and_si128(letters, _mm_set1_epi8(39)));
            _mm_add_epi8(nibbles, from)
        };
        let [start, end] = digits;
        store_bytes(start, digit(_mm_unpacklo_epi8(first, second)));
        store_bytes(end, digit(_mm_unpackhi_epi8(first, second)));
    }
    digits
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress_two(states: &mut [State; 2], blocks: &[&[Block]; 2]) {
    let mut abef = [_mm_set_epi64x(0, 0); 2];
    let mut cdgh = abef;
    for lane in 0..2 {
        let (words, _) = states[lane].0.as_chunks();
        let (dcba, hgfe) = (load_words(&words[0]), load_words(&words[1]));
        let cdab = _mm_shuffle_epi32(dcba, 0xB1);
        let efgh = _mm_shuffle_epi32(hgfe, 0x1B);
        abef[lane] = _mm_alignr_epi8(cdab, efgh, 8);
        cdgh[lane] = _mm_blend_epi16(efgh, cdab, 0xF0);
    }
    for (first, second) in blocks[0].iter().zip(blocks[1]) {
        compress_block(&mut abef, &mut cdgh, [first, second]);
    }
    for lane in 0..2 {
        let feba = _mm_shuffle_epi32(abef[lane], 0x1B);
        let dchg = _mm_shuffle_epi32(cdgh[lane], 0xB1);
        let dcba = _mm_blend_epi16(feba, dchg, 0xF0);
        let hgef = _mm_alignr_epi8(dchg, feba, 8);
        let (words, _) = states[lane].0.as_chunks_mut();
        store_words(&mut words[0], dcba);
        store_words(&mut words[1], hgef);
    }
}

#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress_block(abef: &mut [__m128i; 2], cdgh: &mut [__m128i; 2], blocks: [&Block; 2]) {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let before = (*abef, *cdgh);
    // The last 16 words of each message's schedule.
    let mut words = [[big_endian; 4]; 2];
    for lane in 0..2 {
        let (bytes, _) = blocks[lane].as_chunks();
        for at in 0..4 {
            words[lane][at] = _mm_shuffle_epi8(load_bytes(&bytes[at]), big_endian);
        }
    }
    // Four rounds each, unrolled with constant indices, so that everything stays in registers.
    macro_rules! rounds {
        ($($i:literal)*) => {
            $(
                let constants = load_words(&ROUND_CONSTANTS[$i]);
                for lane in 0..2 {
                    let [w0, w1, w2, w3] = words[lane];
                    let sum = _mm_add_epi32(w0, constants);
                    cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
                    abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0E));
                    let next = if $i < 12 {
                        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
                        _mm_sha256msg2_epu32(sum, w3)
                    } else {
                        w0
                    };
                    words[lane] = [w1, w2, w3, next];
                }
            )*
        };
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    for lane in 0..2 {
        abef[lane] = _mm_add_epi32(abef[lane], before.0[lane]);
        cdgh[lane] = _mm_add_epi32(cdgh[lane], before.1[lane]);
    }
}

#[inline]
fn load_words(words: &[u32; 4]) -> __m128i {
    // SAFETY: four words are the 16 bytes of a vector; the load needs no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline]
fn store_words(words: &mut [u32; 4], value: __m128i) {
    // SAFETY: four words are the 16 bytes of a vector; the store needs no alignment.
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), value) }
}

#[inline]
fn load_bytes(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: these are the 16 bytes of a vector; the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
fn store_bytes(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: these are the 16 bytes of a vector; the store needs no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
}
