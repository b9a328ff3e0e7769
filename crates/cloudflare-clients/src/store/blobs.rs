//! Files with the bytes of large bodies: those being written, and those that are stored.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::storage;
use super::disk::{Disk, DiskFile, Open};
use super::instance::Instance;
use super::md5_queue::Md5Queue;
use super::platform::Platform;
use crate::error::{Error, Result};
use crate::mutation::{Mutation, is_mutated};

/// Number of bytes that are copied at a time if the file system has no hard links.
const COPY_BUFFER: usize = 1024 * 1024;

/// The folders of files: `blobs/`, and `incoming/` for files that are still being written.
#[derive(Debug)]
pub(super) struct Blobs {
    pub(super) folder: PathBuf,
    pub(super) incoming: PathBuf,
    pub(super) instances: PathBuf,
    pub(super) platform: Platform,
    pub(super) md5s: Arc<Md5Queue>,
    /// This open store, or the reason why it is read-only.
    pub(super) instance: Result<Instance>,
}

impl Blobs {
    /// The files of the store in `folder`. Creates nothing.
    pub(super) fn new(folder: &Path, platform: &Platform, instance: Result<Instance>) -> Self {
        let [blobs, incoming, instances] = Self::folders(folder);
        let platform = platform.clone();
        Self { folder: blobs, incoming, instances, platform, md5s: Arc::default(), instance }
    }

    /// The folders of complete files, of files being written, and of instances.
    pub(super) fn folders(folder: &Path) -> [PathBuf; 3] {
        ["blobs", "incoming", "instances"].map(|name| folder.join(name))
    }

    /// Creates a file to write to.
    pub(super) fn create(self: &Arc<Self>) -> Result<BlobWriter> {
        let name = self.instance()?.new_file_name();
        let path = self.incoming.join(&name);
        let file =
            self.disk().open(&path, Open::CreateNew).map_err(|e| storage(&path, "cannot be created", e))?;
        let blob = PendingBlob { name, path, blobs: Arc::clone(self), kept: false };
        Ok(BlobWriter { file, blob })
    }

    /// Gives each of these files a second name, or copies it if the file system has no hard links. `None` if
    /// one is missing.
    pub(super) fn duplicate(self: &Arc<Self>, names: &[String]) -> Result<Option<Vec<PendingBlob>>> {
        let mut copies = Vec::with_capacity(names.len());
        for name in names {
            let source = self.path(name);
            let name = self.instance()?.new_file_name();
            let path = self.path(&name);
            match self.disk().hard_link(&source, &path) {
                Ok(()) => copies.push(PendingBlob { name, path, blobs: Arc::clone(self), kept: false }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(_) => copies.push(self.copy_bytes(&source)?),
            }
        }
        if !copies.is_empty() {
            self.sync_folder()?;
        }
        Ok(Some(copies))
    }

    /// Gives a file a second name in `incoming/`, so that its bytes exist as long as the returned value, or
    /// copies it if the file system has no hard links. `None` if the file is missing.
    pub(super) fn hold(self: &Arc<Self>, name: &str) -> Result<Option<PendingBlob>> {
        let source = self.path(name);
        let Ok(instance) = self.instance() else {
            // The store is read-only: nothing is removed.
            return match self.disk().size(&source) {
                Ok(_) => Ok(Some(PendingBlob {
                    name: name.to_owned(),
                    path: source,
                    blobs: Arc::clone(self),
                    kept: true,
                })),
                Err(_) => Ok(None),
            };
        };
        let name = instance.new_file_name();
        let path = self.incoming.join(&name);
        match self.disk().hard_link(&source, &path) {
            Ok(()) => Ok(Some(PendingBlob { name, path, blobs: Arc::clone(self), kept: false })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => self.copy_bytes(&source).map(Some),
        }
    }

    fn copy_bytes(self: &Arc<Self>, source: &Path) -> Result<PendingBlob> {
        let from =
            self.disk().open(source, Open::Read).map_err(|e| storage(source, "cannot be opened", e))?;
        let mut from = BufReader::with_capacity(COPY_BUFFER, from);
        let mut writer = self.create()?;
        io::copy(&mut from, &mut writer.file).map_err(|e| storage(source, "cannot be copied", e))?;
        writer.finish()
    }

    pub(super) fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk().open(&self.path(name), Open::Read)
    }

    /// Removes a file. A missing file is not an error.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        self.disk().remove(&path).map_err(|e| storage(&path, "cannot be removed", e))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn instance(&self) -> Result<&Instance> {
        self.instance.as_ref().map_err(Error::clone)
    }

    fn leave_files(&self) {
        if let Ok(instance) = &self.instance {
            instance.leave_files();
        }
    }

    fn disk(&self) -> &dyn Disk {
        &*self.platform.disk
    }

    fn sync_folder(&self) -> Result<()> {
        self.disk().sync_folder(&self.folder).map_err(|e| storage(&self.folder, "cannot be synced", e))
    }

    /// Syncs the folders, so that removed files stay removed after a power failure. An instance is forgotten
    /// only after this, as nobody would clean up after it.
    pub(super) fn sync_folders(&self) -> Result<()> {
        let incoming = self.disk().sync_folder(&self.incoming);
        incoming.map_err(|e| storage(&self.incoming, "cannot be synced", e))?;
        self.sync_folder()
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        if self.instance.is_ok()
            && let Err(error) = self.sync_folders()
        {
            tracing::debug!(%error, "removed files may reappear: the next clean-up removes them");
            self.leave_files();
        }
    }
}

/// A file that is being written. It is removed when this value is dropped.
#[derive(Debug)]
pub(super) struct BlobWriter {
    file: Box<dyn DiskFile>,
    blob: PendingBlob,
}

impl BlobWriter {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| storage(&self.blob.path, "cannot be written", e))
    }

    /// Syncs the file to disk under its final name.
    pub(super) fn finish(mut self) -> Result<PendingBlob> {
        let blobs = Arc::clone(&self.blob.blobs);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |e| storage(&path, "cannot be stored", e)
        };
        if !is_mutated(Mutation::FileNotSynced) {
            self.file.sync().map_err(failed(&self.blob.path))?;
        }
        let path = blobs.path(&self.blob.name);
        blobs.disk().rename(&self.blob.path, &path).map_err(failed(&path))?;
        self.blob.path = path;
        if !is_mutated(Mutation::FolderNotSynced) {
            blobs.sync_folder()?;
        }
        Ok(self.blob)
    }
}

/// A file that no committed row refers to yet. It is removed when this value is dropped.
#[derive(Debug)]
pub(super) struct PendingBlob {
    name: String,
    path: PathBuf,
    blobs: Arc<Blobs>,
    kept: bool,
}

impl PendingBlob {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Opens the file for reading.
    pub(super) fn open(&self) -> io::Result<Box<dyn DiskFile>> {
        self.blobs.disk().open(&self.path, Open::Read)
    }

    /// Keeps the file: the row that refers to it is committed.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    /// Leaves the file to the next clean-up: it is unknown whether the row that refers to it is committed.
    pub(super) fn leave(mut self) {
        self.kept = true;
        self.blobs.leave_files();
    }
}

impl Drop for PendingBlob {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = self.blobs.disk().remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "could not remove an unused file");
            self.blobs.leave_files();
        }
    }
}
