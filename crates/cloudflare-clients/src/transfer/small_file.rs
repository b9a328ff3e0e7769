//! Files that are read whole.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use bytes::Bytes;

use super::blocking::{blocking, storage};
use super::file_identity::FileIdentity;
use crate::error::{Error, ErrorKind, Result};

/// Files up to this size are read into memory, in bytes.
pub(super) const MAX_IN_MEMORY: u64 = 1024 * 1024;

/// Reads a small file. Returns its bytes and its identity at that time.
pub(super) async fn read_small(path: PathBuf) -> Result<(Bytes, FileIdentity)> {
    blocking(move || {
        let failed = |error| storage(&path, "cannot be read", error);
        let mut file = File::open(&path).map_err(failed)?;
        let before = file.metadata().map_err(failed)?;
        let mut bytes =
            Vec::with_capacity(usize::try_from(before.len().min(MAX_IN_MEMORY) + 1).unwrap_or_default());
        (&mut file).take(MAX_IN_MEMORY + 1).read_to_end(&mut bytes).map_err(failed)?;
        let identity = FileIdentity::from(&before);
        identity.check_is(&FileIdentity::from(&file.metadata().map_err(failed)?), &path)?;
        if bytes.len() as u64 != identity.size {
            let message = format!("{} changed while it was being read", path.display());
            return Err(Error::new(ErrorKind::Storage, message));
        }
        Ok((bytes.into(), identity))
    })
    .await
}
