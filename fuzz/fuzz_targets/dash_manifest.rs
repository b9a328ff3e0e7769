//! DASH manifests: what does not say where media is stays, and what is signed is a manifest that says the
//! same.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::dash_manifest(input));
