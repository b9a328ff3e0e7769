//! The runtime of the platform, for what is not given one.

use std::time::SystemTime;

use super::Runtime as _;
#[cfg(not(target_arch = "wasm32"))]
use super::tokio::TokioRuntime;
#[cfg(target_arch = "wasm32")]
use super::workers::WorkersRuntime;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) const DEFAULT: TokioRuntime = TokioRuntime;

#[cfg(target_arch = "wasm32")]
pub(crate) const DEFAULT: WorkersRuntime = WorkersRuntime;

/// The time by its clock.
pub(crate) fn now() -> SystemTime {
    DEFAULT.now()
}
