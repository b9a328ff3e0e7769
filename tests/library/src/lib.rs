//! The examples of the repository's README and of the guide to the emulator run as tests.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../crates/cloudflare-clients/docs/local-server-and-tests.md")]
struct LocalServerAndTests;
