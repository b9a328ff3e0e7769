//! Which files belong to a process that is still alive.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::database::storage;
use super::disk::{Disk, DiskFile, Open};
use crate::error::Result;
use crate::mutation::{Mutation, is_mutated};

/// One open store. While it lives it holds a lock on a file in `instances/` that is named by a random id, and every file
/// that it makes begins with that id: so others see which files may still be waiting for their commit.
#[derive(Debug)]
pub(super) struct Instance {
    id: String,
    path: PathBuf,
    disk: Arc<dyn Disk>,
    lock: Box<dyn DiskFile>,
    files: AtomicU64,
    leaves_files: AtomicBool,
}

impl Instance {
    /// Registers an instance; `random` makes ids.
    pub(super) fn register(
        disk: Arc<dyn Disk>,
        folder: &Path,
        mut random: impl FnMut() -> Result<String>,
    ) -> Result<Self> {
        loop {
            let id = random()?;
            let path = folder.join(&id);
            let lock =
                disk.open(&path, Open::CreateNew).map_err(|e| storage(&path, "cannot be created", e))?;
            // Between creation and lock, another process's clean-up may take the file for a dead one's and remove it.
            match lock.try_lock() {
                Ok(()) if disk.size(&path).is_ok() => {}
                Ok(()) | Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(storage(&path, "cannot be locked", error)),
            }
            // After a power cut it is there, before any of its files: nobody else would clean up after it.
            if !is_mutated(Mutation::InstanceNotSynced) {
                disk.sync_folder(folder).map_err(|e| storage(folder, "cannot be synced", e))?;
            }
            return Ok(Self {
                id,
                path,
                disk,
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
            && let Err(error) = self.disk.remove(&self.path)
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
    _lock: Box<dyn DiskFile>,
}

impl DeadInstance {
    /// All of them.
    pub(super) fn find(disk: &dyn Disk, folder: &Path) -> Result<Vec<Self>> {
        let mut dead = Vec::new();
        for name in disk.list(folder).map_err(|e| storage(folder, "cannot be read", e))? {
            let path = folder.join(&name);
            let Ok(id) = name.into_string() else {
                continue;
            };
            // A file that is gone or locked meanwhile is somebody else's.
            if let Ok(lock) = disk.open(&path, Open::Read)
                && lock.try_lock().is_ok()
            {
                dead.push(Self { id, path, _lock: lock });
            }
        }
        Ok(dead)
    }

    /// The ids of all instances that are not among the `dead`.
    pub(super) fn others(dead: &[Self], disk: &dyn Disk, folder: &Path) -> Result<Vec<String>> {
        let names = disk.list(folder).map_err(|e| storage(folder, "cannot be read", e))?;
        let is_other = |id: &String| dead.iter().all(|instance| instance.id != *id);
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).filter(is_other).collect())
    }

    /// Forgets it: nothing of it is left.
    pub(super) fn bury(self, disk: &dyn Disk) -> Result<()> {
        disk.remove(&self.path).map_err(|e| storage(&self.path, "cannot be removed", e))
    }
}
