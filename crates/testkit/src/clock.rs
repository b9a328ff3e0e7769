//! Runtimes whose time and randomness the test decides.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::{Result, Runtime};
use futures_util::future::{self, BoxFuture};
use tokio::sync::Notify;
use tokio::time::Instant;

/// When the time of tests begins: 2027-01-15T08:00:00Z.
pub fn begin() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A clock that stands still until it is moved. Clones share their time, not their randomness.
///
/// Whoever sleeps moves it and goes on at once, or waits until the test has moved it: [`sleepers_wait`](Self::sleepers_wait).
#[derive(Debug, Clone)]
pub struct ManualClock {
    time: Arc<Time>,
    sleepers_wait: bool,
    number: f64,
    byte: Option<u8>,
}

#[derive(Debug)]
struct Time {
    now: Mutex<SystemTime>,
    slept: Mutex<Vec<Duration>>,
    moved: Notify,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(begin())
    }
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: SystemTime) -> Self {
        let time = Time { now: Mutex::new(now), slept: Mutex::default(), moved: Notify::new() };
        Self { time: Arc::new(time), sleepers_wait: false, number: 0.5, byte: None }
    }

    /// Lets sleepers wait until the clock is moved.
    #[must_use]
    pub fn sleepers_wait(self) -> Self {
        Self { sleepers_wait: true, ..self }
    }

    /// What its [`Runtime::random`] gives each time, in place of 0.5.
    #[must_use]
    pub fn with_random(self, number: f64) -> Self {
        Self { number, ..self }
    }

    /// What its [`Runtime::fill_random`] fills everything with, in place of the system's randomness.
    #[must_use]
    pub fn with_random_byte(self, byte: u8) -> Self {
        Self { byte: Some(byte), ..self }
    }

    /// Sets the time, in either direction.
    pub fn set(&self, now: SystemTime) {
        *self.time.now.lock().unwrap() = now;
        self.time.moved.notify_waiters();
    }

    /// Moves the time on.
    pub fn advance(&self, duration: Duration) {
        *self.time.now.lock().unwrap() += duration;
        self.time.moved.notify_waiters();
    }

    /// For how long each sleep was to be, from the first one on.
    pub fn slept(&self) -> Vec<Duration> {
        self.time.slept.lock().unwrap().clone()
    }
}

impl Runtime for ManualClock {
    fn now(&self) -> SystemTime {
        *self.time.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.time.slept.lock().unwrap().push(duration);
        if !self.sleepers_wait {
            self.advance(duration);
            return Box::pin(future::ready(()));
        }
        let (clock, until) = (self.clone(), self.now() + duration);
        Box::pin(async move {
            loop {
                let moved = clock.time.moved.notified();
                if clock.now() >= until {
                    return;
                }
                moved.await;
            }
        })
    }

    fn random(&self) -> f64 {
        self.number
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        let Some(byte) = self.byte else { return cloudflare_clients::TokioRuntime.fill_random(bytes) };
        bytes.fill(byte);
        Ok(())
    }
}

/// A clock that runs with Tokio's timer, and so stands still where that is paused. It can be ahead of the time or behind it.
/// Clones share how far, and their randomness.
#[derive(Debug, Clone)]
pub struct RunningClock {
    begin: SystemTime,
    origin: Instant,
    /// In milliseconds.
    ahead: Arc<AtomicI64>,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl RunningClock {
    /// A clock that shows the system's time.
    pub fn new() -> Self {
        Self::since(SystemTime::now(), Instant::now(), fastrand::u64(..))
    }

    /// A clock that showed `begin` at `origin`. All of its randomness follows from the seed.
    pub fn since(begin: SystemTime, origin: Instant, seed: u64) -> Self {
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { begin, origin, ahead: Arc::default(), random }
    }

    /// Moves the time on.
    pub fn advance(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.ahead.fetch_add(millis, Ordering::SeqCst);
    }

    /// How many milliseconds it is ahead of the time, or, below zero, behind it.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::SeqCst)
    }

    /// Sets it ahead of the time by so many milliseconds, or, below zero, behind it.
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
