//! hyper's timer, by the clock and the timer of the store.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cloudflare_clients::Runtime;
use futures_util::future::BoxFuture;
use hyper::rt::{Sleep, Timer};

/// What hyper measures a connection's time limits with.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionTimer {
    runtime: Arc<dyn Runtime>,
    /// An `Instant` cannot be made of the runtime's time: it is this far after one of the system's.
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

/// A sleep of the runtime. hyper wants to share it between threads, which a future that is only `Send` allows behind a lock.
struct Sleeping(Mutex<BoxFuture<'static, ()>>);

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(context)
    }
}

impl Sleep for Sleeping {}
