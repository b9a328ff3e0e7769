//! The disk as a process sees it.

use std::ffi::OsString;
use std::fmt;
use std::fs::TryLockError;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use cloudflare_clients::simulation::{Disk, DiskFile, Open};
use rusqlite::{Connection, OpenFlags};

use super::{
    DISK_FAULTS, HandleId, Machine, Process, ProcessId, REGION, SharedLocks, State, What, anonymous,
};
use crate::disk::vfs::{Region, Vfs};
use crate::trace;

/// The disk of a machine for one process. After the process was killed, nothing reaches the disk.
#[derive(Clone)]
pub(crate) struct ProcessDisk {
    access: Access,
    vfs: Arc<Vfs>,
}

/// The access of a process to the disk of its machine.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    machine: Machine,
    process: ProcessId,
}

impl ProcessDisk {
    pub(super) fn new(machine: Machine, process: ProcessId) -> Self {
        let access = Access { machine, process };
        Self { vfs: Vfs::register(access.clone()), access }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.access.machine
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.access.is_alive()
    }

    /// Kills the process: all of its operations fail from now on without an effect, and its locks are
    /// released. Its writes remain.
    pub(crate) fn kill(&self) {
        self.access.machine.state().kill(self.access.process);
    }

    /// Kills the process in the middle of a change of the disk, after `changes` complete ones.
    pub(crate) fn kill_after(&self, changes: u64) {
        if let Some(process) = self.access.machine.state().processes.get_mut(&self.access.process) {
            *process = Process { changes_left: Some(changes) };
        }
    }

    fn act<T>(&self, act: impl FnOnce(&mut State, ProcessId) -> io::Result<T>) -> io::Result<T> {
        self.access.act(act)
    }
}

impl fmt::Debug for ProcessDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessDisk").field("process", &self.access.process).finish_non_exhaustive()
    }
}

