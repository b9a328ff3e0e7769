//! The examples of the repository's README and of the emulator's guide run as tests.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../crates/cloudflare-clients/docs/local-server-and-tests.md")]
struct LocalServerAndTests;
