//! The file beside its target that a download is written into.

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::blocking::storage;
use super::pieces::Piece;
use super::read_checksums::PieceChecksums;
use crate::error::Result;
use crate::model::r2::{Crc64Nvme, Hasher};

/// The longest name that most file systems take.
const MAX_NAME: usize = 255;

/// A file that takes the place of another one when it is proved. All of it blocks.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    target: PathBuf,
    /// Whether it stays when this is dropped.
    keep: AtomicBool,
}

impl PartialFile {
    /// One that can be continued: its name follows from the target's.
    pub(super) fn resumable(target: &Path) -> Self {
        Self { path: beside(target, ".partial"), target: target.to_owned(), keep: AtomicBool::new(true) }
    }

    /// One that is gone when this is dropped, by a name of its own.
    pub(super) fn temporary(target: &Path) -> Self {
        let path = beside(target, &format!(".{:016x}.partial", fastrand::u64(..)));
        Self { path, target: target.to_owned(), keep: AtomicBool::new(false) }
    }

    /// The journal that belongs to the resumable one.
    pub(super) fn journal_path(target: &Path) -> PathBuf {
        beside(target, ".partial.download")
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is one of this size.
    pub(super) fn has_size(&self, size: u64) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.is_file() && found.len() == size)
    }

    /// Makes it anew, of this size.
    pub(super) fn create(&self, size: u64) -> Result<()> {
        self.remove()?;
        let failed = |error| storage(&self.path, "cannot be written", error);
        // It follows no link that somebody has put there.
        let file = OpenOptions::new().write(true).create_new(true).open(&self.path).map_err(failed)?;
        file.set_len(size).map_err(failed)
    }

    pub(super) fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(storage(&self.path, "cannot be removed", error))
            }
            _ => Ok(()),
        }
    }

    /// Has it on the disk, and then in the place of the target.
    pub(super) fn finish(&self) -> Result<()> {
        let failed = |error| storage(&self.target, "cannot be written", error);
        let file = OpenOptions::new().write(true).open(&self.path).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&self.path, &self.target).map_err(failed)?;
        self.keep.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Something that writes one piece.
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
        let mut slices: Vec<_> = pieces.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut slices = &mut slices[..];
        while !slices.is_empty() {
            match self.file.write_vectored(slices) {
                Ok(0) => {
                    return Err(storage(
                        &self.path,
                        "cannot be written",
                        std::io::ErrorKind::WriteZero.into(),
                    ));
                }
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(storage(&self.path, "cannot be written", error)),
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> PieceChecksums {
        PieceChecksums { crc64nvme: self.crc, md5: self.md5.map(Hasher::finish) }
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
            assert!(partial.has_size(5));
            let mut writer = partial.writer(Piece { number: 1, offset: 2, length: 3 }, true).unwrap();
            let pieces = ["", "a", "bc"].map(|piece| Bytes::from_static(piece.as_bytes()));
            writer.write(&pieces).unwrap();
            assert_eq!(writer.finish().crc64nvme, Crc64Nvme::of(b"abc"));
            if finished {
                partial.finish().unwrap();
            }
            let path = partial.path().to_owned();
            drop(partial);
            assert!(!path.exists());
            assert_eq!(std::fs::read(&target).ok(), finished.then(|| b"\0\0abc".to_vec()));
        }
    }
}
