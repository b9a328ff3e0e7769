//! Recorded events that are not stored yet.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::{OpenBatch, SealedBatch};
use super::event::LINE_OVERHEAD;
use super::millis::Millis;
use crate::error::Result;

/// The batches of a writer: sealed ones that are ready to be stored, and an open one that accepts events.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    sealed: VecDeque<Arc<SealedBatch>>,
    open: Option<OpenBatch>,
    /// Number of batches sealed so far.
    numbered: u64,
    /// Size of the lines of all batches, before compression.
    bytes: usize,
    pub(super) events: u64,
}

/// The result of adding an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The buffer has no room for the event.
    Full,
    Taken,
    /// The event was added, and a batch is ready to be stored.
    Sealed,
}

impl Buffer {
    /// Adds an event if there is room for it or the buffer is empty. `random` returns 24 hex digits for the
    /// name of a new batch.
    pub(super) fn push(
        &mut self,
        time: Millis,
        json: &[u8],
        limits: &Limits,
        random: impl FnOnce() -> Result<String>,
    ) -> Result<Pushed> {
        if self.events > 0 && self.bytes + json.len() + LINE_OVERHEAD > limits.capacity {
            return Ok(Pushed::Full);
        }
        let mut pushed = Pushed::Taken;
        if self.open.as_ref().is_some_and(|open| !open.spans(time)) {
            self.seal()?;
            pushed = Pushed::Sealed;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                // The number keeps batches of the same millisecond in order.
                let number = (self.numbered + 1) % (1 << 32);
                none.insert(OpenBatch::new(time, format!("{number:08x}{}", random()?)))
            }
        };
        self.bytes += open.append(time, json)?;
        self.events += 1;
        if open.bytes >= limits.batch {
            self.seal()?;
            pushed = Pushed::Sealed;
        }
        Ok(pushed)
    }

    /// Seals the open batch, if there is one.
    pub(super) fn seal(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.numbered += 1;
            self.sealed.push_back(Arc::new(open.seal(self.numbered)?));
        }
        Ok(())
    }

    /// Returns the number of the oldest sealed batch.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.sealed.front().map(|batch| batch.number)
    }

    /// Returns the number of the newest sealed batch.
    pub(super) fn newest(&self) -> Option<u64> {
        self.sealed.back().map(|batch| batch.number)
    }

    /// Returns the sealed batches up to this number.
    pub(super) fn up_to(&self, number: u64) -> Vec<Arc<SealedBatch>> {
        self.sealed.iter().take_while(|batch| batch.number <= number).cloned().collect()
    }

    /// Removes a stored batch.
    pub(super) fn remove(&mut self, stored: &SealedBatch) {
        self.sealed.retain(|batch| batch.number != stored.number);
        self.bytes -= stored.bytes;
        self.events -= stored.events;
    }
}

/// The limits of a writer's buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Size at which a batch is sealed, in bytes.
    pub(super) batch: usize,
    /// Maximum size of all batches, in bytes.
    pub(super) capacity: usize,
}
