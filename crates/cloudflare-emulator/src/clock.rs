//! A clock that tests set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cloudflare_clients::{Runtime, TokioRuntime};
use futures_util::future::BoxFuture;

/// A clock that stands still until it is set. Clones are one clock.
///
/// An [`Emulator`](crate::Emulator) that has it stamps objects, lets keys and presigned URLs expire, and
/// judges the time of signatures by it. As R2 does, it refuses requests that were signed more than 15 minutes
/// before or after its time: where it is set further, give it to the client too, with
/// `S3Bucket::with_runtime`. KV's tokens have no time. What waits, such as a retry, waits by Tokio's timer.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Mutex<SystemTime>>);

impl Clock {
    /// A clock that shows this time.
    pub fn at(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Sets it to a time, also an earlier one.
    pub fn set(&self, now: SystemTime) {
        *self.time() = now;
    }

    /// Sets it forward.
    ///
    /// # Panics
    /// The system cannot tell a time so late.
    pub fn advance(&self, duration: Duration) {
        *self.time() += duration;
    }

    fn time(&self) -> MutexGuard<'_, SystemTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At the time of the system's clock.
impl Default for Clock {
    fn default() -> Self {
        Self::at(SystemTime::now())
    }
}

impl Runtime for Clock {
    fn now(&self) -> SystemTime {
        *self.time()
    }

    fn monotonic(&self) -> Duration {
        TokioRuntime.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn random(&self) -> f64 {
        TokioRuntime.random()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> cloudflare_clients::Result<()> {
        TokioRuntime.fill_random(bytes)
    }
}
