//! Machines with a disk in memory that records what is synced.

mod content;
mod event;
mod files;
mod process;
#[cfg(test)]
mod tests;
pub(crate) mod vfs;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use self::event::{Event, What};
pub(crate) use self::files::Files;
use self::files::Inode;
pub(crate) use self::process::{Access, ProcessDisk};
use self::vfs::Region;
use crate::trace;

/// Size of a region of the memory that SQLite's connections share, in bytes.
pub(crate) const REGION: usize = 32 * 1024;

/// The name of the counter of disk faults.
const DISK_FAULTS: &str = "disk faults";

/// A machine: a disk, the processes on it, and their open files.
#[derive(Clone)]
pub(crate) struct Machine(Arc<Mutex<State>>);

pub(crate) type ProcessId = u32;
pub(crate) type HandleId = u64;

/// A callback for each change, with the disk after it.
pub(crate) type Log = Box<dyn FnMut(&Event<'_>, &Files) + Send>;

/// The faults of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// How often reading fails.
    pub(crate) read: f64,
    /// How often writing fails, possibly after a part of it.
    pub(crate) write: f64,
    /// How often a sync fails. Changes that were not synced before may never be.
    pub(crate) sync: f64,
    /// How often creating, linking, renaming or removing a file fails.
    pub(crate) names: f64,
    /// The size of the disk, in bytes.
    pub(crate) capacity: Option<u64>,
}

impl Faults {
    /// Lets each operation fail with this probability.
    pub(crate) fn each(share: f64) -> Self {
        Self { read: share, write: share, sync: share, names: share, capacity: None }
    }
}

struct State {
    files: Files,
    processes: BTreeMap<ProcessId, Process>,
    next_process: ProcessId,
    handles: BTreeMap<HandleId, Handle>,
    next_handle: HandleId,
    /// The memory that connections to a database share.
    shared: BTreeMap<Inode, Vec<Arc<Region>>>,
    faults: Faults,
    rng: fastrand::Rng,
    log: Option<Log>,
}

/// A running process.
#[derive(Debug, Default)]
struct Process {
    /// How many more changes it makes before it is killed.
    changes_left: Option<u64>,
}

/// An open file.
#[derive(Debug)]
struct Handle {
    process: ProcessId,
    inode: Inode,
    path: Arc<Path>,
    /// The lock of `flock`, exclusive or shared.
    lock: Option<Exclusive>,
    /// The level of SQLite's lock.
    level: i32,
    /// If it shares memory: the locks of that memory.
    shared: Option<SharedLocks>,
    /// Whether the first sync of the file also syncs the folder, as SQLite does for its journals.
    syncs_folder: bool,
}

type Exclusive = bool;

#[derive(Debug, Clone, Copy, Default)]
struct SharedLocks {
    shared: u32,
    exclusive: u32,
}

impl Machine {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_files(Files::new(), seed)
    }

    /// Creates a machine with this disk and no processes.
    pub(crate) fn with_files(files: Files, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            files,
            processes: BTreeMap::new(),
            next_process: 0,
            handles: BTreeMap::new(),
            next_handle: 0,
            shared: BTreeMap::new(),
            faults: Faults::default(),
            rng: fastrand::Rng::with_seed(seed),
            log: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process.
    pub(crate) fn process(&self) -> ProcessDisk {
        let mut state = self.state();
        let id = state.next_process;
        state.next_process += 1;
        state.processes.insert(id, Process::default());
        ProcessDisk::new(self.clone(), id)
    }

    /// Ends all processes, and keeps a possible content of the disk.
    pub(crate) fn power_loss(&self, rng: &mut fastrand::Rng) {
        let mut state = self.state();
        let living: Vec<_> = state.processes.keys().copied().collect();
        for process in living {
            state.kill(process);
        }
        state.files = state.files.after_power_loss(rng);
        state.note(None, Path::new("/"), What::PowerLoss);
    }

    /// Sets the faults from now on.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Makes the disk full after this many more bytes. Setting other faults ends this.
    pub(crate) fn full_after(&self, bytes: u64) {
        let mut state = self.state();
        state.faults.capacity = Some(state.allocated() + bytes);
    }

    /// Sets a callback for each change.
    pub(crate) fn set_log(&self, log: Option<Log>) {
        self.state().log = log;
    }

    /// Returns the names in a folder.
    pub(crate) fn list(&self, folder: impl AsRef<Path>) -> io::Result<Vec<String>> {
        self.state().files.list(folder.as_ref())
    }

    /// Returns the bytes of a file, as processes see it.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        Ok(self.state().files.content(path.as_ref())?.bytes())
    }

    /// Returns the number of bytes that all files occupy.
    #[cfg(test)]
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.state().allocated()
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Machine")
    }
}

