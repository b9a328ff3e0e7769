//! Keys in paths, queries and `x-amz-copy-source`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::key_encoding(input));
