//! What is kept of a transfer, so that it can be continued: a file of lines of JSON that one transfer at a
//! time has.
//!
//! The first line says what is transferred, each further one what has arrived. A line is appended once it is true,
//! and one that was not written whole does not count: so a process may be killed at any moment.

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

/// A journal, locked until it is dropped. All of it blocks.
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
    /// Opens it, or makes an empty one.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`]: another transfer has it.
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
                        "another transfer has the journal {}: wait until it is done, or end it",
                        path.display()
                    );
                    return Err(Error::new(ErrorKind::Conflict, message));
                }
                Err(TryLockError::Error(error)) => return Err(storage(path, "cannot be locked", error)),
            }
            // Whoever had the lock before may have removed the file.
            if is_at(&file, path) {
                return Ok(Self { path: path.to_owned(), file: Mutex::new(file) });
            }
        }
    }

    /// What it says, unless that is nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: a later version of this library wrote it.
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
                "{} is a journal of version {version}, and this library knows version {VERSION}: remove it to begin anew",
                self.path.display()
            )));
        }
        let Some(header) = header(first) else { return Ok(None) };
        let entries = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok(Some((header, entries)))
    }

    /// Begins anew.
    pub(super) fn begin<H: Serialize>(&self, header: H) -> Result<()> {
        let failed = |error| storage(&self.path, "cannot be written", error);
        let line = line(&Versioned { version: VERSION, header })?;
        let mut file = lock(&self.file);
        file.set_len(0).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.write_all(&line).map_err(failed)
    }

    /// Adds what has arrived.
    pub(super) fn append<E: Serialize>(&self, entry: &E) -> Result<()> {
        let line = line(entry)?;
        lock(&self.file).write_all(&line).map_err(|error| storage(&self.path, "cannot be written", error))
    }

    /// Removes it: there is nothing to continue.
    pub(super) fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != IoErrorKind::NotFound => {
                Err(storage(&self.path, "cannot be removed", error))
            }
            _ => Ok(()),
        }
    }
}

/// What the first line of a journal says, if it was written whole.
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
        assert!(error.message().starts_with("another transfer has the journal "), "{error}");
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
