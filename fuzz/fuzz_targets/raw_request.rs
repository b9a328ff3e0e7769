//! Any bytes to the local server.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::raw_request(input));
