//! Signatures, and what becomes of them when a byte changes.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::sigv4(input));
