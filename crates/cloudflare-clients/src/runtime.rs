//! The clock, the timer and the randomness that the rest of the crate is given.

use std::fmt;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;

use crate::error::Result;

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

    /// Fills `bytes` with cryptographically strong randomness, for what nobody may guess; the platform's by default.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind): the platform has none to give.
    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        strong_random(bytes)
    }
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

#[cfg(not(target_arch = "wasm32"))]
fn strong_random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|error| crate::Error::unsupported(format!("the system gives no random numbers: {error}")))
}

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
fn strong_random(bytes: &mut [u8]) -> Result<()> {
    crate::backend::workers::strong_random(bytes)
}

#[cfg(all(not(feature = "workers"), target_arch = "wasm32"))]
fn strong_random(_: &mut [u8]) -> Result<()> {
    let message = "this platform's random numbers are not known: give a `Runtime` that has some";
    Err(crate::Error::unsupported(message))
}

/// The time by the clock of the default runtime.
#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
pub(crate) fn now() -> SystemTime {
    DEFAULT.now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_are_filled_anew_each_time() {
        let [mut one, mut two] = [[0; 64]; 2];
        TokioRuntime.fill_random(&mut one).unwrap();
        TokioRuntime.fill_random(&mut two).unwrap();
        assert_ne!(one, two);
        assert!(one.chunks(16).chain(two.chunks(16)).all(|bytes| bytes.iter().any(|byte| *byte != 0)));
    }
}
