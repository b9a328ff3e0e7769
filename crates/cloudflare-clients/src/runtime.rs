//! The clock, the timer and the randomness that the rest of the crate is given.

use std::fmt;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;

/// The clock, timer and randomness of the place where the code runs.
///
/// Requests are signed and delayed by it alone, so that tests can give one whose time they move themselves. The default is
/// `TokioRuntime` on native targets and `WorkersRuntime` in a Worker.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// The time.
    fn now(&self) -> SystemTime;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// A number in `[0, 1)`, for jitter; it need not be cryptographically strong.
    fn random(&self) -> f64;
}

/// The system's clock and Tokio's timer. Sleeping needs a Tokio runtime with its time driver.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioRuntime;

#[cfg(not(target_arch = "wasm32"))]
impl Runtime for TokioRuntime {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) const DEFAULT: TokioRuntime = TokioRuntime;

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub(crate) const DEFAULT: crate::WorkersRuntime = crate::WorkersRuntime;

/// The time by the clock of the default runtime.
#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
pub(crate) fn now() -> SystemTime {
    DEFAULT.now()
}
