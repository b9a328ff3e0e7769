//! Recording events.

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

/// At how many bytes a batch is closed by default: 8 MiB.
pub const DEFAULT_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The most that [`EventWriter::with_batch_bytes`] takes: 16 MiB, which as a value stays within KV's 25 MiB.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// How much a writer keeps by default until it is stored: 32 MiB.
pub const DEFAULT_CAPACITY: usize = 32 * 1024 * 1024;

/// How old an event gets by default before [`EventWriter::run`] stores it: a minute.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);

/// After how long at most [`EventWriter::run`] tries again what failed.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Records events and stores them in batches; see [the module](super) for what that guarantees.
///
/// It is cheap to clone, and its clones record into one buffer. What they have not stored when the last of them is dropped is lost,
/// which is logged as a warning: [`flush`](Self::flush) before.
///
/// Bytes are counted as lines of JSON, before compression: an event and 94 bytes of its time and id.
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
    /// Told when a batch is closed because of its size.
    sealed: Notify,
    /// Held while batches are being stored, so that one is not stored twice at once.
    storing: tokio::sync::Mutex<()>,
    attempts: Mutex<Attempts>,
}

/// Attempts to store batches, which are made one after the other.
#[derive(Default)]
struct Attempts {
    begun: u64,
    /// The last that failed.
    failed: Option<(u64, Error)>,
}

impl EventWriter {
    /// A writer to a store, by the clock and timer of its service or client.
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

    /// At how many bytes a batch is closed and [`run`](Self::run) stores it. The last event may take it 1 MiB further.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): more than [`MAX_BATCH_BYTES`].
    pub fn with_batch_bytes(mut self, bytes: usize) -> Result<Self> {
        if bytes > MAX_BATCH_BYTES {
            return Err(Error::invalid_input(format!(
                "batches of {bytes} bytes are too large: {MAX_BATCH_BYTES} is the most (16 MiB)"
            )));
        }
        self.limits.batch = bytes;
        Ok(self)
    }

    /// How many bytes are kept at most until they are stored. A single event is always taken.
    #[must_use]
    pub fn with_capacity(mut self, bytes: usize) -> Self {
        self.limits.capacity = bytes;
        self
    }

    /// How old an event gets at most before [`run`](Self::run) stores it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): no time at all.
    pub fn with_max_age(mut self, age: Duration) -> Result<Self> {
        if age.is_zero() {
            let message =
                "events cannot be stored at an age of 0: give a longer one, or flush after each event";
            return Err(Error::invalid_input(message));
        }
        self.max_age = age;
        Ok(self)
    }

    /// Records an event. Where there is no room it stores the oldest batch itself, or waits for whoever is storing it, so that it
    /// needs nobody else to go on.
    ///
    /// # Errors
    /// The event is not recorded. [`ErrorKind::Serialization`](crate::ErrorKind): it is no JSON;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): it has more than [`MAX_EVENT_SIZE`](super::MAX_EVENT_SIZE); or there is no room,
    /// and the batch could not be stored: that error.
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

    /// Records an event if there is room, and says whether there was; counts it in [`dropped`](Self::dropped) if not.
    ///
    /// # Errors
    /// The event is neither recorded nor counted. As [`record`](Self::record), but for what storing gives.
    pub fn record_or_drop<E: Serialize + ?Sized>(&self, event: &E) -> Result<bool> {
        let pushed = self.push(&event::to_json(event)?)?;
        if !pushed {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(pushed)
    }

    /// How many events [`record_or_drop`](Self::record_or_drop) had no room for.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// How many events are recorded and not known to be stored.
    pub fn buffered(&self) -> u64 {
        self.shared.buffer().events
    }

    /// Stores everything that was recorded before it is first polled. When it returns `Ok`, that is stored.
    ///
    /// It can be spawned, or given to a Worker's `wait_until`. It may be dropped half-way: what it has not stored stays, as after an
    /// error. Of several at once, one stores and the others wait for it.
    ///
    /// # Errors
    /// The first error of a batch that was not stored, after the retries of the client. The events of such batches stay in the
    /// buffer, and the next flush tries them again under the same names.
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

    /// Stores batches as they are full, and what there is whenever it may have reached the maximal age; all once more when
    /// `shutdown` completes, and returns what that gave. Spawn it, once.
    ///
    /// What could not be stored is logged as a warning and tried again after the maximal age or 5 seconds, whichever is shorter.
    /// A flush that is under way when `shutdown` completes comes to its end first.
    ///
    /// # Errors
    /// That of the last flush: what was not stored is still there, for a [`flush`](Self::flush) of yours.
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
                    tracing::warn!(events, %error, "events could not be stored, trying again");
                }
            }
        }
        .boxed()
    }

    /// Completes when it is time to store.
    async fn wake(&self, failed: bool) {
        let Self { shared, max_age, .. } = self;
        if failed {
            // More batches are no reason to try sooner.
            return shared.runtime.sleep(RETRY_DELAY.min(*max_age)).await;
        }
        future::select(pin!(shared.sealed.notified()), shared.runtime.timeout(*max_age)).await;
    }

    /// Whether there was room.
    fn push(&self, json: &[u8]) -> Result<bool> {
        let shared = &self.shared;
        let pushed = {
            let mut buffer = shared.buffer();
            // Nobody is between the two: batches sort by their first events, so that later events have to have later times. One
            // that waits for room must not keep the time at which it began to wait.
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
    /// Stores the batches up to a number.
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
            // An attempt that was begun and has failed while this one waited tells as much as another: all who wait for a service
            // that is down need not try in turn.
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

    /// 96 bits that nobody else has, on any machine.
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
            tracing::warn!(events, "events were recorded and not flushed, and are lost");
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
