//! SQLite's write-ahead log: its path, and how to sync it after a failed sync.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Open};

/// Number of bytes that are written at a time.
const BUFFER: usize = 256 * 1024;

/// Path of the log of a database.
pub(super) fn log_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// Writes the log once more, the same bytes in the same places, and syncs it.
///
/// When a sync fails, a system may discard what it could not write. The next sync then succeeds, while
/// everybody still reads the bytes from memory. A power failure would lose all commits after such a hole.
/// Only bytes that are written again are synced again.
///
/// The caller must be in a write transaction, so that nobody else changes the log.
pub(super) fn write_again(disk: &dyn Disk, log: &Path) -> io::Result<()> {
    let (mut written, mut file) = (disk.open(log, Open::Read)?, disk.open(log, Open::Write)?);
    let mut buffer = vec![0; BUFFER];
    let mut offset = 0;
    loop {
        let length = match written.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&buffer[..length])?;
        offset += length as u64;
    }
    file.sync()
}
