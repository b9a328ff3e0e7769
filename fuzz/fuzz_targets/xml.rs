//! The XML of S3's requests and answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::xml(input));
