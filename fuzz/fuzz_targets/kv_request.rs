//! Whole requests with a token to the local server.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::kv_request(input));
