//! Where buckets are: the only code that does I/O.

#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
pub(crate) mod local;
