//! The events that become one object or value.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::batch_name::{BatchName, MAX_SPAN};
use super::event;
use super::millis::Millis;
use crate::error::{Error, ErrorKind, Result};

/// A batch that takes events, compressing them as they come.
#[derive(Debug)]
pub(super) struct OpenBatch {
    name: BatchName,
    events: u32,
    lines: GzEncoder<Vec<u8>>,
    /// Of the lines before compression.
    pub(super) bytes: usize,
}

impl OpenBatch {
    pub(super) fn new(time: Millis, unique: String) -> Self {
        Self {
            name: BatchName { first: time, last: time, unique },
            events: 0,
            lines: GzEncoder::new(Vec::new(), Compression::default()),
            bytes: 0,
        }
    }

    /// Whether an event of this time is not too far from the others.
    pub(super) fn spans(&self, time: Millis) -> bool {
        self.name.first.min(time).until(self.name.last.max(time)) <= MAX_SPAN
    }

    /// Adds an event and gives the bytes of its line.
    pub(super) fn append(&mut self, time: Millis, json: &[u8]) -> Result<usize> {
        let line = event::line(time, &self.name.unique, self.events, json);
        self.lines.write_all(&line).map_err(not_compressed)?;
        self.name.first = self.name.first.min(time);
        self.name.last = self.name.last.max(time);
        self.events += 1;
        self.bytes += line.len();
        Ok(line.len())
    }

    pub(super) fn seal(self, number: u64) -> Result<SealedBatch> {
        let Self { name, events, lines, bytes } = self;
        let content = lines.finish().map_err(not_compressed)?.into();
        Ok(SealedBatch { number, name, content, events: events.into(), bytes })
    }
}

/// Memory takes all that is written to it.
fn not_compressed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("the events could not be compressed: {error}")).with_source(error)
}

/// A batch as it is stored: the same name and bytes whenever that is tried, so that a second try changes nothing.
#[derive(Debug)]
pub(super) struct SealedBatch {
    /// Counts the batches of a writer.
    pub(super) number: u64,
    pub(super) name: BatchName,
    pub(super) content: Bytes,
    pub(super) events: u64,
    /// Before compression.
    pub(super) bytes: usize,
}
