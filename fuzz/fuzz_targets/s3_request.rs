//! Whole signed requests to the local server.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::s3_request(input));
