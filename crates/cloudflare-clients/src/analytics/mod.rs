//! Analytics: collects events in a bounded buffer, stores them in compressed batches, and reads them back by
//! time.
//!
//! Guarantees:
//! - **A flush that succeeded has stored the events.** When [`EventWriter::flush`] returns `Ok`, every event
//!   recorded before it is in R2 or KV. A process that is killed right afterwards loses none of them. A test
//!   kills a process at random moments and checks every event.
//! - **A failure loses nothing.** A flush that fails, or is dropped before it completes, leaves its events in
//!   the buffer. The next flush stores them under the same names, so nothing is stored twice. An object never
//!   overwrites another one.
//! - **Events are identifiable.** Delivery is at least once if the caller records an event again after
//!   `record` or its own source failed; the writer itself adds no copies. Each event has an [id](Event::id)
//!   with which later copies can be removed.
//! - **Memory is bounded.** The buffer has [32 MiB](DEFAULT_CAPACITY) by default, counted before compression,
//!   and holds the events compressed. If it is full, [`record`](EventWriter::record) waits until a batch is
//!   stored, and [`record_or_drop`](EventWriter::record_or_drop) drops the event and
//!   [counts](EventWriter::dropped) it. Each call chooses.
//! - **A range misses no event because it was stored late.** The name of a batch contains the times of its
//!   first and last events, which are at most an hour apart.
//!
//! Limits:
//! - **Events that were only recorded are lost** if the process is killed or the writer is dropped. With
//!   [`EventWriter::run`] these are at most the events of the last [minute](DEFAULT_MAX_AGE), or those since
//!   the service became unavailable.
//! - **An event that no flush acknowledged may be stored anyway**, because the answer may have been lost with
//!   the process.
//! - **Order is by batch.** The events of one writer are returned in the order in which they were recorded,
//!   unless its clock was set back. The events of several writers alternate batch by batch. Times come from
//!   the writers' clocks.
//! - **A range that includes the present is incomplete**, because writers may still hold events of it. **KV**
//!   is also eventually consistent: batches stored within the last minute may not be listed yet.
//! - **There is no index.** Reading a range lists its batches and those of the hour before, and reads every
//!   overlapping batch completely.
//!
//! # Storage
//!
//! A batch is sealed at [8 MiB](DEFAULT_BATCH_BYTES) of JSON, or when it is flushed. As an R2 object it costs
//! one Class A operation: one per minute is 43,800 a month per writer. As a KV value it costs one write;
//! several batches are one request of the REST API. Its key is the prefix followed by a name that sorts by
//! time. The name ends with the writer's batch number and 96 random bits:
//!
//! ```text
//! 2026/11/25/05/20261125T051820123Z-20261125T051851007Z-00000001d5…91.ndjson.gz
//! ```
//!
//! The content is NDJSON, compressed with gzip. A line looks like this:
//!
//! ```text
//! {"time":"2026-11-25T05:18:20.123Z","id":"00000001d5…91-00000000","event":{"path":"/"}}
//! ```
//!
//! `time` is when the event was recorded, `id` is its unique id, and `event` is the recorded value. The
//! content type is `application/gzip`. There is no content encoding, because with one some HTTP clients would
//! decompress the object and others would not.
//!
//! Storing needs a caller: spawn [`EventWriter::run`], or call [`EventWriter::flush`]. Without either,
//! `record` stores a batch whenever the buffer is full, and `record_or_drop` drops every event once it is
//! full.
//!
//! ```
//! use cloudflare_clients::LocalBucket;
//! use cloudflare_clients::analytics::{EventStore, EventWriter};
//! use cloudflare_clients::r2::R2Service;
//! use futures_util::TryStreamExt as _;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct PageView {
//!     path: String,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! let r2 = R2Service::new(LocalBucket::open(folder.path(), "analytics").await?);
//! let store = EventStore::r2(r2, "page-views/")?;
//!
//! let writer = EventWriter::new(store.clone());
//! let (shutdown, stopped) = tokio::sync::oneshot::channel::<()>();
//! let running = tokio::spawn(writer.run(async { drop(stopped.await) }));
//!
//! writer.record(&PageView { path: "/".to_owned() }).await?;
//! if !writer.record_or_drop(&PageView { path: "/about".to_owned() })? {
//!     eprintln!("{} page views were dropped", writer.dropped());
//! }
//!
//! drop(shutdown);
//! running.await.unwrap()?;
//!
//! let views: Vec<_> = store.read::<PageView>(..).try_collect().await?;
//! assert_eq!(views[1].event.path, "/about");
//! # Ok(()) }
//! ```
//!
//! # In a Worker
//!
//! Create a writer per request, and pass its flush to `wait_until`, so that the response does not wait for
//! it:
//!
//! ```ignore
//! writer.record(&view).await?;
//! context.wait_until(async move { writer.flush().await.unwrap_or_else(|error| console_error!("{error}")) });
//! ```
//!
//! A Worker's I/O belongs to the request that started it, so one request cannot wait for what another one
//! stores. A writer in a static would make it wait. A writer per request means one object per request. To
//! store fewer objects, send the events to a Durable Object or a queue, and record them there.

mod batch;
mod batch_name;
mod buffer;
mod event;
mod lines;
mod millis;
mod reader;
mod store;
mod writer;

pub use event::{Event, MAX_EVENT_SIZE};
pub use store::EventStore;
pub use writer::{DEFAULT_BATCH_BYTES, DEFAULT_CAPACITY, DEFAULT_MAX_AGE, EventWriter, MAX_BATCH_BYTES};
