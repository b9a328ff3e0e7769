//! Uses WebAssembly's vectors, with one hash in each of their four lanes. Workers support them without
//! configuration.

#![allow(unsafe_code)]

use std::arch::wasm32::{
    i32x4_add, i32x4_shuffle, u8x16_shuffle, u32x4, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_splat,
    v128, v128_and, v128_bitselect, v128_load, v128_or, v128_xor,
};

use crate::sigv4::sha256::round_constants::ROUND_CONSTANTS;
use crate::sigv4::sha256::state::{Block, LANES, State};

#[target_feature(enable = "simd128")]
pub(super) fn compress(states: &mut [State; LANES], blocks: [&[Block]; LANES]) {
    let [State(a), State(b), State(c), State(d)] = states;
    let mut state = [u32x4_splat(0); 8];
    for (word, values) in state.iter_mut().enumerate() {
        *values = u32x4(a[word], b[word], c[word], d[word]);
    }
    for (((first, second), third), fourth) in blocks[0].iter().zip(blocks[1]).zip(blocks[2]).zip(blocks[3]) {
        compress_block(&mut state, [first, second, third, fourth]);
    }
    for (word, values) in state.into_iter().enumerate() {
        a[word] = u32x4_extract_lane::<0>(values);
        b[word] = u32x4_extract_lane::<1>(values);
        c[word] = u32x4_extract_lane::<2>(values);
        d[word] = u32x4_extract_lane::<3>(values);
    }
}

/// Rounds with constant indices, so that variables are renamed instead of moved. From the second sixteen
/// rounds on, each round replaces the word of the schedule from 16 rounds before.
macro_rules! rounds {
    ($state:ident, $b_xor_c:ident, $words:ident, $constants:ident, $extend:literal: $($i:literal)*) => {
        $(
            if $extend {
                let (w1, w9, w14) = ($words[($i + 1) % 16], $words[($i + 9) % 16], $words[($i + 14) % 16]);
                let sigma0 = xor(xor(rotate::<7>(w1), rotate::<18>(w1)), u32x4_shr(w1, 3));
                let sigma1 = xor(xor(rotate::<17>(w14), rotate::<19>(w14)), u32x4_shr(w14, 10));
                $words[$i] = add(add($words[$i], sigma0), add(w9, sigma1));
            }
            let [a, b, c, d, e, f, g, h] = $state;
            let word = add($words[$i], u32x4_splat($constants[$i / 4][$i % 4]));
            let sum1 = xor(xor(rotate::<6>(e), rotate::<11>(e)), rotate::<25>(e));
            let choice = v128_bitselect(f, g, e);
            let t1 = add(add(add(h, word), choice), sum1);
            let sum0 = xor(xor(rotate::<2>(a), rotate::<13>(a)), rotate::<22>(a));
            // The bit of `b`, except where `a` and `c` both differ from it.
            let a_xor_b = xor(a, b);
            let majority = xor(b, v128_and(a_xor_b, $b_xor_c));
            $b_xor_c = a_xor_b;
            $state = [add(t1, add(sum0, majority)), a, b, c, add(d, t1), e, f, g];
        )*
    };
}

#[target_feature(enable = "simd128")]
fn compress_block(state: &mut [v128; 8], blocks: [&Block; LANES]) {
    let mut words = transposed(blocks);
    let mut next = *state;
    // The bits in which `b` and `c` differ. In the next round, `a` and `b` become `b` and `c`.
    let mut b_xor_c = xor(next[1], next[2]);
    let (constants, rest) = ROUND_CONSTANTS.split_at(4);
    rounds!(next, b_xor_c, words, constants, false: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    for constants in rest.chunks_exact(4) {
        rounds!(next, b_xor_c, words, constants, true: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
    for (state, next) in state.iter_mut().zip(next) {
        *state = add(*state, next);
    }
}

/// Word i of all blocks in vector i.
#[inline]
#[target_feature(enable = "simd128")]
fn transposed(blocks: [&Block; LANES]) -> [v128; 16] {
    let mut words = [u32x4_splat(0); 16];
    for (at, words) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let mut lanes = [u32x4_splat(0); LANES];
        for (lane, block) in lanes.iter_mut().zip(blocks) {
            let bytes = &block.as_chunks::<16>().0[at];
            // SAFETY: these are the 16 bytes of a vector; the load needs no alignment.
            let bytes = unsafe { v128_load(bytes.as_ptr().cast()) };
            *lane = u8x16_shuffle::<3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12>(bytes, bytes);
        }
        let [a, b, c, d] = lanes;
        let (ab, ab_end) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
        let (cd, cd_end) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
        *words = [
            i32x4_shuffle::<0, 1, 4, 5>(ab, cd),
            i32x4_shuffle::<2, 3, 6, 7>(ab, cd),
            i32x4_shuffle::<0, 1, 4, 5>(ab_end, cd_end),
            i32x4_shuffle::<2, 3, 6, 7>(ab_end, cd_end),
        ];
    }
    words
}

#[inline]
#[target_feature(enable = "simd128")]
fn add(a: v128, b: v128) -> v128 {
    i32x4_add(a, b)
}

#[inline]
#[target_feature(enable = "simd128")]
fn xor(a: v128, b: v128) -> v128 {
    v128_xor(a, b)
}

/// Rotates to the right.
#[inline]
#[target_feature(enable = "simd128")]
fn rotate<const BITS: u32>(value: v128) -> v128 {
    v128_or(u32x4_shr(value, BITS), u32x4_shl(value, 32 - BITS))
}
