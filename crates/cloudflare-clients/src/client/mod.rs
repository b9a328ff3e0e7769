//! How operations on either service run: attempts, their names, pages, and outcomes for many keys.

pub(crate) mod attempts;
pub(crate) mod operation;
pub(crate) mod outcomes;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod pace;
pub(crate) mod pages;
