//! Text outside of ASCII in headers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::rfc2047(input));
