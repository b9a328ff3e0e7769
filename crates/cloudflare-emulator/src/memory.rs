//! How much memory bodies take that are read whole.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is counted at once.
const UNIT: usize = 1024;

/// The memory that is left for bodies.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

/// Memory that is in use until this is dropped.
pub(crate) type Taken = OwnedSemaphorePermit;

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))))
    }

    /// Takes so many bytes, if there are as many.
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
