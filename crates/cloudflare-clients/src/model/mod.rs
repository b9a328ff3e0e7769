//! The vocabulary of both services: what is asked of them and what they answer, with their limits and rules. Nothing here does I/O.

pub(crate) mod kv;
pub(crate) mod r2;
