//! Measures how long the peer was waited for.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures_util::future;
use futures_util::task::AtomicWaker;

use crate::runtime::Runtime;
use crate::sync::lock;

/// Adds up the time in which the peer's futures were not ready. A wait ends when the future is woken, even if
/// nobody polls it then: a caller that reads slowly is not a peer that sends slowly.
pub(super) struct PeerWait {
    woken: Arc<Woken>,
    /// Start of the current wait.
    since: Option<Duration>,
    waited: Duration,
}

/// When the current future was woken, and who is waiting for it.
struct Woken {
    runtime: Arc<dyn Runtime>,
    at: Mutex<Option<Duration>>,
    waker: AtomicWaker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let now = self.runtime.monotonic();
        lock(&self.at).get_or_insert(now);
        self.waker.wake();
    }
}

impl PeerWait {
    pub(super) fn new(runtime: Arc<dyn Runtime>) -> Self {
        let woken = Woken { runtime, at: Mutex::default(), waker: AtomicWaker::new() };
        Self { woken: Arc::new(woken), since: None, waited: Duration::ZERO }
    }

    /// The time waited since the start or the last restart.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    pub(super) fn restart(&mut self) {
        self.waited = Duration::ZERO;
    }

    /// Runs `work` and counts its waits.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let waker = Waker::from(Arc::clone(&self.woken));
        future::poll_fn(|context| {
            let woken_at = lock(&self.woken.at).take();
            let now = || self.woken.runtime.monotonic();
            if let Some(since) = self.since.take() {
                self.waited += woken_at.unwrap_or_else(now).saturating_sub(since);
            }
            self.woken.waker.register(context.waker());
            let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
            self.since = polled.is_pending().then(now);
            polled
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;
    use crate::testing::ManualClock;

    #[test]
    fn a_wait_ends_when_the_peer_was_there_not_when_it_was_read() {
        let clock = ManualClock::default();
        let mut wait = PeerWait::new(Arc::new(clock.clone()));
        let (peer, answer) = oneshot::channel();
        {
            let mut reading = pin!(wait.during(answer));
            let mut poll = || reading.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll().is_pending());
            clock.advance(Duration::from_secs(3));
            // Polled for another reason.
            assert!(poll().is_pending());
            clock.advance(Duration::from_secs(4));
            peer.send(5).unwrap();
            clock.advance(Duration::from_secs(100));
            assert_eq!(poll(), Poll::Ready(Ok(5)));
        }
        assert_eq!(wait.waited(), Duration::from_secs(7));
        wait.restart();
        assert_eq!(wait.during(future::ready(1)).now_or_never(), Some(1));
        assert_eq!(wait.waited(), Duration::ZERO);
    }
}
