//! The connections that are open: how many there are, and which of them can end when others ask for room.

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

/// For how long a connection has not been in use, at least, when it is asked to end: the request of a new one
/// may be on its way.
const IDLE: Duration = Duration::from_millis(200);
/// How long a new connection may take for its first request, at least, before the server stops: its client
/// was let in, and knows of no reason to ask again.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// How long one that was asked to end is waited for before another is.
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

/// One connection, which is open until this is dropped.
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

/// What a connection is used for.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// Since then, for its first request.
    New(Duration),
    /// A request is under way.
    Busy,
    /// Since then nothing, or not yet the whole of a request's headers.
    Idle(Duration),
    /// As before, and it was asked to end.
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

    /// Waits for room for one more. Connections that are not in use make room, the longest idle first, and so
    /// do those whose clients are slower than the [pressure](Pressure) allows.
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

    /// A connection that was made, from now on.
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

    /// Asks the connection to end that has been idle for longest, if any has for long enough.
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

    /// Asks all to end, once the requests under way are answered.
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

    /// Completes when its first request has arrived, or need not be waited for any more.
    pub(crate) async fn first_request(&self) {
        let Use::New(since) = *locked(&self.state.used) else { return };
        let runtime = &self.state.runtime;
        let patience = FIRST_REQUEST.saturating_sub(runtime.monotonic().saturating_sub(since));
        runtime.within(patience, self.state.first_request.notified()).await;
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(*locked(&self.state.used), Use::Busy)
    }

    /// A request has arrived, which is under way until what this returns is dropped.
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

/// A request that is under way.
pub(crate) struct Busy(Arc<State>);

impl Busy {
    /// The body of its answer: the request is under way until all of it is on its way.
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
