//! Uses the processor's SHA-2 instructions on two interleaved hashes: `sha256h` waits for the previous one,
//! so a single hash leaves much of the processor idle.

#![allow(unsafe_code)]

use std::arch::aarch64::{
    uint32x4_t, vaddq_u32, vdupq_n_u32, vld1q_u8, vld1q_u32, vreinterpretq_u32_u8, vrev32q_u8,
    vsha256h2q_u32, vsha256hq_u32, vsha256su0q_u32, vsha256su1q_u32, vst1q_u32,
};
use std::arch::is_aarch64_feature_detected;

use crate::sigv4::sha256::round_constants::ROUND_CONSTANTS;
use crate::sigv4::sha256::state::{Block, LANES, State};

/// Returns `false`, without doing anything, if the processor lacks the instructions.
#[inline]
pub(super) fn compress(states: &mut [State; LANES], blocks: [&[Block]; LANES]) -> bool {
    let is_available = is_aarch64_feature_detected!("sha2");
    if is_available {
        for (states, blocks) in states.as_chunks_mut().0.iter_mut().zip(blocks.as_chunks().0) {
            // SAFETY: the processor has the instructions.
            unsafe { compress_two(states, blocks) };
        }
    }
    is_available
}

#[target_feature(enable = "sha2")]
fn compress_two(states: &mut [State; 2], blocks: &[&[Block]; 2]) {
    let mut abcd = [vdupq_n_u32(0); 2];
    let mut efgh = abcd;
    for lane in 0..2 {
        let (words, _) = states[lane].0.as_chunks();
        abcd[lane] = load_words(&words[0]);
        efgh[lane] = load_words(&words[1]);
    }
    for (first, second) in blocks[0].iter().zip(blocks[1]) {
        compress_block(&mut abcd, &mut efgh, [first, second]);
    }
    for lane in 0..2 {
        let (words, _) = states[lane].0.as_chunks_mut();
        store_words(&mut words[0], abcd[lane]);
        store_words(&mut words[1], efgh[lane]);
    }
}

#[inline]
#[target_feature(enable = "sha2")]
fn compress_block(abcd: &mut [uint32x4_t; 2], efgh: &mut [uint32x4_t; 2], blocks: [&Block; 2]) {
    let before = (*abcd, *efgh);
    // The last 16 words of each message's schedule.
    let mut words = [[vdupq_n_u32(0); 4]; 2];
    for lane in 0..2 {
        let (bytes, _) = blocks[lane].as_chunks();
        for at in 0..4 {
            words[lane][at] = load_big_endian(&bytes[at]);
        }
    }
    // Four rounds each, unrolled with constant indices, so that everything stays in registers.
    macro_rules! rounds {
        ($($i:literal)*) => {
            $(
                let constants = load_words(&ROUND_CONSTANTS[$i]);
                for lane in 0..2 {
                    let [w0, w1, w2, w3] = words[lane];
                    let sum = vaddq_u32(w0, constants);
                    let (top, bottom) = (abcd[lane], efgh[lane]);
                    abcd[lane] = vsha256hq_u32(top, bottom, sum);
                    efgh[lane] = vsha256h2q_u32(bottom, top, sum);
                    let next = if $i < 12 { vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3) } else { w0 };
                    words[lane] = [w1, w2, w3, next];
                }
            )*
        };
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    for lane in 0..2 {
        abcd[lane] = vaddq_u32(abcd[lane], before.0[lane]);
        efgh[lane] = vaddq_u32(efgh[lane], before.1[lane]);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_words(words: &[u32; 4]) -> uint32x4_t {
    // SAFETY: four words are a vector; the load needs no alignment.
    unsafe { vld1q_u32(words.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
fn store_words(words: &mut [u32; 4], value: uint32x4_t) {
    // SAFETY: four words are a vector; the store needs no alignment.
    unsafe { vst1q_u32(words.as_mut_ptr(), value) }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_big_endian(bytes: &[u8; 16]) -> uint32x4_t {
    // SAFETY: these are the 16 bytes of a vector; the load needs no alignment.
    let bytes = unsafe { vld1q_u8(bytes.as_ptr()) };
    vreinterpretq_u32_u8(vrev32q_u8(bytes))
}
