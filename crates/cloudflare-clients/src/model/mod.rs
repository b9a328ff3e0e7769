//! The vocabulary of both services: requests and responses, with their limits and rules. Nothing here does
//! I/O.

pub(crate) mod kv;
pub(crate) mod r2;
