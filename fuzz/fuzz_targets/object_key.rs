//! Keys from our client to the local server and back.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::object_key(input));
