//! The examples of the repository's README run as tests.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