fn killed() -> io::Error {
    io::Error::other("the process was killed")
}

fn injected() -> io::Error {
    io::Error::other("the disk failed (EIO)")
}

impl State {
    /// Records a change. The process may end with it.
    fn note(&mut self, process: Option<ProcessId>, path: &Path, what: What<'_>) {
        let event = Event { process, path, what };
        trace::line(format_args!("{event}"));
        if let Some(log) = &mut self.log {
            log(&event, &self.files);
        }
        let Some(process) = process else { return };
        if let Some(Process { changes_left: Some(left) }) = self.processes.get_mut(&process) {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => self.kill(process),
            }
        }
    }

    fn kill(&mut self, process: ProcessId) {
        if self.processes.remove(&process).is_none() {
            return;
        }
        let mut inodes = BTreeSet::new();
        self.handles.retain(|_, handle| {
            let is_of_it = handle.process == process;
            if is_of_it {
                inodes.insert(handle.inode);
            }
            !is_of_it
        });
        for inode in inodes {
            self.forget_shared(inode);
        }
        self.note(None, Path::new("/"), What::Killed(process));
    }

    fn living(&self, process: ProcessId) -> io::Result<()> {
        self.processes.get(&process).map(drop).ok_or_else(killed)
    }

    fn open_inodes(&self) -> BTreeSet<Inode> {
        self.handles.values().map(|handle| handle.inode).collect()
    }

    fn allocated(&self) -> u64 {
        let shared: usize = self.shared.values().map(|regions| regions.len() * REGION).sum();
        self.files.allocated(&self.open_inodes()) + shared as u64
    }

    /// Returns how many more bytes fit on the disk.
    fn room(&self) -> u64 {
        match self.faults.capacity {
            Some(capacity) => capacity.saturating_sub(self.allocated()),
            None => u64::MAX,
        }
    }

    fn fails(&mut self, probability: f64) -> bool {
        let fails = probability > 0.0 && self.rng.f64() < probability;
        if fails {
            trace::count(DISK_FAULTS);
        }
        fails
    }

    fn fault(&mut self, probability: f64) -> io::Result<()> {
        if self.fails(probability) { Err(injected()) } else { Ok(()) }
    }

    fn open(&mut self, process: ProcessId, inode: Inode, path: &Path) -> HandleId {
        let id = self.next_handle;
        self.next_handle += 1;
        let handle = Handle {
            process,
            inode,
            path: path.into(),
            lock: None,
            level: 0,
            shared: None,
            syncs_folder: false,
        };
        self.handles.insert(id, handle);
        id
    }

    fn close(&mut self, handle: HandleId) {
        if let Some(handle) = self.handles.remove(&handle) {
            self.forget_shared(handle.inode);
        }
    }

    /// Frees the memory that connections share when the last one has ended.
    fn forget_shared(&mut self, inode: Inode) {
        if !self.handles.values().any(|handle| handle.inode == inode && handle.shared.is_some()) {
            self.shared.remove(&inode);
        }
    }

    fn handle(&mut self, handle: HandleId) -> io::Result<&mut Handle> {
        self.handles.get_mut(&handle).ok_or_else(killed)
    }

    /// Returns the other open handles of the same file.
    fn others(&self, handle: HandleId) -> impl Iterator<Item = &Handle> {
        let inode = self.handles.get(&handle).map(|handle| handle.inode);
        self.handles
            .iter()
            .filter(move |(id, other)| **id != handle && Some(other.inode) == inode)
            .map(|(_, h)| h)
    }

    fn read(&mut self, handle: HandleId, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let inode = self.handle(handle)?.inode;
        self.fault(self.faults.read)?;
        Ok(self.files.file(inode)?.content.read(offset, bytes))
    }

    /// Writes bytes, or as many as fit.
    fn write(&mut self, handle: HandleId, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let Handle { process, inode, path, .. } = self.handle(handle)?;
        let (process, inode, path) = (*process, *inode, Arc::clone(path));
        let mut bytes = bytes;
        let fails = self.fails(self.faults.write);
        if fails {
            bytes = &bytes[..self.rng.usize(0..=bytes.len())];
        }
        if self.faults.capacity.is_some() {
            let end = self.files.file(inode)?.content.allocated().saturating_add(self.room() / 4096 * 4096);
            let fitting = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
            if fitting == 0 && !bytes.is_empty() {
                trace::count(DISK_FAULTS);
                return Err(io::ErrorKind::StorageFull.into());
            }
            bytes = &bytes[..fitting];
        }
        if !bytes.is_empty() {
            self.files.file_mut(inode)?.write(offset, bytes);
            self.note(Some(process), &path, What::Write { offset, length: bytes.len() });
            self.living(process)?;
        }
        if fails { Err(injected()) } else { Ok(bytes.len()) }
    }

    fn truncate(&mut self, handle: HandleId, size: u64) -> io::Result<()> {
        let Handle { process, inode, path, .. } = self.handle(handle)?;
        let (process, inode, path) = (*process, *inode, Arc::clone(path));
        self.fault(self.faults.write)?;
        self.files.file_mut(inode)?.truncate(size);
        self.note(Some(process), &path, What::Truncate(size));
        self.living(process)
    }

    fn sync(&mut self, handle: HandleId) -> io::Result<()> {
        let Handle { process, inode, path, syncs_folder, .. } = self.handle(handle)?;
        let (process, inode, path) = (*process, *inode, Arc::clone(path));
        let syncs_folder = std::mem::take(syncs_folder);
        if self.fails(self.faults.sync) {
            let mut rng = self.rng.fork();
            self.files.file_mut(inode)?.fail_sync(&mut rng);
            self.note(Some(process), &path, What::FailedSync);
            return Err(injected());
        }
        if !self.files.file(inode)?.is_clean() {
            self.files.file_mut(inode)?.sync();
            self.note(Some(process), &path, What::Sync);
            self.living(process)?;
        }
        if syncs_folder && let Some(folder) = path.parent() {
            // SQLite ignores whether this sync succeeds.
            let _ = self.sync_folder(process, folder);
        }
        self.living(process)
    }

    fn sync_folder(&mut self, process: ProcessId, folder: &Path) -> io::Result<()> {
        self.fault(self.faults.sync)?;
        let open = self.open_inodes();
        self.files.sync_folder(folder, &open)?;
        self.note(Some(process), folder, What::SyncFolder);
        self.living(process)
    }

    fn create(&mut self, process: ProcessId, path: &Path) -> io::Result<Inode> {
        self.fault(self.faults.names)?;
        let inode = self.files.create(path)?;
        self.note(Some(process), path, What::Create);
        self.living(process)?;
        Ok(inode)
    }

    /// Removes a file. Returns whether it existed.
    fn remove(&mut self, process: ProcessId, path: &Path) -> io::Result<bool> {
        self.fault(self.faults.names)?;
        let was_there = self.files.remove(path)?;
        if was_there {
            self.note(Some(process), path, What::Remove);
            self.living(process)?;
        }
        Ok(was_there)
    }
}

/// The path of a file without a name.
fn anonymous() -> PathBuf {
    PathBuf::from("(temporary)")
}
