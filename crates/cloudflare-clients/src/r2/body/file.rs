//! Bodies from files and into files.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures_util::stream::{self, Stream, TryStreamExt};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::{Body, ByteStream, Bytes, BytesMut, CHUNK, Content};
use crate::error::{Error, ErrorKind, Result};

/// A part of a file, as the file was when it was looked at.
#[derive(Clone)]
pub(super) struct Slice {
    path: PathBuf,
    offset: u64,
    length: u64,
    file_length: u64,
    modified: Option<SystemTime>,
}

impl Slice {
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    async fn open(&self) -> Result<File> {
        let mut file =
            File::open(&self.path).await.map_err(|e| storage(&self.path, "cannot be opened", e))?;
        let found = file.metadata().await.map_err(|e| storage(&self.path, "cannot be read", e))?;
        if found.len() != self.file_length || found.modified().ok() != self.modified {
            return Err(self.changed());
        }
        if self.offset > 0 {
            let seek = file.seek(SeekFrom::Start(self.offset)).await;
            seek.map_err(|e| storage(&self.path, "cannot be read", e))?;
        }
        Ok(file)
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold((self, None, 0), |(slice, file, done)| async move {
            let left = slice.length - done;
            let mut file = match file {
                Some(file) => file,
                None => slice.open().await?,
            };
            if left == 0 {
                return Ok(None);
            }
            let mut bytes = BytesMut::with_capacity(CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)));
            let read = (&mut file).take(left).read_buf(&mut bytes).await;
            match read.map_err(|e| storage(&slice.path, "cannot be read", e))? {
                0 => Err(slice.changed()),
                read => Ok(Some((bytes.freeze(), (slice, Some(file), done + read as u64)))),
            }
        })
    }

    fn changed(&self) -> Error {
        Error::new(ErrorKind::Storage, format!("{} changed while it was being sent", self.path.display()))
    }
}

impl Body {
    /// A file. It is opened when the body is sent, and must not change until then.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] when it cannot be looked at, or is not a regular file.
    pub async fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_file_range(path, 0, u64::MAX).await
    }

    /// `length` bytes of a file from `offset` on, or what there is of them.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub async fn from_file_range(path: impl AsRef<Path>, offset: u64, length: u64) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let found = tokio::fs::metadata(&path).await.map_err(|e| storage(&path, "cannot be read", e))?;
        if !found.is_file() {
            return Err(Error::new(
                ErrorKind::Storage,
                format!("{} is not a regular file: read it as a stream", path.display()),
            ));
        }
        let offset = offset.min(found.len());
        Ok(Self::new(Content::File(Slice {
            path,
            offset,
            length: length.min(found.len() - offset),
            file_length: found.len(),
            modified: found.modified().ok(),
        })))
    }

    /// Writes all bytes to a file and returns how many they were.
    ///
    /// They go to a new file beside it first, which takes the place of `path` when it is complete and on disk: there
    /// is never half a file under that name. It is removed when this fails or is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] when the disk fails; else what reading the body gives.
    pub async fn write_to_file(mut self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref();
        let again = self.take_again();
        match (self.replace_file(path).await, again) {
            (Err(error), Some(again)) if error.kind() == ErrorKind::Integrity => {
                again.fetch(&error).await?.replace_file(path).await
            }
            (result, _) => result,
        }
    }

    async fn replace_file(self, path: &Path) -> Result<u64> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}.part", fastrand::u64(..)));
        let partial = PartialFile(path.with_file_name(name));
        let written = write_synced(self.into_stream(), &partial.0).await?;
        tokio::fs::rename(&partial.0, path)
            .await
            .map_err(|error| storage(path, "cannot be written", error))?;
        Ok(written)
    }
}

/// Removed when a download fails or is given up. After the rename there is nothing left to remove.
struct PartialFile(PathBuf);

impl Drop for PartialFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn write_synced(mut stream: ByteStream, path: &Path) -> Result<u64> {
    let failed = |error| storage(path, "cannot be written", error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).await.map_err(failed)?;
    let mut count = 0;
    while let Some(bytes) = stream.try_next().await? {
        file.write_all(&bytes).await.map_err(failed)?;
        count += bytes.len() as u64;
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    Ok(count)
}

fn storage(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
}
