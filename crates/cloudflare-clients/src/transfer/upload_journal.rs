//! The journals of uploads: a folder with one file per upload.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::blocking::{blocking, storage};
use super::file_identity::FileIdentity;
use super::journal::{Journal, header};
use crate::error::Result;
use crate::model::r2::UploadedPart;

/// The first line of a journal: what is uploaded, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadHeader {
    pub(super) key: String,
    /// For people who read the journal. The file's name distinguishes paths.
    pub(super) path: String,
    pub(super) file: FileIdentity,
    pub(super) part_size: u64,
    /// `None` until the service has answered the creation of the upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload_id: Option<String>,
    /// Times at which uploads were started whose answers never came, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unanswered: Vec<u64>,
    /// Whether the service was asked for the CRC-64 of the whole object.
    pub(super) full_object_crc64nvme: bool,
    /// The metadata, storage class and checksum that the object will have.
    pub(super) stored_with: Value,
}

/// The journal of one upload.
#[derive(Debug, Clone)]
pub(super) struct UploadJournal {
    journal: Arc<Journal>,
    folder: PathBuf,
}

impl UploadJournal {
    /// Opens or creates the journal for this file and key. `None` if it does not exist and `only_existing` is
    /// set.
    pub(super) async fn open(
        folder: &Path,
        path: &Path,
        key: &str,
        only_existing: bool,
    ) -> Result<Option<Self>> {
        let (folder, path, key) = (folder.to_owned(), path.to_owned(), key.to_owned());
        blocking(move || {
            let journal = folder.join(name(&path, &key)?);
            if only_existing && !journal.exists() {
                return Ok(None);
            }
            std::fs::create_dir_all(&folder).map_err(|error| storage(&folder, "cannot be created", error))?;
            Ok(Some(Self { journal: Arc::new(Journal::open(&journal)?), folder }))
        })
        .await
    }

    pub(super) async fn read(&self) -> Result<Option<(UploadHeader, Vec<UploadedPart>)>> {
        let journal = Arc::clone(&self.journal);
        blocking(move || journal.read()).await
    }

    pub(super) async fn begin(&self, header: UploadHeader) -> Result<()> {
        let journal = Arc::clone(&self.journal);
        blocking(move || journal.begin(header)).await
    }

    pub(super) async fn append(&self, part: UploadedPart) -> Result<()> {
        let journal = Arc::clone(&self.journal);
        blocking(move || journal.append(&part)).await
    }

    pub(super) async fn remove(&self) -> Result<()> {
        let journal = Arc::clone(&self.journal);
        blocking(move || journal.remove()).await
    }

    /// The ids of the uploads in all journals of the folder.
    pub(super) async fn known_uploads(&self) -> Result<HashSet<String>> {
        let folder = self.folder.clone();
        blocking(move || {
            let failed = |error| storage(&folder, "cannot be read", error);
            let mut known = HashSet::new();
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                // Another transfer may remove its journal at any time.
                if let Ok(text) = std::fs::read(entry.map_err(failed)?.path())
                    && let Some(UploadHeader { upload_id: Some(id), .. }) = header(&text)
                {
                    known.insert(id);
                }
            }
            Ok(known)
        })
        .await
    }
}

fn name(path: &Path, key: &str) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|error| storage(path, "has no absolute path", error))?;
    let mut hash = Sha256::new();
    hash.update(key);
    // No key contains a zero byte.
    hash.update([0]);
    hash.update(absolute.as_os_str().as_encoded_bytes());
    let mut name = hex::encode(hash.finalize());
    name.truncate(32);
    name.push_str(".upload");
    Ok(name.into())
}
