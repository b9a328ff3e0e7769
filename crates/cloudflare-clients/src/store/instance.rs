//! Which files belong to a process that is still alive.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::database::storage;
use crate::error::Result;

/// One open store. While it lives it holds a lock on a file in `instances/` that is named by a random id, and every file
/// that it makes begins with that id: so others see which files may still be waiting for their commit.
#[derive(Debug)]
pub(super) struct Instance {
    id: String,
    path: PathBuf,
    lock: File,
    files: AtomicU64,
    leaves_files: AtomicBool,
}

impl Instance {
    /// Registers an instance; `random` makes ids.
    pub(super) fn register(folder: &Path, mut random: impl FnMut() -> Result<String>) -> Result<Self> {
        loop {
            let id = random()?;
            let path = folder.join(&id);
            let lock = File::create_new(&path).map_err(|e| storage(&path, "cannot be created", e))?;
            // Between creation and lock, another process's clean-up may take the file for a dead one's and remove it.
            match lock.try_lock() {
                Ok(()) if path.exists() => {}
                Ok(()) | Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(storage(&path, "cannot be locked", error)),
            }
            return Ok(Self {
                id,
                path,
                lock,
                files: AtomicU64::new(0),
                leaves_files: AtomicBool::new(false),
            });
        }
    }

    /// A name that no file ever had.
    pub(super) fn new_file_name(&self) -> String {
        format!("{}-{:x}", self.id, self.files.fetch_add(1, Ordering::Relaxed))
    }

    /// Which instance made a file.
    pub(super) fn of_file(name: &str) -> Option<&str> {
        name.split_once('-').map(|(id, _)| id)
    }

    /// Leaves the judgement on files whose commit failed half-way to the next clean-up.
    pub(super) fn leave_files(&self) {
        self.leaves_files.store(true, Ordering::Relaxed);
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // An instance that is still listed after its end is one to clean up after.
        if !self.leaves_files.load(Ordering::Relaxed)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a lock file cannot be removed");
        }
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "a lock cannot be released");
        }
    }
}

/// An instance whose process ended without clearing up. The lock is held, so that one process at a time sees to it.
#[derive(Debug)]
pub(super) struct DeadInstance {
    pub(super) id: String,
    path: PathBuf,
    _lock: File,
}

impl DeadInstance {
    /// All of them.
    pub(super) fn find(folder: &Path) -> Result<Vec<Self>> {
        let failed = |e| storage(folder, "cannot be read", e);
        let mut dead = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(id) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
                continue;
            };
            // A file that is gone or locked meanwhile is somebody else's.
            if let Ok(lock) = File::open(&path)
                && lock.try_lock().is_ok()
            {
                dead.push(Self { id, path, _lock: lock });
            }
        }
        Ok(dead)
    }

    /// Forgets it: nothing of it is left.
    pub(super) fn bury(self) -> Result<()> {
        fs::remove_file(&self.path).map_err(|e| storage(&self.path, "cannot be removed", e))
    }
}
