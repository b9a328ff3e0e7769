//! Which files belong to a live process.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::database::storage;
use super::disk::{Disk, DiskFile, Open};
use crate::error::Result;
use crate::mutation::{Mutation, is_mutated};

/// One open store. While it exists, it holds a lock on a file in `instances/` that is named by a random id.
/// The name of each file that it creates starts with that id, so that others know which files may still be
/// waiting for their commit.
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
    /// Registers an instance; `random` returns new ids.
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
            // Between creation and lock, another process's clean-up may take the file for a dead instance's
            // and remove it.
            match lock.try_lock() {
                Ok(()) if disk.size(&path).is_ok() => {}
                Ok(()) | Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(storage(&path, "cannot be locked", error)),
            }
            // The file must survive a power failure before any of the instance's files do: otherwise nobody
            // would clean up after it.
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

    /// Returns a new, unique file name.
    pub(super) fn new_file_name(&self) -> String {
        format!("{}-{:x}", self.id, self.files.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the id of the instance that created a file.
    pub(super) fn of_file(name: &str) -> Option<&str> {
        name.split_once('-').map(|(id, _)| id)
    }

    /// Leaves files whose commit may or may not have succeeded to the next clean-up.
    pub(super) fn leave_files(&self) {
        self.leaves_files.store(true, Ordering::Relaxed);
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // An instance that remains registered after its end is cleaned up later.
        if !self.leaves_files.load(Ordering::Relaxed)
            && let Err(error) = self.disk.remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "could not remove a lock file");
        }
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "could not release a lock");
        }
    }
}

/// An instance whose process ended without cleaning up. Its lock is held, so that only one process cleans up
/// after it.
#[derive(Debug)]
pub(super) struct DeadInstance {
    pub(super) id: String,
    path: PathBuf,
    _lock: Box<dyn DiskFile>,
}

impl DeadInstance {
    /// Finds all dead instances.
    pub(super) fn find(disk: &dyn Disk, folder: &Path) -> Result<Vec<Self>> {
        let mut dead = Vec::new();
        for name in disk.list(folder).map_err(|e| storage(folder, "cannot be read", e))? {
            let path = folder.join(&name);
            let Ok(id) = name.into_string() else {
                continue;
            };
            // A file that was removed or locked in the meantime belongs to another process.
            if let Ok(lock) = disk.open(&path, Open::Read)
                && lock.try_lock().is_ok()
            {
                dead.push(Self { id, path, _lock: lock });
            }
        }
        Ok(dead)
    }

    /// The ids of all instances that are not `dead`.
    pub(super) fn others(dead: &[Self], disk: &dyn Disk, folder: &Path) -> Result<Vec<String>> {
        let names = disk.list(folder).map_err(|e| storage(folder, "cannot be read", e))?;
        let is_other = |id: &String| dead.iter().all(|instance| instance.id != *id);
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).filter(is_other).collect())
    }

    /// Removes the instance: nothing of it is left.
    pub(super) fn bury(self, disk: &dyn Disk) -> Result<()> {
        disk.remove(&self.path).map_err(|e| storage(&self.path, "cannot be removed", e))
    }
}