impl Disk for ProcessDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let handle = self.act(|state, process| {
            let inode = match (state.files.find(path), how) {
                (Ok(_), Open::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
                (Err(error), Open::Create | Open::CreateNew) if error.kind() == io::ErrorKind::NotFound => {
                    state.create(process, path)?
                }
                (inode, _) => inode?,
            };
            state.files.file(inode)?;
            Ok(state.open(process, inode, path))
        })?;
        Ok(Box::new(OpenFile { access: self.access.clone(), handle, position: 0, writes: how != Open::Read }))
    }

    fn make_private(&self, path: &Path) -> io::Result<()> {
        self.act(|state, _| match state.files.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            inode => state.files.file(inode?).map(drop),
        })
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.act(|state, _| Ok(state.files.content(path)?.size()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.act(|state, process| {
            state.fault(state.faults.names)?;
            state.files.rename(from, to)?;
            state.note(Some(process), from, What::Rename { to });
            state.living(process)
        })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.act(|state, process| {
            state.fault(state.faults.names)?;
            state.files.link(from, to)?;
            state.note(Some(process), from, What::Link { to });
            state.living(process)
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.act(|state, process| state.remove(process, path).map(drop))
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.act(|state, _| Ok(state.files.is_folder(path))).unwrap_or(false)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.act(|state, process| {
            state.fault(state.faults.names)?;
            state.files.create_folder(folder)?;
            state.note(Some(process), folder, What::CreateFolder);
            state.living(process)
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.act(|state, _| Ok(state.files.list(folder)?.into_iter().map(OsString::from).collect()))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.act(|state, process| state.sync_folder(process, folder))
    }

    fn connect(&self, path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
        Connection::open_with_flags_and_vfs(path, flags, self.vfs.name())
    }

    fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch("COMMIT")
    }
}

/// An open file.
#[derive(Debug)]
struct OpenFile {
    access: Access,
    handle: HandleId,
    position: u64,
    writes: bool,
}

impl OpenFile {
    fn try_lock_as(&self, exclusive: bool) -> Result<(), TryLockError> {
        let locked = self.access.act(|state, _| {
            let taken = state.others(self.handle).filter_map(|other| other.lock);
            let is_free = taken.fold(true, |free, other| free && !other && !exclusive);
            if is_free {
                state.handle(self.handle)?.lock = Some(exclusive);
            }
            Ok(is_free)
        });
        match locked {
            Ok(true) => Ok(()),
            Ok(false) => Err(TryLockError::WouldBlock),
            Err(error) => Err(TryLockError::Error(error)),
        }
    }
}

impl DiskFile for OpenFile {
    fn sync(&self) -> io::Result<()> {
        self.access.sync(self.handle)
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        self.try_lock_as(true)
    }

    fn try_lock_shared(&self) -> Result<(), TryLockError> {
        self.try_lock_as(false)
    }

    fn unlock(&self) -> io::Result<()> {
        self.access.act(|state, _| {
            state.handle(self.handle)?.lock = None;
            Ok(())
        })
    }
}

impl Read for OpenFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.access.read(self.handle, self.position, bytes)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.writes {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let written = self.access.write(self.handle, self.position, bytes)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for OpenFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.access.size(self.handle)?.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.access.close(self.handle);
    }
}

/// The operations that SQLite needs.
impl Access {
    fn act<T>(&self, act: impl FnOnce(&mut State, ProcessId) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.machine.state();
        state.living(self.process)?;
        act(&mut state, self.process)
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.act(|_, _| Ok(())).is_ok()
    }

    /// Opens a file, or creates one without a name. `journal` means that its name is synced together with its
    /// bytes.
    pub(crate) fn open(
        &self,
        path: Option<&Path>,
        create: bool,
        exclusive: bool,
        journal: bool,
    ) -> io::Result<HandleId> {
        self.act(|state, process| {
            let Some(path) = path else {
                let inode = state.files.create_anonymous();
                return Ok(state.open(process, inode, &anonymous()));
            };
            let inode = match state.files.find(path) {
                Ok(_) if exclusive => return Err(io::ErrorKind::AlreadyExists.into()),
                Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
                    state.create(process, path)?
                }
                inode => inode?,
            };
            state.files.file(inode)?;
            let handle = state.open(process, inode, path);
            state.handle(handle)?.syncs_folder = journal;
            Ok(handle)
        })
    }

    pub(crate) fn close(&self, handle: HandleId) {
        self.machine.state().close(handle);
    }

    pub(crate) fn read(&self, handle: HandleId, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.act(|state, _| state.read(handle, offset, bytes))
    }

    pub(crate) fn write(&self, handle: HandleId, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.act(|state, _| state.write(handle, offset, bytes))
    }

    pub(crate) fn truncate(&self, handle: HandleId, size: u64) -> io::Result<()> {
        self.act(|state, _| state.truncate(handle, size))
    }

    pub(crate) fn sync(&self, handle: HandleId) -> io::Result<()> {
        self.act(|state, _| state.sync(handle))
    }

    pub(crate) fn size(&self, handle: HandleId) -> io::Result<u64> {
        self.act(|state, _| {
            let inode = state.handle(handle)?.inode;
            Ok(state.files.file(inode)?.content.size())
        })
    }

    /// Whether a file exists and is not empty, which is how SQLite defines it.
    pub(crate) fn is_there(&self, path: &Path) -> io::Result<bool> {
        self.act(|state, _| {
            let is_empty = state.files.content(path).is_ok_and(|content| content.size() == 0);
            Ok(!is_empty && state.files.find(path).is_ok())
        })
    }

    /// Removes a file. Returns whether it existed.
    pub(crate) fn remove(&self, path: &Path, syncs_folder: bool) -> io::Result<bool> {
        self.act(|state, process| {
            let was_there = state.remove(process, path)?;
            if syncs_folder && let Some(folder) = path.parent() {
                state.sync_folder(process, folder)?;
            }
            Ok(was_there)
        })
    }

    /// Takes a SQLite lock of this level. Returns whether it was free.
    pub(crate) fn lock(&self, handle: HandleId, level: i32) -> io::Result<bool> {
        const SHARED: i32 = 1;
        const RESERVED: i32 = 2;
        const PENDING: i32 = 3;
        self.act(|state, _| {
            let own = state.handle(handle)?.level;
            if own >= level {
                return Ok(true);
            }
            let highest = state.others(handle).map(|other| other.level).max().unwrap_or_default();
            let reached = match level {
                SHARED if highest < PENDING => SHARED,
                RESERVED if highest < RESERVED => RESERVED,
                level if level >= PENDING && highest < RESERVED => {
                    if highest >= SHARED {
                        PENDING
                    } else {
                        level
                    }
                }
                _ => return Ok(false),
            };
            state.handle(handle)?.level = reached;
            Ok(reached == level)
        })
    }

    pub(crate) fn unlock(&self, handle: HandleId, level: i32) -> io::Result<()> {
        self.act(|state, _| {
            let own = &mut state.handle(handle)?.level;
            *own = level.min(*own);
            Ok(())
        })
    }

    /// Whether any connection is about to write.
    pub(crate) fn is_reserved(&self, handle: HandleId) -> io::Result<bool> {
        const RESERVED: i32 = 2;
        self.act(|state, _| {
            Ok(state.handle(handle)?.level >= RESERVED
                || state.others(handle).any(|other| other.level >= RESERVED))
        })
    }

    /// Returns a region of the memory that the connections to a database share. `make` creates a missing one.
    pub(crate) fn region(
        &self,
        handle: HandleId,
        index: usize,
        make: bool,
    ) -> io::Result<Option<Arc<Region>>> {
        self.act(|state, _| {
            let handle = state.handle(handle)?;
            handle.shared.get_or_insert_default();
            let inode = handle.inode;
            while make && state.shared.get(&inode).is_none_or(|regions| regions.len() <= index) {
                if state.room() < REGION as u64 {
                    trace::count(DISK_FAULTS);
                    return Err(io::ErrorKind::StorageFull.into());
                }
                state.shared.entry(inode).or_default().push(Arc::default());
            }
            Ok(state.shared.get(&inode).and_then(|regions| regions.get(index)).cloned())
        })
    }

    /// Takes locks of that memory. Returns whether they were free.
    pub(crate) fn lock_shared(&self, handle: HandleId, locks: u32, exclusive: bool) -> io::Result<bool> {
        self.act(|state, _| {
            let is_taken = |other: SharedLocks| {
                locks & (other.exclusive | if exclusive { other.shared } else { 0 }) != 0
            };
            if state.others(handle).filter_map(|other| other.shared).any(is_taken) {
                return Ok(false);
            }
            let own = state.handle(handle)?.shared.get_or_insert_default();
            if exclusive {
                own.exclusive |= locks;
            } else {
                own.shared |= locks;
            }
            Ok(true)
        })
    }

    pub(crate) fn unlock_shared(&self, handle: HandleId, locks: u32) -> io::Result<()> {
        self.act(|state, _| {
            let own = state.handle(handle)?.shared.get_or_insert_default();
            own.exclusive &= !locks;
            own.shared &= !locks;
            Ok(())
        })
    }

    /// Detaches the connection from that memory.
    pub(crate) fn unmap(&self, handle: HandleId) -> io::Result<()> {
        self.act(|state, _| {
            let handle = state.handle(handle)?;
            handle.shared = None;
            let inode = handle.inode;
            state.forget_shared(inode);
            Ok(())
        })
    }
}
