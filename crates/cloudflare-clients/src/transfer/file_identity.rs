//! Detects whether a file has changed.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::blocking::{blocking, storage};
use crate::error::{Error, ErrorKind, Result};

/// The attributes that change when a file is written to or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileIdentity {
    pub(super) size: u64,
    /// Modification time, in nanoseconds since 1970.
    modified: u64,
    inode: Option<u64>,
}

impl FileIdentity {
    /// The identity of a regular file.
    pub(super) async fn of(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || {
            let found = std::fs::metadata(&path).map_err(|error| storage(&path, "cannot be read", error))?;
            if found.is_file() {
                return Ok(Self::from(&found));
            }
            let message = format!("{} is not a regular file: upload it as a stream", path.display());
            Err(Error::new(ErrorKind::Storage, message))
        })
        .await
    }

    /// Modification time of the file.
    pub(super) fn modified(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_nanos(self.modified)).unwrap_or(UNIX_EPOCH)
    }

    /// Fails if the file at `path` has changed.
    pub(super) async fn check(&self, path: &Path) -> Result<()> {
        self.check_is(&Self::of(path).await?, path)
    }

    /// Fails if `found` differs from this identity.
    pub(super) fn check_is(&self, found: &Self, path: &Path) -> Result<()> {
        if found == self {
            return Ok(());
        }
        let message = format!("{} changed while it was being uploaded", path.display());
        Err(Error::new(ErrorKind::Storage, message))
    }
}

impl From<&Metadata> for FileIdentity {
    fn from(found: &Metadata) -> Self {
        let modified = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.and_then(|time| u64::try_from(time.as_nanos()).ok());
        Self { size: found.len(), modified: modified.unwrap_or_default(), inode: inode(found) }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "not every platform has inodes")]
fn inode(found: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(found))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<u64> {
    None
}
