//! Asset lists and steering manifests of HLS: nothing but references changes.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::hls_json(input));
