//! Analytics: events are collected in a bounded buffer, stored in compressed batches, and read back by time.
//!
//! What it guarantees:
//! - **What a flush acknowledged is stored.** When [`EventWriter::flush`] returns `Ok`, every event that was recorded before is in R2
//!   or KV, and a process that is killed right then loses none of them. A test kills a process at random moments and looks for every
//!   one.
//! - **Nothing is lost by a failure.** A flush that fails, or is dropped half-way, leaves its events in the buffer. The next one stores
//!   them under the same names, so that what had arrived after all is not there twice. An object is never put over another.
//! - **Events are told apart.** Delivery is at least once for whoever records an event again when `record` or its own source failed;
//!   the writer adds no copies itself. Each event has an [id](Event::id) by which copies that come about later can be removed.
//! - **Memory is bounded.** The buffer has [32 MiB](DEFAULT_CAPACITY) unless told otherwise, counted before compression, and holds the
//!   events compressed. When it is full, [`record`](EventWriter::record) waits until a batch is stored, and
//!   [`record_or_drop`](EventWriter::record_or_drop) drops the event and [counts](EventWriter::dropped) it: each call chooses.
//! - **No event of a range is missed because it was stored late.** A batch's name says the times of its first and last events, which
//!   lie at most an hour apart.
//!
//! What it does not:
//! - **What is only recorded is lost** when the process is killed, or the writer is dropped: with [`EventWriter::run`] that is what was
//!   recorded within the last [minute](DEFAULT_MAX_AGE) at most, or since the service went away.
//! - **An event that no flush acknowledged may be stored all the same**, as its answer may have been lost with the process.
//! - **Order is by batch.** The events of one writer come back as they were recorded, unless its clock was set back; those of several
//!   writers come in turns of a batch. Times are those of the writers' clocks.
//! - **A range that reaches into the present is not complete**: writers may hold events of it. **KV** is eventually consistent besides:
//!   what was stored within the last minute may not be listed yet.
//! - **There is no index.** To read a range is to list its batches and those of the hour before, and to read whole those that overlap it.
//!
//! # Storing
//!
//! A batch is closed at [8 MiB](DEFAULT_BATCH_BYTES) of JSON, and when it is flushed. As an object of R2 it costs one Class A operation:
//! at one a minute a writer makes 43,800 a month. As a value of KV it costs one write; several batches are one request of the REST
//! API. Its key is the prefix and such a name, which sorts by time and, behind
//! the writer's count of its batches, has 96 random bits:
//!
//! ```text
//! 2026/11/25/05/20261125T051820123Z-20261125T051851007Z-00000001d5…91.ndjson.gz
//! ```
//!
//! Its content is NDJSON, compressed by gzip; a line is
//!
//! ```text
//! {"time":"2026-11-25T05:18:20.123Z","id":"00000001d5…91-00000000","event":{"path":"/"}}
//! ```
//!
//! `time` is when it was recorded, `id` its own, `event` what was recorded. The content type is `application/gzip` and there is no
//! content encoding: with one, some HTTP clients would decompress the object and others would not.
//!
//! Somebody has to store: spawn [`EventWriter::run`], or call [`EventWriter::flush`]. Without either, `record` stores a batch whenever
//! the buffer is full, and `record_or_drop` drops from then on.
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
//! Make a writer for each request, and give its flush to `wait_until`, so that the answer does not wait for it:
//!
//! ```ignore
//! writer.record(&view).await?;
//! context.wait_until(async move { writer.flush().await.unwrap_or_else(|error| console_error!("{error}")) });
//! ```
//!
//! A Worker's I/O belongs to the request that began it, so one request cannot wait for what another stores: a writer in a static would
//! make it. That is an object for each request. To have fewer of them, send the events to a Durable Object or a queue, and record
//! them there.

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
