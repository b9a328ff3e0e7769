//! The clock, the timer and the randomness that the rest of the crate uses.

#[cfg(not(target_arch = "wasm32"))]
mod blocking;
#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
mod default;
mod random;
#[cfg(not(target_arch = "wasm32"))]
mod tokio;
mod within;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
mod workers;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

#[cfg(all(feature = "simulation", not(target_arch = "wasm32")))]
pub use self::blocking::run_blocking_here;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::blocking::{begin_blocking, blocking};
#[cfg(any(
    all(feature = "http", not(target_arch = "wasm32")),
    all(feature = "workers", target_arch = "wasm32")
))]
pub(crate) use self::default::DEFAULT;
#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
pub(crate) use self::default::now;
pub(crate) use self::random::fill_random;
#[cfg(not(target_arch = "wasm32"))]
pub use self::tokio::TokioRuntime;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub use self::workers::WorkersRuntime;
use crate::error::Result;

/// The clock, timer and randomness of the platform where the code runs.
///
/// Requests are signed and delayed only by it, so a test can use one whose time it sets:
/// `testing::ManualClock`. Give it to a backend with `S3Bucket::with_runtime` or
/// `LocalStore::open_with_runtime`, directly or as an [`Arc`] that is shared. A service uses its backend's
/// runtime, and everything created from the service uses the service's: locks, sessions, rate limits, batches
/// of events, presigned URLs. The default is `TokioRuntime` on native targets and `WorkersRuntime` in a
/// Worker.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> SystemTime;

    /// Returns the time since a fixed moment, which the runtime chooses. It never goes back, and
    /// [`sleep`](Self::sleep) is measured by it.
    ///
    /// The default is [`now`](Self::now), which is correct for a clock that is never set back.
    fn monotonic(&self) -> Duration {
        self.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Completes after `duration`, as the time limit of another operation. The default is a
    /// [`sleep`](Self::sleep). A test clock that advances when tasks sleep treats the two differently, so
    /// that nothing times out while it makes progress.
    fn timeout(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }

    /// Returns a number in `[0, 1)`, for jitter. It need not be cryptographically strong.
    fn random(&self) -> f64;

    /// Fills `bytes` with cryptographically strong random bytes, for values that must not be guessed. The
    /// default uses the platform's generator.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind) if the platform has no generator.
    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        fill_random(bytes)
    }
}

/// A shared runtime, such as an `Arc<dyn Runtime>`.
impl<R: Runtime + ?Sized> Runtime for Arc<R> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        (**self).sleep(duration)
    }

    fn timeout(&self, duration: Duration) -> BoxFuture<'static, ()> {
        (**self).timeout(duration)
    }

    fn random(&self) -> f64 {
        (**self).random()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        (**self).fill_random(bytes)
    }
}
