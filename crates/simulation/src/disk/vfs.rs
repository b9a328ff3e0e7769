//! SQLite on the disk of a machine: a VFS per process.
//!
//! Within a process of the operating system, SQLite has one list of VFSs and one random number generator. The
//! simulation must therefore use a single thread of it.
#![expect(unsafe_code, reason = "a VFS is functions in C that SQLite calls")]

use std::cell::{RefCell, UnsafeCell};
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::{Access, HandleId, REGION};

/// The sector size that SQLite assumes.
const SECTOR: c_int = 4096;

/// The time that SQLite sees, in days of the Julian calendar. The store takes the time from the platform.
const NOW: i32 = 2_461_421;
const MILLIS_OF_DAY: i64 = 86_400_000;

thread_local! {
    static RANDOM: RefCell<fastrand::Rng> = const { RefCell::new(fastrand::Rng::with_seed(0)) };
}

/// Starts a run: SQLite's random numbers are the same for the same seed.
pub(crate) fn seed(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let for_sqlite = rng.i32(1..);
    RANDOM.set(rng);
    // SAFETY: The arguments are those that SQLite documents for this control: an `int`, and a connection or
    // NULL.
    unsafe {
        ffi::sqlite3_initialize();
        ffi::sqlite3_test_control(
            ffi::SQLITE_TESTCTRL_PRNG_SEED,
            for_sqlite,
            ptr::null_mut::<ffi::sqlite3>(),
        );
    }
}

/// A part of the memory that connections to a database share. Only SQLite reads and writes it, by its own
/// rules.
#[repr(C, align(8))]
pub(crate) struct Region(UnsafeCell<[u8; REGION]>);

// SAFETY: No reference to the bytes is ever created here. SQLite synchronizes with locks and atomic
// operations.
unsafe impl Send for Region {}
// SAFETY: As above.
unsafe impl Sync for Region {}

impl Default for Region {
    #[expect(clippy::large_stack_arrays, reason = "it has 32 KiB and is moved to the heap immediately")]
    fn default() -> Self {
        Self(UnsafeCell::new([0; REGION]))
    }
}

/// The VFS of a process. It is registered as long as the process or one of its open files refers to it.
pub(crate) struct Vfs {
    name: CString,
    /// Passed to SQLite, and owned by this.
    raw: *mut sqlite3_vfs,
    access: Access,
    this: Weak<Self>,
}

// SAFETY: Only SQLite changes the pointer, under its mutex.
unsafe impl Send for Vfs {}
// SAFETY: As above.
unsafe impl Sync for Vfs {}

impl Vfs {
    pub(crate) fn register(access: Access) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("simulated-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let vfs = Arc::new_cyclic(|this: &Weak<Self>| {
            let name = CString::new(name).unwrap_or_default();
            let raw = Box::into_raw(Box::new(sqlite3_vfs {
                iVersion: 2,
                szOsFile: size_of::<File>().try_into().unwrap_or(c_int::MAX),
                mxPathname: 1024,
                pNext: ptr::null_mut(),
                zName: name.as_ptr(),
                pAppData: this.as_ptr().cast_mut().cast(),
                xOpen: Some(open),
                xDelete: Some(delete),
                xAccess: Some(access_file),
                xFullPathname: Some(full_pathname),
                xDlOpen: None,
                xDlError: None,
                xDlSym: None,
                xDlClose: None,
                xRandomness: Some(randomness),
                xSleep: Some(sleep),
                xCurrentTime: Some(current_time),
                xGetLastError: Some(last_error),
                xCurrentTimeInt64: Some(current_time_int64),
                xSetSystemCall: None,
                xGetSystemCall: None,
                xNextSystemCall: None,
            }));
            Self { name, raw, access, this: this.clone() }
        });
        // SAFETY: It does not move until it is unregistered, and everything that it points to lives as long.
        unsafe { ffi::sqlite3_vfs_register(vfs.raw, 0) };
        vfs
    }

    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }
}

impl Drop for Vfs {
    fn drop(&mut self) {
        // SAFETY: None of its files is open any more, and so no connection is. The box is the one of
        // `register`.
        unsafe {
            ffi::sqlite3_vfs_unregister(self.raw);
            drop(Box::from_raw(self.raw));
        }
    }
}

impl fmt::Debug for Vfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vfs").field(&self.name).finish()
    }
}

