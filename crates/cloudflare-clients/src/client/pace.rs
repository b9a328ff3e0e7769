//! How many pieces of a transfer are under way concurrently: more while all goes well, fewer when the service
//! asks to slow down.
//!
//! The number grows by one after as many successes as it allows, and is halved after a slowdown.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Error;
use crate::retry::slows_down;
use crate::runtime::Runtime;
use crate::sync::lock;

/// How many pieces are under way at the start.
const BEGIN: usize = 4;

/// The maximum time that all pieces wait because of one `Retry-After`.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The pace of one transfer, shared by all of its requests.
pub(crate) struct Pace {
    runtime: Arc<dyn Runtime>,
    most: usize,
    state: Mutex<State>,
    /// A permit for each piece that may be under way, granted in the order of waiting.
    slots: Semaphore,
}

struct State {
    /// How many pieces may be under way.
    allowed: usize,
    /// How many of the slots in use are removed once they are free.
    surplus: usize,
    /// How many attempts have succeeded since `allowed` changed.
    successes: usize,
    /// How many times the service slowed the transfer down.
    slowdowns: u64,
    /// Nothing is sent before this time of the runtime's monotonic clock.
    paused_until: Duration,
}

/// The number of slowdowns when an attempt started. Attempts that were already under way during a slowdown do
/// not cause another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun(u64);

impl Pace {
    /// A pace of at most this many concurrent pieces. 0 counts as 1.
    pub(crate) fn new(runtime: Arc<dyn Runtime>, most: usize) -> Self {
        let most = most.max(1);
        let allowed = BEGIN.min(most);
        let state = State { allowed, surplus: 0, successes: 0, slowdowns: 0, paused_until: Duration::ZERO };
        Self { runtime, most, state: Mutex::new(state), slots: Semaphore::new(allowed) }
    }

    /// Waits for a slot for one piece.
    pub(crate) async fn slot(&self) -> Slot<'_> {
        // The semaphore is never closed.
        Slot { pace: self, permit: self.slots.acquire().await.ok() }
    }

    /// Waits until requests may be sent.
    pub(crate) async fn begin(&self) -> Begun {
        loop {
            let (paused_until, begun) = {
                let state = lock(&self.state);
                (state.paused_until, Begun(state.slowdowns))
            };
            let left = paused_until.saturating_sub(self.runtime.monotonic());
            if left.is_zero() {
                return begun;
            }
            self.runtime.sleep(left).await;
        }
    }

    /// Records a successful attempt.
    pub(crate) fn succeeded(&self) {
        let mut state = lock(&self.state);
        state.successes += 1;
        if state.successes >= state.allowed && state.allowed < self.most {
            state.allowed += 1;
            state.successes = 0;
            match state.surplus.checked_sub(1) {
                Some(left) => state.surplus = left,
                None => self.slots.add_permits(1),
            }
        }
    }

    /// Records a failed attempt. After a slowdown all pieces wait as long as the service asks, and half as
    /// many may be under way.
    pub(crate) fn failed(&self, begun: Begun, error: &Error) {
        if !slows_down(error) {
            return;
        }
        let now = self.runtime.monotonic();
        let mut state = lock(&self.state);
        state.successes = 0;
        if begun.0 == state.slowdowns {
            state.slowdowns += 1;
            let allowed = (state.allowed / 2).max(1);
            let fewer = state.allowed - allowed;
            state.allowed = allowed;
            state.surplus += fewer - self.slots.forget_permits(fewer);
        }
        if let Some(delay) = error.retry_after() {
            state.paused_until = state.paused_until.max(now.saturating_add(delay.min(MAX_PAUSE)));
        }
    }

    #[cfg(test)]
    fn allowed(&self) -> usize {
        lock(&self.state).allowed
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("Pace")
            .field("most", &self.most)
            .field("allowed", &state.allowed)
            .finish_non_exhaustive()
    }
}

/// A slot for a piece that is under way. Dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pace: &'a Pace,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.pace.state);
        if let Some(left) = state.surplus.checked_sub(1) {
            state.surplus = left;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http::StatusCode;

    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::ManualClock;

    fn slow(seconds: Option<u64>) -> Error {
        let error = Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Slow Down");
        match seconds {
            Some(seconds) => error.with_retry_after(Duration::from_secs(seconds)),
            None => error,
        }
    }

    #[tokio::test]
    async fn it_grows_by_one_and_halves() {
        let pace = Pace::new(Arc::new(ManualClock::default()), 6);
        assert_eq!(pace.allowed(), 4);
        for (successes, allowed) in [(3, 4), (1, 5), (5, 6), (100, 6)] {
            (0..successes).for_each(|_| pace.succeeded());
            assert_eq!(pace.allowed(), allowed);
        }
        let begun = pace.begin().await;
        // Six failures of attempts that started together count as one.
        (0..6).for_each(|_| pace.failed(begun, &slow(None)));
        assert_eq!(pace.allowed(), 3);
        for allowed in [1, 1] {
            pace.failed(pace.begin().await, &slow(None));
            assert_eq!(pace.allowed(), allowed);
        }
        pace.failed(pace.begin().await, &Error::new(ErrorKind::Connection, "reset"));
        pace.succeeded();
        assert_eq!(pace.allowed(), 2);
        assert_eq!(Pace::new(Arc::new(ManualClock::default()), 0).allowed(), 1);
    }

    #[tokio::test]
    async fn slots_are_as_many_as_are_allowed() {
        let pace = Pace::new(Arc::new(ManualClock::default()), 2);
        let (one, _two) = (pace.slot().await, pace.slot().await);
        let mut third = Box::pin(pace.slot());
        assert!(third.as_mut().now_or_never().is_none());
        drop(one);
        let three = third.await;
        pace.failed(pace.begin().await, &slow(None));
        drop(three);
        assert!(pace.slot().now_or_never().is_none(), "one is under way, and one is allowed");
    }

    #[tokio::test]
    async fn all_wait_as_long_as_the_service_asks() {
        let clock = ManualClock::default();
        let pace = Pace::new(Arc::new(clock.clone()), 4);
        let begin = clock.monotonic();
        let begun = pace.begin().await;
        pace.failed(begun, &slow(Some(5)));
        pace.failed(begun, &slow(Some(2)));
        pace.begin().await;
        assert_eq!(clock.monotonic().saturating_sub(begin), Duration::from_secs(5));
    }
}
