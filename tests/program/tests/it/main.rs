//! The program with the test kit, and in the guides of the library: tests that its published package cannot
//! contain.
#![allow(clippy::unwrap_used)]

mod kills;
mod production_checklist;
// It has more than these tests use.
#[allow(dead_code)]
#[path = "../../../../crates/cfstore/tests/cli/program.rs"]
mod program;
mod proxies;
mod wrong_answers;
