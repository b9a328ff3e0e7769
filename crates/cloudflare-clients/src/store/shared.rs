//! An open store: the state that its handles share.

use std::error::Error as _;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blobs::Blobs;
use super::database::{
    self, Access, BUSY_INTERVAL, Failure, MAX_WAIT_FOR_TRANSACTION, Readers, check_version, random_hex,
    storage,
};
use super::disk::{Disk, DiskFile, Open};
use super::events::Events;
use super::instance::Instance;
use super::log::log_of;
use super::platform::Platform;
use super::reserve::Reserve;
use super::sweeps::Sweeps;
use super::unwritable::{is_full, is_unwritable, name_full_disk};
use super::writer::Writer;
use crate::error::{Error, ErrorKind, Result};

/// Name of the database in the folder.
pub(super) const DATABASE: &str = "store.sqlite3";
const LOCK: &str = "open.lock";
const RESERVE: &str = "reserve";

/// An open store.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) database: PathBuf,
    pub(super) platform: Platform,
    // Dropped in this order: the writer's connection closes last, which empties SQLite's log.
    pub(super) readers: Arc<Readers>,
    pub(super) writer: Writer,
    pub(super) blobs: Arc<Blobs>,
    pub(super) events: Arc<Events>,
    pub(super) sweeps: Sweeps,
    /// Held while the store is open read-only.
    _lock: Option<Box<dyn DiskFile>>,
}

impl Shared {
    /// Opens a store, read-only if nothing can be written.
    pub(super) fn open(folder: &Path, platform: Platform) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(|e| storage(folder, "is not a path", e))?;
        let mut opened = Self::open_to_write(&folder, &platform);
        if opened.as_ref().is_err_and(|error| is_full(error)) {
            reserve(&folder, &platform).release();
            opened = Self::open_to_write(&folder, &platform);
        }
        match opened.map_err(|error| name_full_disk(error, &folder)) {
            Err(error) if is_unwritable(&error) => {
                let opened = Self::open_to_read(&folder, platform, &error);
                opened
                    .inspect_err(
                        |unread| tracing::debug!(error = %unread, "could not open the store read-only"),
                    )
                    .map_err(
                        // If the system does not allow reading either, the error of writing says more. A
                        // wrong format, or a lock of another process, is not an error of the system.
                        |unread| if unread.source().is_none() { unread } else { error },
                    )
            }
            opened => opened,
        }
    }

    fn open_to_write(folder: &Path, platform: &Platform) -> Result<Self> {
        let disk = &*platform.disk;
        create_folder(disk, folder)?;
        let database = folder.join(DATABASE);
        if disk.size(&database).is_err() {
            sync_folders_above(disk, folder)?;
        }
        let log = log_of(&database);
        let lock_path = folder.join(LOCK);
        for path in [&database, &log, &folder.join("store.sqlite3-shm"), &lock_path, &folder.join(RESERVE)] {
            disk.make_private(path).map_err(|e| storage(path, "cannot be made private to its owner", e))?;
        }
        // Only one process at a time creates what is missing.
        let lock =
            disk.open(&lock_path, Open::Create).map_err(|e| storage(&lock_path, "cannot be opened", e))?;
        wait_for_lock(platform, &lock_path, || lock.try_lock())?;
        let folders = Blobs::folders(folder);
        for inner in &folders {
            create_folder(disk, inner)?;
        }
        let [_, _, instances] = folders;
        // SQLite would create the database readable for everybody, and gives its log the same mode. It also
        // does not say why a file cannot be opened: if the error is temporary, the store must not be opened
        // read-only.
        for path in [&database, &log] {
            disk.open(path, Open::Create).map_err(|e| storage(path, "cannot be opened", e))?;
        }
        let connection = database::open(platform, &database)?;
        disk.sync_folder(folder).map_err(|e| storage(folder, "cannot be synced", e))?;
        let instance = Instance::register(Arc::clone(&platform.disk), &instances, || {
            random_hex(&connection).map_err(|error| Failure::from(error).into())
        })?;
        let reserve = reserve(folder, platform);
        reserve.fill();
        let blobs = Arc::new(Blobs::new(folder, platform, Ok(instance)));
        let events = Arc::new(Events::default());
        let writer =
            Writer::start(connection, Arc::clone(&blobs), Arc::clone(&events), reserve, folder.to_owned())
                .map_err(|e| storage(folder, "cannot be opened, because no thread could be started", e))?;
        let readers = Arc::new(Readers::new(platform.clone(), database.clone(), Access::Write));
        Ok(Self {
            folder: folder.to_owned(),
            database,
            platform: platform.clone(),
            readers,
            writer,
            blobs,
            events,
            sweeps: Sweeps::default(),
            _lock: None,
        })
    }

    /// Opens an existing store read-only. While it is open, no process can open it to write.
    fn open_to_read(folder: &Path, platform: Platform, reason: &Error) -> Result<Self> {
        let disk = &*platform.disk;
        let lock_path = folder.join(LOCK);
        // If the lock can be neither created nor read, nobody can write.
        let lock = disk.open(&lock_path, Open::Create).or_else(|_| disk.open(&lock_path, Open::Read)).ok();
        if let Some(lock) = &lock {
            wait_for_lock(&platform, &lock_path, || lock.try_lock_shared())?;
        }
        let database = folder.join(DATABASE);
        // An empty log is left if there was no room for the file that SQLite needs next to it. A writer has
        // that file.
        let log = disk.size(&log_of(&database)).ok();
        let shared = log.map(|_| check_version(&platform, &database, Access::Read));
        let access = match shared {
            Some(Ok(())) => Access::Read,
            Some(Err(error)) if log > Some(0) => return Err(error),
            _ => {
                check_version(&platform, &database, Access::ReadUnchanging)?;
                Access::ReadUnchanging
            }
        };
        let refusal = Error::new(
            ErrorKind::Storage,
            format!("the store in {} is open read-only: {}", folder.display(), reason.message()),
        )
        .with_source(reason.clone());
        tracing::warn!("{}", refusal.message());
        let blobs = Arc::new(Blobs::new(folder, &platform, Err(refusal.clone())));
        let writer = Writer::refusing(refusal, reserve(folder, &platform), folder.to_owned());
        let readers = Arc::new(Readers::new(platform.clone(), database.clone(), access));
        Ok(Self {
            folder: folder.to_owned(),
            database,
            platform,
            readers,
            writer,
            blobs,
            events: Arc::default(),
            sweeps: Sweeps::default(),
            _lock: lock,
        })
    }
}

