//! The JSON of Workers KV's requests and answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::kv_json(input));
