//! The default runtime of the platform.

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

/// The current time of its clock.
pub(crate) fn now() -> SystemTime {
    DEFAULT.now()
}
