//! HTTP, as everything that speaks it needs it.

pub(crate) mod failure;
pub(crate) mod headers;