fn reserve(folder: &Path, platform: &Platform) -> Reserve {
    Reserve::new(folder.join(RESERVE), Arc::clone(&platform.disk))
}

/// Waits for other processes that open the store, or have it open read-only.
fn wait_for_lock(
    platform: &Platform,
    path: &Path,
    try_lock: impl Fn() -> std::result::Result<(), TryLockError>,
) -> Result<()> {
    let threads = &platform.threads;
    let began = threads.monotonic();
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(storage(path, "cannot be locked", error)),
            Err(TryLockError::WouldBlock) => threads.pause(BUSY_INTERVAL),
        }
        if threads.monotonic().saturating_sub(began) >= MAX_WAIT_FOR_TRANSACTION {
            return Err(Error::new(
                ErrorKind::Storage,
                format!(
                    "{} is locked: another process is opening the store, or has it open read-only",
                    path.display()
                ),
            ));
        }
    }
}

/// Creates a folder and its parents, accessible to their owner only, so that their names survive a power
/// failure.
pub(super) fn create_folder(disk: &dyn Disk, folder: &Path) -> Result<()> {
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

/// Makes the name of a folder and those of its parents survive a power failure. A killed process may have
/// created them without syncing them.
pub(super) fn sync_folders_above(disk: &dyn Disk, folder: &Path) -> Result<()> {
    use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    for above in folder.ancestors().skip(1) {
        match disk.sync_folder(above) {
            // `create_folder` creates nothing in a folder that cannot be synced.
            Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => {}
            result => result.map_err(|e| storage(above, "cannot be synced", e))?,
        }
    }
    Ok(())
}
