//! The open connections: their number, and which of them end when others need room.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use cloudflare_clients::Runtime;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::Metrics;
use crate::pace::Pressure;

/// Minimum idle time before a connection is asked to end: a request may be on its way.
const IDLE: Duration = Duration::from_millis(200);
/// Time that a stopping server gives a new connection for its first request: the client was accepted, and has
/// no reason to try again.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// Time to wait for a connection that was asked to end before another one is asked.
const ASK_ANOTHER: Duration = Duration::from_millis(100);

/// The connections of a server.
pub(crate) struct Connections {
    most: usize,
    room: Arc<Semaphore>,
    open: Mutex<HashMap<u64, Arc<State>>>,
    became_idle: Arc<Notify>,
    pressure: Pressure,
    metrics: Option<Metrics>,
    runtime: Arc<dyn Runtime>,
}

/// Room for one connection.
pub(crate) type Room = OwnedSemaphorePermit;

/// A connection, which counts as open until this is dropped.
pub(crate) struct Connection {
    id: u64,
    state: Arc<State>,
    all: Arc<Connections>,
    _room: Room,
}

struct State {
    used: Mutex<Use>,
    close: Notify,
    first_request: Notify,
    became_idle: Arc<Notify>,
    runtime: Arc<dyn Runtime>,
}

/// State of a connection.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// Waits for its first request since this time.
    New(Duration),
    /// Has a request in progress.
    Busy,
    /// Idle since this time, or without the complete headers of a request.
    Idle(Duration),
    /// Idle, and asked to end.
    Ending,
}

impl Connections {
    pub(crate) fn new(
        most: usize,
        pressure: Pressure,
        metrics: Option<Metrics>,
        runtime: Arc<dyn Runtime>,
    ) -> Arc<Self> {
        let most = most.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            most,
            room: Arc::new(Semaphore::new(most)),
            open: Mutex::default(),
            became_idle: Arc::default(),
            pressure,
            metrics,
            runtime,
        })
    }

    /// Waits for room for one more. Idle connections make room, the longest idle first, and so do those whose
    /// clients are slower than the [pressure](Pressure) allows.
    pub(crate) async fn room(&self) -> Option<Room> {
        if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
            self.pressure.set(false);
            return Some(permit);
        }
        self.pressure.set(true);
        loop {
            self.end_longest_idle();
            let patience = self.runtime.timeout(ASK_ANOTHER);
            tokio::select! {
                permit = Arc::clone(&self.room).acquire_owned() => return permit.ok(),
                () = self.became_idle.notified() => {}
                () = patience => {}
            }
        }
    }

    /// Opens a connection.
    pub(crate) fn open(self: &Arc<Self>, room: Room) -> Connection {
        let state = Arc::new(State {
            used: Mutex::new(Use::New(self.runtime.monotonic())),
            close: Notify::new(),
            first_request: Notify::new(),
            became_idle: Arc::clone(&self.became_idle),
            runtime: Arc::clone(&self.runtime),
        });
        let mut open = locked(&self.open);
        let mut id = fastrand::u64(..);
        while open.contains_key(&id) {
            id = fastrand::u64(..);
        }
        open.insert(id, Arc::clone(&state));
        if let Some(metrics) = &self.metrics {
            metrics.connection_opened();
        }
        Connection { id, state, all: Arc::clone(self), _room: room }
    }

    /// Asks the connection with the longest idle time to end, if it is long enough.
    pub(crate) fn end_longest_idle(&self) {
        let (open, now) = (locked(&self.open), self.runtime.monotonic());
        let idle = open.values().filter_map(|state| match *locked(&state.used) {
            Use::New(since) | Use::Idle(since) if since + IDLE <= now => Some((since, state)),
            _ => None,
        });
        if let Some((_, state)) = idle.min_by_key(|(since, _)| *since) {
            *locked(&state.used) = Use::Ending;
            state.close.notify_one();
        }
    }

    /// Asks all to end, once the requests in progress are answered.
    pub(crate) fn ask_all(&self) {
        for state in locked(&self.open).values() {
            state.close.notify_one();
        }
    }

    /// Asks all to end, and waits until they have.
    pub(crate) async fn end_all(&self) {
        self.ask_all();
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        let _ = self.room.acquire_many(all).await;
    }
}

impl Connection {
    /// Completes when this connection is asked to end.
    pub(crate) async fn asked_to_end(&self) {
        self.state.close.notified().await;
    }

    /// Asks it to end, once more.
    pub(crate) fn end(&self) {
        self.state.close.notify_one();
    }

    /// Completes when its first request has arrived or timed out.
    pub(crate) async fn first_request(&self) {
        let Use::New(since) = *locked(&self.state.used) else { return };
        let runtime = &self.state.runtime;
        let patience = FIRST_REQUEST.saturating_sub(runtime.monotonic().saturating_sub(since));
        runtime.within(patience, self.state.first_request.notified()).await;
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(*locked(&self.state.used), Use::Busy)
    }

    /// Records a request, which is in progress until the returned value is dropped.
    pub(crate) fn busy(&self) -> Busy {
        *locked(&self.state.used) = Use::Busy;
        self.state.first_request.notify_one();
        Busy(Arc::clone(&self.state))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        locked(&self.all.open).remove(&self.id);
        if let Some(metrics) = &self.all.metrics {
            metrics.connection_closed();
        }
    }
}

/// A request in progress.
pub(crate) struct Busy(Arc<State>);

impl Busy {
    /// Wraps the body of the answer: the request is in progress until all of it is sent.
    pub(crate) fn until_end_of<B>(self, body: B) -> BusyBody<B> {
        BusyBody { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *locked(&self.0.used) = Use::Idle(self.0.runtime.monotonic());
        self.0.became_idle.notify_one();
    }
}

/// The body of an answer.
pub(crate) struct BusyBody<B> {
    body: B,
    _busy: Busy,
}

impl<B: Body + Unpin> Body for BusyBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use cloudflare_clients::testing::ManualClock;
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_longest_idle_makes_room() {
        let clock = ManualClock::default();
        let all = Connections::new(3, Pressure::default(), None, Arc::new(clock.clone()));
        let mut open = Vec::new();
        for _ in 0..3 {
            let room = all.room().now_or_never().unwrap().unwrap();
            open.push(all.open(room));
            clock.advance(Duration::from_secs(1));
        }
        let request = open[0].busy();
        let mut room = std::pin::pin!(all.room());
        assert!(room.as_mut().now_or_never().is_none());
        assert!(open[1].asked_to_end().now_or_never().is_some());
        assert!(open[0].asked_to_end().now_or_never().is_none());
        assert!(open[2].asked_to_end().now_or_never().is_none());
        // It does not end: the next one is asked.
        clock.advance(ASK_ANOTHER);
        assert!(room.as_mut().now_or_never().is_none());
        assert!(open[2].asked_to_end().now_or_never().is_some());
        // Nor does that: once a request is over, its connection is.
        assert!(room.as_mut().now_or_never().is_none());
        drop(request);
        clock.advance(IDLE);
        assert!(room.as_mut().now_or_never().is_none());
        assert!(open[0].asked_to_end().now_or_never().is_some());
        drop(open.remove(0));
        assert!(room.as_mut().now_or_never().is_some());
    }
}
