//! A clock whose time and randomness the test controls.

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{self, BoxFuture};
use tokio::sync::Notify;

use crate::error::Result;
use crate::runtime::{Runtime, fill_random};
use crate::sync::lock;

/// A clock for tests that stands still until it is advanced. Clones share their time, but not their settings
/// for sleeping and randomness.
///
/// By default a sleep advances the clock and returns immediately, so retries take no time. With
/// [`sleepers_wait`](Self::sleepers_wait) it waits until the test has advanced the clock. Nothing times out
/// unless the test or a sleep advances the clock far enough. Pass it to a backend with the backend's
/// `with_runtime`, to the embedded store with
/// [`LocalStore::open_with_runtime`](crate::LocalStore::open_with_runtime), and to a service with
/// [`with_runtime`](crate::r2::R2Service::with_runtime).
///
/// ```
/// use std::sync::Arc;
/// use std::time::{Duration, SystemTime};
///
/// use cloudflare_clients::testing::ManualClock;
/// use cloudflare_clients::{LocalStore, kv::KvClient};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let clock = ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
/// let store = LocalStore::open_with_runtime(folder.path(), clock.clone()).await?;
/// let id = store.create_namespace("sessions").await?.id;
/// let kv = KvClient::new(store.namespace(id));
///
/// kv.put("session/1", "hello").expiration_ttl(Duration::from_secs(60)).await?;
/// clock.advance(Duration::from_secs(59));
/// assert!(kv.get("session/1").text().await?.is_some());
/// clock.advance(Duration::from_secs(1));
/// assert!(kv.get("session/1").text().await?.is_none());
/// # Ok(()) }
/// ```
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
    /// Creates a clock at 2027-01-15T08:00:00Z.
    fn default() -> Self {
        Self::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000))
    }
}

impl ManualClock {
    /// Creates a clock at `now`.
    pub fn at(now: SystemTime) -> Self {
        let time = Time { now: Mutex::new(now), slept: Mutex::default(), moved: Notify::new() };
        Self { time: Arc::new(time), sleepers_wait: false, number: 0.5, byte: None }
    }

    /// Makes sleeps wait until the clock is advanced. A loop that sleeps forever needs this: otherwise each
    /// of its sleeps advances the clock and returns, and the loop spins.
    #[must_use]
    pub fn sleepers_wait(self) -> Self {
        Self { sleepers_wait: true, ..self }
    }

    /// Sets the number that [`Runtime::random`] always returns. Default: 0.5.
    #[must_use]
    pub fn with_random(self, number: f64) -> Self {
        Self { number, ..self }
    }

    /// Sets the byte that [`Runtime::fill_random`] fills buffers with. Default: the system's randomness.
    #[must_use]
    pub fn with_random_byte(self, byte: u8) -> Self {
        Self { byte: Some(byte), ..self }
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, now: SystemTime) {
        *lock(&self.time.now) = now;
        self.time.moved.notify_waiters();
    }

    /// Advances the time.
    pub fn advance(&self, duration: Duration) {
        *lock(&self.time.now) += duration;
        self.time.moved.notify_waiters();
    }

    /// Returns the durations of all sleeps so far, in order.
    pub fn slept(&self) -> Vec<Duration> {
        lock(&self.time.slept).clone()
    }
}

impl Runtime for ManualClock {
    fn now(&self) -> SystemTime {
        *lock(&self.time.now)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        lock(&self.time.slept).push(duration);
        if self.sleepers_wait {
            return self.timeout(duration);
        }
        self.advance(duration);
        // Everything that has become due meanwhile, such as a deadline, runs first.
        let mut had_their_turn = false;
        Box::pin(future::poll_fn(move |context| {
            if std::mem::replace(&mut had_their_turn, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }

    /// Completes when the clock has been advanced by `duration`.
    fn timeout(&self, duration: Duration) -> BoxFuture<'static, ()> {
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
        let Some(byte) = self.byte else { return fill_random(bytes) };
        bytes.fill(byte);
        Ok(())
    }
}
