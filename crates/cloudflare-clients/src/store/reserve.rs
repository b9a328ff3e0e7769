//! Disk space that is reserved for operations that free space: on a full disk, deletes would fail otherwise.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::disk::{Disk, Open};

/// Size of the reserve, in bytes. A delete needs some tens of KiB of SQLite's log, and then the database may
/// grow by the size of the log, which is 4 MB.
const SIZE: u64 = 5 * 1024 * 1024;

/// Size of the random block that the reserve is filled with: a file system cannot compress it.
const PIECE: usize = 64 * 1024;

/// A file without content of its own that reserves disk space.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    released: AtomicBool,
}

impl Reserve {
    pub(super) fn new(path: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self { path, disk, released: AtomicBool::new(false) }
    }

    /// Reserves the space, if it is available.
    pub(super) fn fill(&self) {
        if self.disk.size(&self.path).is_ok_and(|size| size == SIZE) {
            return;
        }
        let mut piece = vec![0; PIECE];
        fastrand::fill(&mut piece);
        let written = self
            .disk
            .open(&self.path, Open::Create)
            .and_then(|mut file| (0..SIZE / PIECE as u64).try_for_each(|_| file.write_all(&piece)));
        self.released.store(written.is_err(), Ordering::Relaxed);
        if let Err(error) = written {
            tracing::debug!(path = %self.path.display(), %error, "could not reserve disk space for deletes");
            self.remove();
        }
    }

    /// Reserves the space again, if it was released.
    pub(super) fn refill(&self) {
        if self.released.load(Ordering::Relaxed) {
            self.fill();
        }
    }

    /// Releases the space.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
        self.remove();
    }

    fn remove(&self) {
        if let Err(error) = self.disk.remove(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "could not release the disk space that is reserved for deletes");
        }
    }
}
