//! The clock, the timer and the randomness that the rest of the crate is given.

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

/// The clock, timer and randomness of the place where the code runs.
///
/// Requests are signed and delayed by it alone, so that tests can give one whose time they move themselves:
/// `testing::ManualClock`. It is given to a backend, as `S3Bucket::with_runtime` and `LocalStore::open_with_runtime` take
/// it, also as an [`Arc`] that is shared. A service goes by its backend's, and what is made from the service by the service's: locks, sessions, rate limits,
/// batches of events, presigned URLs. Whoever gives none gets `TokioRuntime` on native targets and `WorkersRuntime` in a
/// Worker.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// The time.
    fn now(&self) -> SystemTime;

    /// The time since a fixed moment, which is the runtime's own. It never goes back, and [`sleep`](Self::sleep) goes by it.
    ///
    /// By default it is [`now`](Self::now), which is right for a clock that nobody sets back.
    fn monotonic(&self) -> Duration {
        self.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Completes when `duration` is over, which limits something else that is under way; a [`sleep`](Self::sleep) by
    /// default. A clock of tests that sleepers move on tells the two apart, so that nothing times out while it is done.
    fn timeout(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }

    /// A number in `[0, 1)`, for jitter; it need not be cryptographically strong.
    fn random(&self) -> f64;

    /// Fills `bytes` with cryptographically strong randomness, for what nobody may guess; the platform's by default.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind): the platform has none to give.
    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        fill_random(bytes)
    }
}

/// One that is shared, such as an `Arc<dyn Runtime>`.
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
