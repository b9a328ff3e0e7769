//! What time it is for a signer.

use std::sync::Arc;
#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
use std::time::Duration;
use std::time::SystemTime;

#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::runtime::Runtime;

/// The clock of a runtime, or one that stands still.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    /// The platform's by default.
    runtime: Option<Arc<dyn Runtime>>,
    /// Where it stands still.
    standing: Option<SystemTime>,
}

impl Clock {
    pub(super) fn of(runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime: Some(runtime), standing: None }
    }

    /// The same one, standing still.
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

    /// A runtime whose clock is this one.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub(super) fn runtime(&self) -> Arc<dyn Runtime> {
        let runtime = self.runtime.clone().unwrap_or_else(|| Arc::new(crate::runtime::DEFAULT));
        match self.standing {
            Some(now) => Arc::new(Standing { now, runtime }),
            None => runtime,
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
        "this platform's clock is not known: say the time with `R2SigningClient::at`, or give a clock with \
         `R2SigningClient::with_runtime`",
    ))
}

/// A runtime whose clock stands still, while its timer runs.
#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
#[derive(Debug)]
struct Standing {
    now: SystemTime,
    runtime: Arc<dyn Runtime>,
}

#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
impl Runtime for Standing {
    fn now(&self) -> SystemTime {
        self.now
    }

    fn monotonic(&self) -> Duration {
        self.runtime.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.runtime.sleep(duration)
    }

    fn random(&self) -> f64 {
        self.runtime.random()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        self.runtime.fill_random(bytes)
    }
}
