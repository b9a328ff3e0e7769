//! The clock of a signer.

#[cfg(any(
    all(feature = "http", not(target_arch = "wasm32")),
    all(feature = "workers", target_arch = "wasm32")
))]
mod runtime;

use std::sync::Arc;
use std::time::SystemTime;

use crate::error::Result;
use crate::runtime::Runtime;

/// The clock of a runtime, or a fixed time.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    /// The platform's runtime if it is `None`.
    runtime: Option<Arc<dyn Runtime>>,
    /// The fixed time, if there is one.
    standing: Option<SystemTime>,
}

impl Clock {
    pub(super) fn of(runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime: Some(runtime), standing: None }
    }

    /// The same clock, fixed at this time.
    pub(super) fn standing_at(&self, now: SystemTime) -> Self {
        Self { runtime: self.runtime.clone(), standing: Some(now) }
    }

    #[inline]
    pub(super) fn now(&self) -> Result<SystemTime> {
        match (self.standing, &self.runtime) {
            (Some(now), _) => Ok(now),
            (None, Some(runtime)) => Ok(runtime.now()),
            (None, None) => platform_time(),
        }
    }
}

#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
#[expect(clippy::unnecessary_wraps, reason = "a platform may have no clock")]
#[inline]
fn platform_time() -> Result<SystemTime> {
    Ok(crate::runtime::now())
}

#[cfg(all(target_arch = "wasm32", not(feature = "workers")))]
fn platform_time() -> Result<SystemTime> {
    Err(crate::error::Error::unsupported(
        "this platform's clock is not known: set the time with `R2SigningClient::at`, or a clock with \
         `R2SigningClient::with_runtime`",
    ))
}
