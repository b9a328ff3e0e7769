//! hyper's timer, based on the clock and the timer of the store.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cloudflare_clients::Runtime;
use futures_util::future::BoxFuture;
use hyper::rt::{Sleep, Timer};

/// The timer for the timeouts of connections.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionTimer {
    runtime: Arc<dyn Runtime>,
    /// Base of all instants: the runtime's time cannot be converted to an `Instant`, so it is added to this
    /// one.
    began: (Instant, Duration),
}

impl ConnectionTimer {
    pub(crate) fn new(runtime: Arc<dyn Runtime>) -> Self {
        let began = (Instant::now(), runtime.monotonic());
        Self { runtime, began }
    }
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Sleeping(Mutex::new(self.runtime.timeout(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        let (instant, time) = self.began;
        let elapsed = self.runtime.monotonic().saturating_sub(time);
        instant.checked_add(elapsed).unwrap_or(instant)
    }
}

/// A sleep of the runtime, with a lock because hyper requires it to be `Sync`.
struct Sleeping(Mutex<BoxFuture<'static, ()>>);

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(context)
    }
}

impl Sleep for Sleeping {}
