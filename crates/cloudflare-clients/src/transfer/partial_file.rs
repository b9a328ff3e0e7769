//! The file next to its target that a download is written to.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::blocking::storage;
use super::pieces::Piece;
use super::read_checksums::PieceChecksums;
use crate::body::write_all;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Crc64Nvme, Hasher};

/// The longest file name that most file systems support, in bytes.
const MAX_NAME: usize = 255;

const PARTIAL: &str = ".partial";
const JOURNAL: &str = ".partial.download";

/// Whether the name is that of an unfinished download.
pub(super) fn is_partial(name: &str) -> bool {
    name.starts_with('.') && (name.ends_with(PARTIAL) || name.ends_with(JOURNAL))
}

/// A file that replaces the target when it is verified. All methods block.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    target: PathBuf,
    /// The open file, locked so that no other transfer treats it as left behind by a killed process.
    claimed: OnceLock<File>,
    /// Whether the file is kept when this value is dropped.
    keep: AtomicBool,
}

impl PartialFile {
    /// A partial file that can be resumed: its name is derived from the target's.
    pub(super) fn resumable(target: &Path) -> Self {
        Self::new(beside(target, PARTIAL), target, true)
    }

    /// A partial file that is removed when this value is dropped. It has the name of the resumable one, so
    /// that the next transfer finds it if the process is killed, unless that file belongs to another transfer
    /// or can be resumed.
    pub(super) fn temporary(target: &Path) -> Self {
        if !Self::journal_path(target).exists() {
            let partial = Self::new(beside(target, PARTIAL), target, false);
            // An error with this name occurs with the other name too.
            if let Ok(Some(file)) = claim(&partial.path) {
                let _ = partial.claimed.set(file);
                return partial;
            }
            partial.keep.store(true, Ordering::Relaxed);
        }
        Self::new(beside(target, &format!(".{:016x}{PARTIAL}", fastrand::u64(..))), target, false)
    }

    fn new(path: PathBuf, target: &Path, keep: bool) -> Self {
        Self { path, target: target.to_owned(), claimed: OnceLock::new(), keep: AtomicBool::new(keep) }
    }

    /// Removes a file that belongs to no transfer and no journal. Returns whether there was one.
    pub(super) fn remove_left_behind(target: &Path) -> Result<bool> {
        let partial = Self::resumable(target);
        if !partial.path.is_file() || partial.claim()?.is_none() {
            return Ok(false);
        }
        partial.remove()?;
        Ok(true)
    }

