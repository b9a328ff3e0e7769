//! The program at what the test kit has, and in the guides of the library: what its published package cannot
//! test.
#![allow(clippy::unwrap_used)]

mod kills;
mod production_checklist;
// It has more than these tests use.
#[allow(dead_code)]
#[path = "../../../../crates/cfstore/tests/cli/program.rs"]
mod program;
mod proxies;
mod wrong_answers;
