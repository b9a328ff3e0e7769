//! The journal of a transfer, from which it can be resumed: a file of JSON lines that one transfer locks at a
//! time.
//!
//! The first line describes the transfer, and each further line a piece that has arrived. A line is appended
//! once it is true, and an incomplete line does not count, so the process may be killed at any moment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind as IoErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::blocking::storage;
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::sync::lock;

const VERSION: u32 = 1;

/// A journal, locked until it is dropped. All methods block.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

#[derive(Serialize, Deserialize)]
struct Versioned<H> {
    version: u32,
    #[serde(flatten)]
    header: H,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Journal {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if another transfer has it open.
    pub(super) fn open(path: &Path) -> Result<Self> {
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let failed = |error| storage(path, "cannot be opened", error);
            if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
                return Err(failed(IoErrorKind::AlreadyExists.into()));
            }
            let file = options.open(path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let message = format!(
                        "another transfer uses the journal {}: wait until it is done, or stop it",
                        path.display()
                    );
                    return Err(Error::new(ErrorKind::Conflict, message));
                }
                Err(TryLockError::Error(error)) => return Err(storage(path, "cannot be locked", error)),
            }
            // The previous owner of the lock may have removed the file.
            if is_at(&file, path) {
                return Ok(Self { path: path.to_owned(), file: Mutex::new(file) });
            }
        }
    }

    /// Returns the header and entries, or `None` if the journal is empty or unreadable.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if a later version of this library wrote it.
    pub(super) fn read<H: DeserializeOwned, E: DeserializeOwned>(&self) -> Result<Option<(H, Vec<E>)>> {
        let failed = |error| storage(&self.path, "cannot be read", error);
        let mut file = lock(&self.file);
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        text.truncate(whole);
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let Some(first) = lines.next() else { return Ok(None) };
        if let Ok(Version { version }) = serde_json::from_slice(first)
            && version > VERSION
        {
            return Err(Error::unsupported(format!(
                "the journal {} has version {version}, and this library supports version {VERSION}: remove it to restart",
                self.path.display()
            )));
        }
        let Some(header) = header(first) else { return Ok(None) };
        let entries = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok(Some((header, entries)))
    }

    /// Replaces the content with a new header.
    pub(super) fn begin<H: Serialize>(&self, header: H) -> Result<()> {
        let failed = |error| storage(&self.path, "cannot be written", error);
        let line = line(&Versioned { version: VERSION, header })?;
        let mut file = lock(&self.file);
        file.set_len(0).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.write_all(&line).map_err(failed)
    }

    /// Appends an entry for what has arrived.
    pub(super) fn append<E: Serialize>(&self, entry: &E) -> Result<()> {
        let line = line(entry)?;
        lock(&self.file).write_all(&line).map_err(|error| storage(&self.path, "cannot be written", error))
    }

    /// Removes the file, as there is nothing left to resume.
    pub(super) fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != IoErrorKind::NotFound => {
                Err(storage(&self.path, "cannot be removed", error))
            }
            _ => Ok(()),
        }
    }
}

/// The header in the first line of a journal, if the line is complete.
pub(super) fn header<H: DeserializeOwned>(text: &[u8]) -> Option<H> {
    let first = text.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice(first).ok().map(|Versioned { header, .. }| header)
}

fn line<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut line = json::to_vec("the journal", value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Header {
        key: String,
    }

    fn read(journal: &Journal) -> Option<(Header, Vec<u32>)> {
        journal.read().unwrap()
    }

    #[test]
    fn what_was_not_written_whole_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        assert_eq!(read(&journal), None);
        journal.begin(Header { key: "old".to_owned() }).unwrap();
        journal.begin(Header { key: "k".to_owned() }).unwrap();
        journal.append(&1).unwrap();
        journal.append(&2).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole, b"{\"version\":1,\"key\":\"k\"}\n1\n2\n");
        for (length, entries) in [(whole.len() - 1, vec![1]), (whole.len() - 2, vec![1]), (24, vec![])] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let journal = Journal::open(&path).unwrap();
            assert_eq!(read(&journal), Some((Header { key: "k".to_owned() }, entries.clone())));
            journal.append(&3).unwrap();
            assert_eq!(read(&journal).unwrap().1, [entries, vec![3]].concat());
        }
        std::fs::write(&path, &whole[..20]).unwrap();
        assert_eq!(read(&Journal::open(&path).unwrap()), None);
    }

    #[test]
    fn one_transfer_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        let error = Journal::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().starts_with("another transfer uses the journal "), "{error}");
        journal.remove().unwrap();
        Journal::open(&path).unwrap();
        journal.remove().unwrap();
        journal.remove().unwrap();
    }

    #[test]
    fn one_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "{\"version\":2}\n").unwrap();
        let error = Journal::open(&path).unwrap().read::<Header, u32>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
