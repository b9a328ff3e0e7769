//! An open store: what its handles share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blobs::Blobs;
use super::database::{self, Failure, Readers, random_hex, storage};
use super::disk::{Disk, Open};
use super::instance::Instance;
use super::platform::Platform;
use super::writer::Writer;
use crate::error::Result;

/// An open store.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) database: PathBuf,
    pub(super) platform: Platform,
    // Dropped in this order: the writer's connection is the last to close, which empties SQLite's log.
    pub(super) readers: Arc<Readers>,
    pub(super) writer: Writer,
    pub(super) blobs: Arc<Blobs>,
}

impl Shared {
    pub(super) fn open(folder: &Path, platform: Platform) -> Result<Self> {
        let disk = &*platform.disk;
        let folder = std::path::absolute(folder).map_err(|e| storage(folder, "is not a path", e))?;
        create_folder(disk, &folder)?;
        // One process at a time makes what is not there yet.
        let lock_path = folder.join("open.lock");
        let lock =
            disk.open(&lock_path, Open::Create).map_err(|e| storage(&lock_path, "cannot be opened", e))?;
        lock.lock().map_err(|e| storage(&lock_path, "cannot be locked", e))?;
        let [blobs, incoming, instances] = ["blobs", "incoming", "instances"].map(|name| folder.join(name));
        for inner in [&blobs, &incoming, &instances] {
            create_folder(disk, inner)?;
        }
        let database = folder.join("store.sqlite3");
        let connection = database::open(&platform, &database)?;
        // What a killed process wrote to the log and did not sync is committed from here on: nobody may act on it before it
        // is synced, such as by removing the files that it let go of.
        let log = folder.join("store.sqlite3-wal");
        disk.open(&log, Open::Write)
            .and_then(|file| file.sync())
            .map_err(|e| storage(&log, "cannot be synced", e))?;
        disk.sync_folder(&folder).map_err(|e| storage(&folder, "cannot be synced", e))?;
        let instance = Instance::register(Arc::clone(&platform.disk), &instances, || {
            random_hex(&connection).map_err(|error| Failure::from(error).into())
        })?;
        let blobs =
            Arc::new(Blobs { folder: blobs, incoming, instances, platform: platform.clone(), instance });
        let writer = Writer::start(connection, Arc::clone(&blobs))
            .map_err(|e| storage(&folder, "cannot be opened: no thread", e))?;
        let readers = Arc::new(Readers::new(platform.clone(), database.clone()));
        Ok(Self { folder, database, platform, readers, writer, blobs })
    }
}

/// Creates a folder and those above it, for their owner alone, so that their names survive a power cut.
fn create_folder(disk: &dyn Disk, folder: &Path) -> Result<()> {
    let failed = |e| storage(folder, "cannot be created", e);
    if disk.is_folder(folder) {
        return Ok(());
    }
    let parent = folder.parent();
    if let Some(parent) = parent {
        create_folder(disk, parent)?;
    }
    match disk.create_folder(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && disk.is_folder(folder) => {}
        result => result.map_err(failed)?,
    }
    parent.map_or(Ok(()), |parent| disk.sync_folder(parent).map_err(failed))
}
