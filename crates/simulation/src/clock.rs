//! The clocks of the processes. Each follows the simulated time with its own error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::{Result, Runtime};
use fastrand::Rng;
use futures_util::future::BoxFuture;

use crate::trace;

/// When each simulation starts: 2027-01-15T08:00:00Z.
const BEGIN: Duration = Duration::from_secs(1_800_000_000);

/// The clock, timer and randomness of a process.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// How far it is ahead of the simulation, in nanoseconds.
    ahead: i64,
    /// How much too fast it runs, in millionths.
    drift: i64,
    /// When the drift started.
    since: Duration,
    rng: Rng,
}

impl Clock {
    /// Creates a correct clock.
    pub(crate) fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(State { ahead: 0, drift: 0, since: Duration::ZERO, rng })))
    }

    /// Sets how many milliseconds it is ahead of the simulation, or behind it if negative. From then on it
    /// drifts by `drift` millionths.
    pub(crate) fn set(&self, millis: i64, drift: i64) {
        trace::count("clocks set");
        self.with(|state| {
            state.ahead = millis * 1_000_000;
            state.since = trace::elapsed();
            state.drift = drift;
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn ahead_now(&self) -> i64 {
        let drifting =
            i64::try_from((trace::elapsed().saturating_sub(self.since)).as_micros()).unwrap_or(i64::MAX);
        self.ahead + drifting.saturating_mul(self.drift) / 1000
    }
}

impl Runtime for Clock {
    fn now(&self) -> SystemTime {
        let ahead = self.with(|state| state.ahead_now());
        let right = UNIX_EPOCH + BEGIN + trace::elapsed();
        let by = Duration::from_nanos(ahead.unsigned_abs());
        if ahead < 0 { right - by } else { right + by }
    }

    fn monotonic(&self) -> Duration {
        trace::elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        self.with(|state| state.rng.f64())
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        self.with(|state| state.rng.fill(bytes));
        Ok(())
    }
}
