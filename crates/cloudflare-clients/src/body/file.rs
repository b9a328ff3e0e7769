//! Bodies from files and into files.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, TryStreamExt};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::stream::{ByteStream, CHUNK};
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
    /// `length` bytes from `offset` on, or as many of them as the file has.
    pub(super) async fn of(path: &Path, offset: u64, length: u64) -> Result<Self> {
        let found = tokio::fs::metadata(path).await.map_err(|e| storage(path, "cannot be read", e))?;
        if !found.is_file() {
            return Err(Error::new(
                ErrorKind::Storage,
                format!("{} is not a regular file: read it as a stream", path.display()),
            ));
        }
        let offset = offset.min(found.len());
        Ok(Self {
            path: path.to_owned(),
            offset,
            length: length.min(found.len() - offset),
            file_length: found.len(),
            modified: found.modified().ok(),
        })
    }

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

/// Writes all bytes to a new file beside `path`, which then takes its place, and returns how many they were.
pub(super) async fn replace(path: &Path, stream: ByteStream) -> Result<u64> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.part", fastrand::u64(..)));
    let partial = PartialFile(path.with_file_name(name));
    let written = write_synced(stream, &partial.0).await?;
    tokio::fs::rename(&partial.0, path).await.map_err(|error| storage(path, "cannot be written", error))?;
    Ok(written)
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
