//! Memory for bodies that are read as a whole.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Number of bytes per permit.
const UNIT: usize = 1024;

/// The memory that is available for bodies.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

/// Reserved memory, which is released when this is dropped.
pub(crate) type Taken = OwnedSemaphorePermit;

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))))
    }

    /// Reserves this number of bytes, if they are available.
    pub(crate) fn take(&self, bytes: u64) -> Option<Taken> {
        let units = u32::try_from(bytes.div_ceil(UNIT as u64)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(units).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let memory = Memory::new(10 * UNIT);
        let taken = memory.take(9 * 1024 + 1).unwrap();
        assert!(memory.take(1).is_none());
        assert!(memory.take(u64::MAX).is_none());
        drop(taken);
        assert!(memory.take(10 * 1024).is_some());
    }
}
