//! Runtimes whose time and randomness the test controls.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::{Result, Runtime};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// When the time of tests starts, as in a `ManualClock`: 2027-01-15T08:00:00Z.
pub fn begin() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A clock that runs with Tokio's timer, so it stands still while that is paused. It can be ahead of the time
/// or behind it. Clones share the difference and their randomness.
#[derive(Debug, Clone)]
pub struct RunningClock {
    begin: SystemTime,
    origin: Instant,
    /// In milliseconds.
    ahead: Arc<AtomicI64>,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl RunningClock {
    /// Creates a clock with the system's time.
    pub fn new() -> Self {
        Self::since(SystemTime::now(), Instant::now(), fastrand::u64(..))
    }

    /// Creates a clock that showed `begin` at `origin`. All of its randomness follows from the seed.
    pub fn since(begin: SystemTime, origin: Instant, seed: u64) -> Self {
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { begin, origin, ahead: Arc::default(), random }
    }

    /// Advances the time.
    pub fn advance(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.ahead.fetch_add(millis, Ordering::SeqCst);
    }

    /// Returns how many milliseconds the clock is ahead of the time. Negative if it is behind.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::SeqCst)
    }

    /// Sets how many milliseconds the clock is ahead of the time. Negative if it is behind.
    pub fn set_ahead(&self, millis: i64) {
        self.ahead.store(millis, Ordering::SeqCst);
    }
}

impl Default for RunningClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime for RunningClock {
    fn now(&self) -> SystemTime {
        let now = self.begin + self.origin.elapsed();
        let ahead = self.ahead();
        let by = Duration::from_millis(ahead.unsigned_abs());
        if ahead < 0 { now.checked_sub(by).unwrap() } else { now + by }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        self.random.lock().unwrap().f64()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        self.random.lock().unwrap().fill(bytes);
        Ok(())
    }
}
