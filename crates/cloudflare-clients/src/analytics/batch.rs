//! A batch: the events of one object or value.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::batch_name::{BatchName, MAX_SPAN};
use super::event;
use super::millis::Millis;
use crate::error::{Error, ErrorKind, Result};

/// A batch that accepts events and compresses them as they arrive.
#[derive(Debug)]
pub(super) struct OpenBatch {
    name: BatchName,
    events: u32,
    lines: GzEncoder<Vec<u8>>,
    /// Size of the lines, before compression.
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

    /// Whether an event with this time fits into the batch's span.
    pub(super) fn spans(&self, time: Millis) -> bool {
        self.name.first.min(time).until(self.name.last.max(time)) <= MAX_SPAN
    }

    /// Adds an event and returns the size of its line, in bytes.
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

/// Compression into memory does not fail.
fn not_compressed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("failed to compress the events: {error}")).with_source(error)
}

/// A batch as it is stored. Its name and bytes never change, so storing it again changes nothing.
#[derive(Debug)]
pub(super) struct SealedBatch {
    /// The number of the batch, counted per writer.
    pub(super) number: u64,
    pub(super) name: BatchName,
    pub(super) content: Bytes,
    pub(super) events: u64,
    /// Size before compression, in bytes.
    pub(super) bytes: usize,
}
