//! The library against the local server, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod contract;
mod customer_keys;
mod early_ends;
mod failing_answers;
mod fault_plans;
mod flipped_bytes;
mod locks;
mod operations;
mod resets;
mod stalls;
mod streams_in_parts;
mod transfers;
mod world;
