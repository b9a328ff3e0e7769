//! Records events.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture, Either};
use serde::Serialize;
use tokio::sync::Notify;

use super::buffer::{Buffer, Limits, Pushed};
use super::event;
use super::millis::Millis;
use super::store::EventStore;
use crate::error::{Error, Result};
use crate::mutation::{Mutation, is_mutated};
use crate::runtime::Runtime;
use crate::sync::lock;

/// Default size at which a batch is sealed, in bytes: 8 MiB.
pub const DEFAULT_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Maximum for [`EventWriter::with_batch_bytes`], in bytes: 16 MiB. Such a batch fits into a KV value of 25
/// MiB.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Default capacity of a writer's buffer, in bytes: 32 MiB.
pub const DEFAULT_CAPACITY: usize = 32 * 1024 * 1024;

/// Default age at which [`EventWriter::run`] stores an event: one minute.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);

/// Maximum time before [`EventWriter::run`] retries a failed flush.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Records events and stores them in batches; see [the module](super) for its guarantees.
///
/// Clones are cheap and share one buffer. Events that are not stored when the last clone is dropped are lost,
/// which is logged as a warning: call [`flush`](Self::flush) first.
///
/// Sizes in bytes count lines of JSON before compression: an event plus 94 bytes for its time and id.
#[derive(Clone)]
pub struct EventWriter {
    shared: Arc<Shared>,
    limits: Limits,
    max_age: Duration,
}

struct Shared {
    store: EventStore,
    runtime: Arc<dyn Runtime>,
    buffer: Mutex<Buffer>,
    dropped: AtomicU64,
    /// Notified when a batch is sealed because of its size.
    sealed: Notify,
    /// Held while batches are being stored, so that no batch is stored twice concurrently.
    storing: tokio::sync::Mutex<()>,
    attempts: Mutex<Attempts>,
}

/// The attempts to store batches, which run one after the other.
#[derive(Default)]
struct Attempts {
    begun: u64,
    /// The last failed attempt.
    failed: Option<(u64, Error)>,
}

impl EventWriter {
    /// Creates a writer to a store. It uses the clock and timer of the store's service or client.
    pub fn new(store: EventStore) -> Self {
        let runtime = store.runtime().clone();
        let shared = Shared {
            store,
            runtime,
            buffer: Mutex::default(),
            dropped: AtomicU64::new(0),
            sealed: Notify::new(),
            storing: tokio::sync::Mutex::default(),
            attempts: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            limits: Limits { batch: DEFAULT_BATCH_BYTES, capacity: DEFAULT_CAPACITY },
            max_age: DEFAULT_MAX_AGE,
        }
    }

    /// Sets the size at which a batch is sealed and [`run`](Self::run) stores it, in bytes before
    /// compression. Default: [`DEFAULT_BATCH_BYTES`]. The last event can exceed it by up to 1 MiB.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): more than [`MAX_BATCH_BYTES`].
    pub fn with_batch_bytes(mut self, bytes: usize) -> Result<Self> {
        if bytes > MAX_BATCH_BYTES {
            return Err(Error::invalid_input(format!(
                "batches of {bytes} bytes are too large: the maximum is {MAX_BATCH_BYTES} (16 MiB)"
            )));
        }
        self.limits.batch = bytes;
        Ok(self)
    }

    /// Sets the capacity of the buffer, in bytes before compression. Default: [`DEFAULT_CAPACITY`]. An empty
    /// buffer accepts any event.
    #[must_use]
    pub fn with_capacity(mut self, bytes: usize) -> Self {
        self.limits.capacity = bytes;
        self
    }

    /// Sets the age at which [`run`](Self::run) stores an event. Default: [`DEFAULT_MAX_AGE`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the age is zero.
    pub fn with_max_age(mut self, age: Duration) -> Result<Self> {
        if age.is_zero() {
            let message =
                "events cannot be stored at an age of 0: set a longer maximum age, or flush after each event";
            return Err(Error::invalid_input(message));
        }
        self.max_age = age;
        Ok(self)
    }

