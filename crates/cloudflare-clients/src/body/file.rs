//! Bodies from files, and bodies written to files.

use std::fs::File;
use std::io::{IoSlice, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{self, Fuse, Stream, StreamExt as _, TryStreamExt as _};

use super::stream::{ByteStream, CHUNK};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime;

/// A part of a file, with the file's length and modification time when the body was created.
#[derive(Clone)]
pub(super) struct Slice {
    path: PathBuf,
    offset: u64,
    length: u64,
    file_length: u64,
    modified: Option<SystemTime>,
}

impl Slice {
    /// `length` bytes from `offset`, or fewer if the file ends earlier.
    pub(super) async fn of(path: &Path, offset: u64, length: u64) -> Result<Self> {
        let looked_at = path.to_owned();
        let found = blocking(path, "cannot be read", move || std::fs::metadata(&looked_at)).await?;
        if !found.is_file() {
            return Err(Error::new(
                ErrorKind::Storage,
                format!("{} is not a regular file: use `Body::from_stream` to send it", path.display()),
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
        let slice = self.clone();
        let opened = blocking(&self.path, "cannot be read", move || {
            let mut file = File::open(&slice.path)?;
            let found = file.metadata()?;
            if found.len() != slice.file_length || found.modified().ok() != slice.modified {
                return Ok(None);
            }
            file.seek(SeekFrom::Start(slice.offset))?;
            Ok(Some(file))
        });
        opened.await?.ok_or_else(|| self.changed())
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
            let read = blocking(&slice.path, "cannot be read", move || {
                let mut bytes = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
                let read = loop {
                    match file.read(&mut bytes) {
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        read => break read?,
                    }
                };
                bytes.truncate(read);
                Ok((file, Bytes::from(bytes)))
            });
            let (file, bytes) = read.await?;
            if bytes.is_empty() {
                return Err(slice.changed());
            }
            let done = done + bytes.len() as u64;
            Ok(Some((bytes, (slice, Some(file), done))))
        })
    }

    fn changed(&self) -> Error {
        Error::new(ErrorKind::Storage, format!("{} changed while it was being uploaded", self.path.display()))
    }
}

/// Writes all bytes to a new file next to `path`, renames it to `path`, and returns the number of bytes.
pub(super) async fn replace(path: &Path, stream: ByteStream) -> Result<u64> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.part", fastrand::u64(..)));
    let partial = PartialFile(path.with_file_name(name));
    let written = write_synced(stream, &partial.0).await?;
    let (from, to) = (partial.0.clone(), path.to_owned());
    blocking(path, "cannot be written", move || std::fs::rename(from, to)).await?;
    Ok(written)
}

/// The temporary file. It is removed if the download fails or is dropped; after the rename it no longer
/// exists.
struct PartialFile(PathBuf);

impl Drop for PartialFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// How many bytes are passed to the writing thread at a time. Pieces from a network may be small, and passing
/// one costs more than writing it.
const BATCH: usize = 512 * 1024;

async fn write_synced(stream: ByteStream, path: &Path) -> Result<u64> {
    let mut stream = stream.fuse();
    let opened = path.to_owned();
    let mut file = blocking(path, "cannot be written", move || {
        std::fs::OpenOptions::new().write(true).create_new(true).open(opened)
    })
    .await?;
    let mut count = 0;
    while let Some(batch) = next_batch(&mut stream).await? {
        count += batch.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        file =
            blocking(path, "cannot be written", move || write_all(&mut file, &batch).map(|()| file)).await?;
    }
    blocking(path, "cannot be written", move || file.sync_all()).await?;
    Ok(count)
}

/// The next pieces, up to [`BATCH`] bytes or slightly more.
async fn next_batch(stream: &mut Fuse<ByteStream>) -> Result<Option<Vec<Bytes>>> {
    let (mut batch, mut size) = (Vec::new(), 0);
    while size < BATCH
        && let Some(bytes) = stream.try_next().await?
    {
        size += bytes.len();
        batch.push(bytes);
    }
    Ok((size > 0).then_some(batch))
}

/// Writes all pieces, with one system call if possible.
pub(crate) fn write_all(file: &mut std::fs::File, pieces: &[Bytes]) -> std::io::Result<()> {
    let mut slices: Vec<_> = pieces.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let mut slices = &mut slices[..];
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Runs a file operation on a thread that may block.
async fn blocking<T: Send + 'static>(
    path: &Path,
    failed: &str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = runtime::blocking(work).await.map_err(std::io::Error::other).flatten();
    done.map_err(|error| storage(path, failed, error))
}

fn storage(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_pieces_are_written_together() {
        let content: Vec<u8> = (0..250_000_u32).flat_map(u32::to_le_bytes).collect();
        let stream = || {
            let pieces: Vec<_> =
                content.chunks(4000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            ByteStream::new(stream::iter(pieces))
        };
        let mut fused = stream().fuse();
        let mut batches = Vec::new();
        while let Some(batch) = next_batch(&mut fused).await.unwrap() {
            batches.push(batch.len());
        }
        assert_eq!(batches, [132, 118]);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(replace(&path, stream()).await.unwrap(), 1_000_000);
        assert!(std::fs::read(&path).unwrap() == content);
    }
}
