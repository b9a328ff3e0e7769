//! Room that is kept for what frees room: a full disk takes no delete otherwise.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::disk::{Disk, Open};

/// How many bytes are kept. A delete takes some tens of KiB of SQLite's log, and then the database may grow by all that the
/// log has, which is 4 MB.
const SIZE: u64 = 5 * 1024 * 1024;

/// What it is filled with, again and again: bytes that a file system cannot compress.
const PIECE: usize = 64 * 1024;

/// A file that means nothing but the room that it takes.
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

    /// Takes the room, where there is so much.
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
            tracing::debug!(path = %self.path.display(), %error, "no room is kept for deletes yet");
            self.remove();
        }
    }

    /// Takes the room again, if it was given up before.
    pub(super) fn refill(&self) {
        if self.released.load(Ordering::Relaxed) {
            self.fill();
        }
    }

    /// Gives the room up.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
        self.remove();
    }

    fn remove(&self) {
        if let Err(error) = self.disk.remove(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the room for deletes cannot be given up");
        }
    }
}
