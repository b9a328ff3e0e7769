//! What is recorded and not stored yet.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::{OpenBatch, SealedBatch};
use super::event::LINE_OVERHEAD;
use super::millis::Millis;
use crate::error::Result;

/// The batches of a writer: those that are to be stored, and one that takes events.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    sealed: VecDeque<Arc<SealedBatch>>,
    open: Option<OpenBatch>,
    /// How many batches were sealed.
    numbered: u64,
    /// Of the lines of all batches, before compression.
    bytes: usize,
    pub(super) events: u64,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// There is no room for it.
    Full,
    Taken,
    /// It was taken, and there is a batch to be stored.
    Sealed,
}

impl Buffer {
    /// Takes an event, if there is room for it or there is nothing else. `random` gives 24 hex digits
    /// for the name of a new batch.
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
                // Counting up, it keeps the batches of one millisecond in order.
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

    /// Closes the batch that takes events, if there is one.
    pub(super) fn seal(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.numbered += 1;
            self.sealed.push_back(Arc::new(open.seal(self.numbered)?));
        }
        Ok(())
    }

    /// The number of the oldest batch that is to be stored.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.sealed.front().map(|batch| batch.number)
    }

    /// The number of the newest batch that is to be stored.
    pub(super) fn newest(&self) -> Option<u64> {
        self.sealed.back().map(|batch| batch.number)
    }

    /// The batches that are to be stored, up to this number.
    pub(super) fn up_to(&self, number: u64) -> Vec<Arc<SealedBatch>> {
        self.sealed.iter().take_while(|batch| batch.number <= number).cloned().collect()
    }

    /// Lets go of a batch that is stored.
    pub(super) fn remove(&mut self, stored: &SealedBatch) {
        self.sealed.retain(|batch| batch.number != stored.number);
        self.bytes -= stored.bytes;
        self.events -= stored.events;
    }
}

/// How much a writer keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// At how many bytes a batch is closed.
    pub(super) batch: usize,
    /// How many bytes there are at most.
    pub(super) capacity: usize,
}
