//! Reads the events of a time range.

use std::ops::{Range, RangeBounds};
use std::time::SystemTime;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use serde::de::DeserializeOwned;

use super::batch_name::BatchName;
use super::event::{self, Event};
use super::lines::Lines;
use super::millis::{Millis, within};
use super::store::EventStore;
use crate::client::operation::Operation;
use crate::error::{Error, ErrorKind, Result};

impl EventStore {
    /// Reads the events recorded within a time range: `events.read::<PageView>(from..to)`, `from..`, `..`.
    ///
    /// Batches are ordered by their first events, and events within a batch as they were recorded: the events
    /// of one writer are in order, those of several writers alternate batch by batch. Batches are listed page
    /// by page and read one after the other as events are consumed. Memory holds a piece of one batch (from
    /// KV the whole compressed value) and one line.
    ///
    /// # Errors
    /// Each error is an item of the stream, and names the batch and the line. [`ErrorKind::Serialization`]:
    /// an event does not match the type. [`ErrorKind::Integrity`]: a line or a batch is damaged. The stream
    /// continues after these errors, with the next line, or with the next batch if lines cannot be found. It
    /// ends after an error of the listing.
    pub fn read<E: DeserializeOwned + Send + 'static>(
        &self,
        range: impl RangeBounds<SystemTime>,
    ) -> BoxStream<'static, Result<Event<E>>> {
        let range = within(&range);
        let store = self.clone();
        self.list(range.clone())
            .flat_map(move |name| match name {
                Ok(name) => BatchReader::new(store.clone(), name, range.clone()).into_stream(),
                Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
            })
            .boxed()
    }
}

/// Reads one batch.
struct BatchReader {
    store: EventStore,
    key: String,
    name: BatchName,
    range: Range<Millis>,
    state: State,
}

enum State {
    Begin,
    Open(Box<Lines>),
    End,
}

impl BatchReader {
    fn new(store: EventStore, name: BatchName, range: Range<Millis>) -> Self {
        let key = store.key(&name);
        Self { store, key, name, range, state: State::Begin }
    }

    fn into_stream<E: DeserializeOwned + Send + 'static>(self) -> BoxStream<'static, Result<Event<E>>> {
        stream::unfold(self, |mut reader| async move {
            let event = reader.next().await.transpose()?;
            let event = Operation::new("read", &reader.key).check(event);
            Some((event, reader))
        })
        .boxed()
    }

    async fn next<E: DeserializeOwned>(&mut self) -> Result<Option<Event<E>>> {
        loop {
            match &mut self.state {
                State::Begin => {
                    // If anything fails here, the rest of this batch is skipped.
                    self.state = State::End;
                    if let Some(body) = self.store.get(&self.key).await? {
                        self.state = State::Open(Box::new(Lines::new(body)));
                    }
                }
                State::Open(lines) => match lines.next().await {
                    Ok(Some(line)) => {
                        let number = lines.number;
                        let event = self.check(&line).map_err(|error| in_line(number, error))?;
                        if event.is_some() {
                            return Ok(event);
                        }
                    }
                    Ok(None) => self.state = State::End,
                    Err(error) => {
                        self.state = State::End;
                        return Err(error);
                    }
                },
                State::End => return Ok(None),
            }
        }
    }

    /// Returns the event of a line, if it is within the range.
    fn check<E: DeserializeOwned>(&self, line: &[u8]) -> Result<Option<Event<E>>> {
        let (time, event) = event::parse(line)?;
        if time < self.name.first || time > self.name.last {
            let message = "has a time outside the range in the batch's name";
            return Err(Error::new(ErrorKind::Integrity, message));
        }
        Ok(self.range.contains(&time).then_some(event))
    }
}

fn in_line(number: u64, error: Error) -> Error {
    error.explain(format_args!("line {number}"))
}