/// An open file, in memory that SQLite owns.
#[repr(C)]
struct File {
    base: sqlite3_file,
    inner: *mut Inner,
}

struct Inner {
    access: Access,
    handle: HandleId,
    /// The regions that SQLite has pointers to. They stay until it has closed the file.
    regions: Vec<Arc<Region>>,
    /// Removed when the file is closed.
    temporary: Option<CString>,
    vfs: Arc<Vfs>,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Converts a result to an error code of SQLite.
fn code(result: io::Result<()>, failed: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => ffi::SQLITE_FULL,
        Err(_) => failed,
    }
}

fn path_of(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}

/// Returns the process of a VFS.
///
/// # Safety
/// It must be a VFS of [`Vfs::register`] that is still alive.
unsafe fn vfs_of<'a>(vfs: *mut sqlite3_vfs) -> &'a Vfs {
    // SAFETY: `pAppData` points to the `Vfs` that owns this.
    unsafe { &*(*vfs).pAppData.cast::<Vfs>() }
}

/// Returns the state of a file of SQLite's.
///
/// # Safety
/// The file must be open, and no other reference to its state may be alive.
unsafe fn inner<'a>(file: *mut sqlite3_file) -> &'a mut Inner {
    // SAFETY: `open` has stored it there. SQLite uses a file from one thread at a time.
    unsafe { &mut *(*file.cast::<File>()).inner }
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes its own VFS, a zero-terminated name or NULL, and memory of the announced size.
    unsafe {
        (*file).pMethods = ptr::null();
        let vfs = vfs_of(vfs);
        let name = (!name.is_null()).then(|| CStr::from_ptr(name));
        let is = |flag: c_int| flags & flag != 0;
        let journal = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
        let create = is(ffi::SQLITE_OPEN_CREATE);
        let opened =
            vfs.access.open(name.map(path_of), create, is(ffi::SQLITE_OPEN_EXCLUSIVE), create && is(journal));
        let (Ok(handle), Some(this)) = (opened, vfs.this.upgrade()) else {
            return ffi::SQLITE_CANTOPEN;
        };
        let temporary = name.filter(|_| is(ffi::SQLITE_OPEN_DELETEONCLOSE)).map(CStr::to_owned);
        let inner = Inner { access: vfs.access.clone(), handle, regions: Vec::new(), temporary, vfs: this };
        (*file.cast::<File>()).inner = Box::into_raw(Box::new(inner));
        (*file).pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file once, and does not use it afterwards.
    let inner = unsafe {
        (*file).pMethods = ptr::null();
        Box::from_raw((*file.cast::<File>()).inner)
    };
    let Inner { access, handle, regions, temporary, vfs } = *inner;
    access.close(handle);
    if let Some(name) = temporary {
        // Nobody needs the temporary file, so a failure is ignored.
        let _ = access.remove(path_of(&name), false);
    }
    drop((regions, vfs));
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    bytes: *mut c_void,
    length: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file, and memory of that length.
    let (inner, bytes) = unsafe {
        let length = usize::try_from(length).unwrap_or_default();
        (inner(file), std::slice::from_raw_parts_mut(bytes.cast::<u8>(), length))
    };
    match inner.access.read(inner.handle, offset.cast_unsigned(), bytes) {
        Ok(read) if read == bytes.len() => ffi::SQLITE_OK,
        Ok(read) => {
            bytes[read..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file, and memory of that length.
    let (inner, mut bytes) = unsafe {
        let length = usize::try_from(length).unwrap_or_default();
        (inner(file), std::slice::from_raw_parts(bytes.cast::<u8>(), length))
    };
    let mut offset = offset.cast_unsigned();
    while !bytes.is_empty() {
        match inner.access.write(inner.handle, offset, bytes) {
            Ok(written) => {
                offset += written as u64;
                bytes = &bytes[written..];
            }
            Err(error) => return code(Err(error), ffi::SQLITE_IOERR_WRITE),
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes an open file.
    let inner = unsafe { inner(file) };
    code(inner.access.truncate(inner.handle, size.cast_unsigned()), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    let inner = unsafe { inner(file) };
    code(inner.access.sync(inner.handle), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes an open file, and a pointer for the size.
    let (inner, size_to) = unsafe { (inner(file), &mut *size) };
    let got = inner.access.size(inner.handle).map(|size| *size_to = size.cast_signed());
    code(got, ffi::SQLITE_IOERR_FSTAT)
}

/// Converts the result of taking a lock to a code of SQLite.
fn locked(taken: &io::Result<bool>, failed: c_int) -> c_int {
    match taken {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_BUSY,
        Err(_) => failed,
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    let inner = unsafe { inner(file) };
    locked(&inner.access.lock(inner.handle, level), ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    let inner = unsafe { inner(file) };
    code(inner.access.unlock(inner.handle, level), ffi::SQLITE_IOERR_UNLOCK)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, is_reserved: *mut c_int) -> c_int {
    // SAFETY: SQLite passes an open file, and a pointer for the answer.
    let (inner, answer) = unsafe { (inner(file), &mut *is_reserved) };
    let got = inner.access.is_reserved(inner.handle).map(|reserved| *answer = c_int::from(reserved));
    code(got, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK)
}

unsafe extern "C" fn file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    SECTOR
}

/// On Unix, SQLite assumes that a write interrupted by a power loss does not change other bytes of its
/// sectors. It does not assume that the write is atomic.
unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    index: c_int,
    size: c_int,
    extend: c_int,
    memory: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes an open file, and a pointer for the address.
    let (inner, memory) = unsafe {
        *memory = ptr::null_mut();
        (inner(file), &mut *memory)
    };
    let (Ok(index), true) = (usize::try_from(index), usize::try_from(size) == Ok(REGION)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    match inner.access.region(inner.handle, index, extend != 0) {
        Ok(Some(region)) => {
            *memory = region.0.get().cast();
            inner.regions.push(region);
            ffi::SQLITE_OK
        }
        Ok(None) => ffi::SQLITE_OK,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => ffi::SQLITE_IOERR_SHMSIZE,
        Err(_) => ffi::SQLITE_IOERR_SHMMAP,
    }
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    let inner = unsafe { inner(file) };
    let locks = ((1_u32 << count) - 1) << first;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        return code(inner.access.unlock_shared(inner.handle, locks), ffi::SQLITE_IOERR_SHMLOCK);
    }
    let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    locked(&inner.access.lock_shared(inner.handle, locks, exclusive), ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn shm_barrier(_: *mut sqlite3_file) {
    std::sync::atomic::fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite passes an open file, and does not use its regions any more.
    let inner = unsafe { inner(file) };
    let unmapped = inner.access.unmap(inner.handle);
    inner.regions.clear();
    code(unmapped, ffi::SQLITE_IOERR_SHMMAP)
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite passes its own VFS, and a zero-terminated name.
    let (vfs, name) = unsafe { (vfs_of(vfs), CStr::from_ptr(name)) };
    match vfs.access.remove(path_of(name), sync_folder != 0) {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(_) => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access_file(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes its own VFS, a zero-terminated name, and a pointer for the answer.
    let (vfs, name, answer) = unsafe { (vfs_of(vfs), CStr::from_ptr(name), &mut *answer) };
    let got = vfs.access.is_there(path_of(name)).map(|there| *answer = c_int::from(there));
    code(got, ffi::SQLITE_IOERR_ACCESS)
}

unsafe extern "C" fn full_pathname(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    full: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a zero-terminated name, and memory of that size.
    unsafe {
        let name = CStr::from_ptr(name).to_bytes_with_nul();
        if name.first() != Some(&b'/') || usize::try_from(size).is_ok_and(|size| size < name.len()) {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name.as_ptr().cast(), full, name.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut sqlite3_vfs, length: c_int, bytes: *mut c_char) -> c_int {
    // SAFETY: SQLite passes memory of that length.
    let bytes = unsafe {
        std::slice::from_raw_parts_mut(bytes.cast::<u8>(), usize::try_from(length).unwrap_or_default())
    };
    RANDOM.with_borrow_mut(|rng| rng.fill(bytes));
    length
}

unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, micros: c_int) -> c_int {
    micros
}

unsafe extern "C" fn current_time(_: *mut sqlite3_vfs, days: *mut f64) -> c_int {
    // SAFETY: SQLite passes a pointer for the time.
    unsafe { *days = f64::from(NOW) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut sqlite3_vfs, millis: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a pointer for the time.
    unsafe { *millis = i64::from(NOW) * MILLIS_OF_DAY };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(_: *mut sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