    /// Records an event. If the buffer is full, it stores the oldest batch itself, or waits for the task that
    /// is storing it, so it does not depend on [`run`](Self::run).
    ///
    /// # Errors
    /// The event is not recorded. [`ErrorKind::Serialization`](crate::ErrorKind): it cannot be serialized.
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): it is larger than
    /// [`MAX_EVENT_SIZE`](super::MAX_EVENT_SIZE). If the buffer is full and the batch cannot be stored: the
    /// error of storing it.
    pub fn record<E: Serialize + ?Sized>(
        &self,
        event: &E,
    ) -> impl Future<Output = Result<()>> + Send + use<E> {
        let (writer, json) = (self.clone(), event::to_json(event));
        async move {
            let json = json?;
            while !writer.push(&json)? {
                writer.make_room().await?;
            }
            Ok(())
        }
    }

    /// Records an event if there is room and returns `true`. Otherwise counts it as
    /// [`dropped`](Self::dropped) and returns `false`.
    ///
    /// # Errors
    /// The errors of [`record`](Self::record), except those of storing. The event is neither recorded nor
    /// counted.
    pub fn record_or_drop<E: Serialize + ?Sized>(&self, event: &E) -> Result<bool> {
        let pushed = self.push(&event::to_json(event)?)?;
        if !pushed {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(pushed)
    }

    /// Returns how many events [`record_or_drop`](Self::record_or_drop) has dropped.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Returns how many recorded events are not known to be stored.
    pub fn buffered(&self) -> u64 {
        self.shared.buffer().events
    }

    /// Stores all events recorded before the future is first polled. When it returns `Ok`, they are stored.
    ///
    /// It can be spawned, or passed to a Worker's `wait_until`. It can be dropped before it completes: events
    /// that are not stored stay in the buffer, as after an error. If several flushes run concurrently, one of
    /// them stores and the others wait for it.
    ///
    /// # Errors
    /// The first error of a batch that was not stored, after the retries of the client. The events of such
    /// batches stay in the buffer, and the next flush stores them under the same names.
    pub fn flush(&self) -> BoxFuture<'static, Result<()>> {
        let shared = Arc::clone(&self.shared);
        async move {
            let newest = {
                let mut buffer = shared.buffer();
                buffer.seal()?;
                buffer.newest()
            };
            shared.store(newest).await
        }
        .boxed()
    }

    /// Stores batches when they are full, and all events whenever the oldest may have reached the maximum
    /// age. When `shutdown` completes, it flushes once more and returns the result. Spawn it once per writer.
    ///
    /// A failed flush is logged as a warning and retried after the maximum age or 5 seconds, whichever is
    /// shorter. A flush that is running when `shutdown` completes finishes first.
    ///
    /// # Errors
    /// The error of the last flush. Events that were not stored stay in the buffer, and you can
    /// [`flush`](Self::flush) again.
    pub fn run(&self, shutdown: impl Future<Output = ()> + Send + 'static) -> BoxFuture<'static, Result<()>> {
        let writer = self.clone();
        async move {
            let mut shutdown = pin!(shutdown);
            let mut failed = false;
            loop {
                let wake = writer.wake(failed).boxed();
                if let Either::Left(((), _)) = future::select(shutdown.as_mut(), wake).await {
                    return writer.flush().await;
                }
                let flushed = writer.flush().await;
                failed = flushed.is_err();
                if let Err(error) = flushed {
                    let events = writer.buffered();
                    tracing::warn!(events, %error, "failed to store events, trying again");
                }
            }
        }
        .boxed()
    }

    /// Completes when it is time to store events.
    async fn wake(&self, failed: bool) {
        let Self { shared, max_age, .. } = self;
        if failed {
            // More batches are no reason to retry sooner.
            return shared.runtime.sleep(RETRY_DELAY.min(*max_age)).await;
        }
        future::select(pin!(shared.sealed.notified()), shared.runtime.timeout(*max_age)).await;
    }

    /// Adds an event, and returns whether there was room.
    fn push(&self, json: &[u8]) -> Result<bool> {
        let shared = &self.shared;
        let pushed = {
            let mut buffer = shared.buffer();
            // The lock covers both steps: batches sort by their first events, so later events need later
            // times. An event that waits for room gets the time at which it is added.
            let time = Millis::of(shared.runtime.now())?;
            buffer.push(time, json, &self.limits, || shared.random())?
        };
        if pushed == Pushed::Sealed {
            shared.sealed.notify_one();
        }
        Ok(pushed != Pushed::Full)
    }

    async fn make_room(&self) -> Result<()> {
        let oldest = {
            let mut buffer = self.shared.buffer();
            if buffer.oldest().is_none() {
                buffer.seal()?;
            }
            buffer.oldest()
        };
        self.shared.store(oldest).await
    }
}

impl Shared {
    /// Stores the sealed batches up to a number.
    async fn store(&self, up_to: Option<u64>) -> Result<()> {
        let Some(up_to) = up_to else { return Ok(()) };
        let begun = self.attempts().begun;
        let _storing = self.storing.lock().await;
        let batches = self.buffer().up_to(up_to);
        if batches.is_empty() {
            return Ok(());
        }
        let attempt = {
            let mut attempts = self.attempts();
            // If another attempt started and failed while this one waited, return its error: callers that
            // wait for an unavailable service need not all try in turn.
            if let Some((attempt, error)) = &attempts.failed
                && *attempt > begun
            {
                return Err(error.clone());
            }
            attempts.begun += 1;
            attempts.begun
        };
        let results = self.store.put(&batches).await;
        let mut failure = None;
        let mut buffer = self.buffer();
        for (batch, result) in batches.iter().zip(results) {
            match result {
                Ok(()) => buffer.remove(batch),
                Err(error) => {
                    if is_mutated(Mutation::UnstoredEventsForgotten) {
                        buffer.remove(batch);
                    }
                    failure = failure.or(Some(error));
                }
            }
        }
        drop(buffer);
        let Some(error) = failure else { return Ok(()) };
        self.attempts().failed = Some((attempt, error.clone()));
        Err(error)
    }

    /// Returns 96 random bits, unique across machines, as hex.
    fn random(&self) -> Result<String> {
        let mut bytes = [0; 12];
        self.runtime.fill_random(&mut bytes)?;
        Ok(hex::encode(bytes))
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        lock(&self.buffer)
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        lock(&self.attempts)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let events = self.buffer().events;
        if events > 0 {
            tracing::warn!(events, "recorded events were not flushed and are lost");
        }
    }
}

impl fmt::Debug for EventWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWriter")
            .field("store", &self.shared.store)
            .field("limits", &self.limits)
            .field("max_age", &self.max_age)
            .field("buffered", &self.buffered())
            .field("dropped", &self.dropped())
            .finish()
    }
}