    /// Path of the journal of the resumable file.
    pub(super) fn journal_path(target: &Path) -> PathBuf {
        beside(target, JOURNAL)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the existing file if it has this size. Returns whether it does.
    pub(super) fn reopen(&self, size: u64) -> Result<bool> {
        let found = std::fs::symlink_metadata(&self.path);
        if !found.is_ok_and(|found| found.is_file() && found.len() == size) {
            return Ok(false);
        }
        self.claimed_file()?;
        Ok(true)
    }

    /// Creates the file, or clears it, and sets its size.
    pub(super) fn create(&self, size: u64) -> Result<()> {
        let file = self.claimed_file()?;
        // The old content is removed first.
        let made = file.set_len(0).and_then(|()| file.set_len(size));
        made.map_err(|error| storage(&self.path, "cannot be written", error))
    }

    fn claimed_file(&self) -> Result<&File> {
        if let Some(file) = self.claim()? {
            return Ok(file);
        }
        let message = format!(
            "another transfer uses the file {}: wait until it is done, or stop it",
            self.path.display()
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    fn claim(&self) -> Result<Option<&File>> {
        if self.claimed.get().is_none() {
            let claimed =
                claim(&self.path).map_err(|error| storage(&self.path, "cannot be written", error))?;
            let Some(file) = claimed else { return Ok(None) };
            let _ = self.claimed.set(file);
        }
        Ok(self.claimed.get())
    }

    pub(super) fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != IoErrorKind::NotFound => {
                Err(storage(&self.path, "cannot be removed", error))
            }
            _ => Ok(()),
        }
    }

    /// Syncs the file to disk and renames it to the target. Sets its modification time if `modified` is
    /// given.
    pub(super) fn finish(&self, modified: Option<SystemTime>) -> Result<()> {
        let failed = |error| storage(&self.target, "cannot be written", error);
        let file = OpenOptions::new().write(true).open(&self.path).map_err(failed)?;
        if let Some(modified) = modified {
            file.set_modified(modified).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        std::fs::rename(&self.path, &self.target).map_err(failed)?;
        self.keep.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the bytes and renames the file to the target. They are not synced to disk.
    pub(super) fn write_all(&self, bytes: &[u8], modified: SystemTime) -> Result<()> {
        let failed = |error| storage(&self.target, "cannot be written", error);
        let mut file = self.claimed_file()?;
        file.set_len(0).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.set_modified(modified).map_err(failed)?;
        std::fs::rename(&self.path, &self.target).map_err(failed)?;
        self.keep.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Returns a writer for one piece.
    pub(super) fn writer(&self, piece: Piece, with_md5: bool) -> Result<PieceWriter> {
        let failed = |error| storage(&self.path, "cannot be written", error);
        let mut file = OpenOptions::new().write(true).open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(piece.offset)).map_err(failed)?;
        let md5 = with_md5.then(Hasher::md5);
        Ok(PieceWriter { path: self.path.clone(), file, crc: Crc64Nvme::new(), md5 })
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !*self.keep.get_mut() {
            let _ = self.remove();
        }
    }
}

/// Writes a piece and hashes it.
#[derive(Debug)]
pub(super) struct PieceWriter {
    path: PathBuf,
    file: File,
    crc: Crc64Nvme,
    md5: Option<Hasher>,
}

impl PieceWriter {
    pub(super) fn write(&mut self, pieces: &[Bytes]) -> Result<()> {
        for bytes in pieces {
            self.crc.update(bytes);
            if let Some(md5) = &mut self.md5 {
                md5.update(bytes);
            }
        }
        write_all(&mut self.file, pieces).map_err(|error| storage(&self.path, "cannot be written", error))
    }

    pub(super) fn finish(self) -> PieceChecksums {
        PieceChecksums { crc64nvme: self.crc, other: self.md5.map(Hasher::finish) }
    }
}

/// Opens or creates the file, and locks it. `None` if another transfer has locked it.
#[cfg(unix)]
fn claim(path: &Path) -> std::io::Result<Option<File>> {
    loop {
        let file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => {
                // Symbolic links are not followed.
                match std::fs::symlink_metadata(path) {
                    Ok(found) if !found.is_file() => return Err(error),
                    _ => {}
                }
                match OpenOptions::new().write(true).open(path) {
                    Err(error) if error.kind() == IoErrorKind::NotFound => continue,
                    opened => opened?,
                }
            }
            made => made?,
        };
        if file.try_lock().is_err() {
            return Ok(None);
        }
        // The previous owner may have removed or renamed the file.
        if is_at(&file, path) {
            return Ok(Some(file));
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// On platforms where a lock would keep the process from writing by another handle, the file is not locked.
#[cfg(not(unix))]
fn claim(path: &Path) -> std::io::Result<Option<File>> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == IoErrorKind::AlreadyExists && path.is_file() => {
            OpenOptions::new().write(true).open(path).map(Some)
        }
        made => made.map(Some),
    }
}

/// A hidden name in the same folder.
fn beside(target: &Path, end: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    let mut hidden = std::ffi::OsString::from(".");
    if name.len() + end.len() < MAX_NAME {
        hidden.push(name);
    } else {
        let mut hash = hex::encode(Sha256::digest(name.as_encoded_bytes()));
        hash.truncate(32);
        hidden.push(hash);
    }
    hidden.push(end);
    target.with_file_name(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hidden_and_not_too_long() {
        assert_eq!(PartialFile::resumable(Path::new("a/film.mp4")).path(), Path::new("a/.film.mp4.partial"));
        let long = "x".repeat(255);
        let [one, other] = [&long, &long[1..]].map(|name| PartialFile::journal_path(Path::new(name)));
        assert!(one != other && one.as_os_str().len() < 60, "{one:?} {other:?}");
    }

    #[test]
    fn a_temporary_one_is_gone_unless_it_was_finished() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        for finished in [false, true] {
            let partial = PartialFile::temporary(&target);
            partial.create(5).unwrap();
            assert!(partial.reopen(5).unwrap() && !partial.reopen(6).unwrap());
            let mut writer = partial.writer(Piece { number: 1, offset: 2, length: 3 }, true).unwrap();
            let pieces = ["", "a", "bc"].map(|piece| Bytes::from_static(piece.as_bytes()));
            writer.write(&pieces).unwrap();
            assert_eq!(writer.finish().crc64nvme, Crc64Nvme::of(b"abc"));
            if finished {
                partial.finish(None).unwrap();
            }
            let path = partial.path().to_owned();
            drop(partial);
            assert!(!path.exists());
            assert_eq!(std::fs::read(&target).ok(), finished.then(|| b"\0\0abc".to_vec()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_process_left_is_taken_over_and_what_another_has_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let name = PartialFile::resumable(&target).path().to_owned();
        // Left behind: no transfer has it.
        std::fs::write(&name, "left").unwrap();
        let first = PartialFile::temporary(&target);
        first.create(3).unwrap();
        assert_eq!((first.path(), std::fs::read(&name).unwrap()), (&*name, vec![0; 3]));
        // The file belongs to the first transfer now.
        let second = PartialFile::temporary(&target);
        second.create(3).unwrap();
        assert_ne!(second.path(), name);
        let resumable = PartialFile::resumable(&target);
        for refused in [resumable.create(3).unwrap_err(), resumable.reopen(3).unwrap_err()] {
            assert_eq!(refused.kind(), ErrorKind::Conflict);
        }
        assert!(!PartialFile::remove_left_behind(&target).unwrap());
        drop((first, second, resumable));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // A file that can be resumed is left alone.
        std::fs::write(&name, "left").unwrap();
        std::fs::write(PartialFile::journal_path(&target), "").unwrap();
        assert_ne!(PartialFile::temporary(&target).path(), name);
        assert_eq!(std::fs::read(&name).unwrap(), b"left");
        assert!(PartialFile::remove_left_behind(&target).unwrap());
        assert!(!PartialFile::remove_left_behind(&target).unwrap());
        // A link is not followed.
        let other = folder.path().join("other");
        std::fs::write(&other, "other").unwrap();
        std::os::unix::fs::symlink(&other, &name).unwrap();
        assert_eq!(PartialFile::resumable(&target).create(1).unwrap_err().kind(), ErrorKind::Storage);
        assert_eq!(std::fs::read(&other).unwrap(), b"other");
    }
}
