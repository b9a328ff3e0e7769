//! What is asked of every client.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use tokio::io::AsyncWriteExt as _;

use crate::{Error, Result};

/// The size of a part, and of a range.
pub(crate) const PART_SIZE: usize = 16 * 1024 * 1024;

/// How many parts or ranges are under way at once.
pub(crate) const AT_ONCE: usize = 8;

pub(crate) trait Client {
    /// A file, in parts; where the client has nothing for files, those that are read into memory.
    async fn upload(&self, file: &Path, key: &str) -> Result<()> {
        self.upload_parts(key, read(file)?).await
    }

    /// An object into a file, in ranges.
    async fn download(&self, _key: &str, _file: &Path) -> Result<()> {
        not_measured()
    }

    /// An object into a file, as it arrives.
    async fn download_whole(&self, _key: &str, _file: &Path) -> Result<()> {
        not_measured()
    }

    /// Parts that are made in memory as they are asked for.
    async fn upload_parts(&self, _key: &str, _parts: impl Iterator<Item = io::Result<Bytes>>) -> Result<()> {
        not_measured()
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<()>;

    async fn get(&self, key: &str) -> Result<Bytes>;
}

fn not_measured() -> Result<()> {
    Err("nobody measures this".into())
}

/// Where a bucket is, and with what.
pub(crate) struct Location {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl Location {
    pub(crate) fn from_env() -> Result<Self> {
        let variable = |name: &str| std::env::var(name).map_err(|error| format!("{name}: {error}"));
        Ok(Self {
            endpoint: variable("R2_ENDPOINT")?,
            bucket: variable("R2_BUCKET_MEDIA")?,
            access_key_id: variable("R2_ACCESS_KEY_ID")?,
            secret_access_key: variable("R2_SECRET_ACCESS_KEY")?,
        })
    }
}

/// The ranges of something of this size.
pub(crate) fn ranges(size: u64) -> impl Iterator<Item = Range<u64>> {
    let part = PART_SIZE as u64;
    (0..size.div_ceil(part)).map(move |number| number * part..size.min((number + 1) * part))
}

/// Writes what arrives to a file.
pub(crate) async fn write<E>(
    mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    file: &Path,
) -> Result<()>
where
    Error: From<E>,
{
    let mut file = tokio::fs::File::create(file).await?;
    while let Some(bytes) = stream.try_next().await? {
        file.write_all(&bytes).await?;
    }
    Ok(file.flush().await?)
}

/// The parts of a file.
fn read(file: &Path) -> io::Result<impl Iterator<Item = io::Result<Bytes>>> {
    let mut file = File::open(file)?;
    let size = file.metadata()?.len();
    Ok(ranges(size).map(move |range| {
        let length = range.end - range.start;
        let mut bytes = Vec::with_capacity(PART_SIZE);
        file.by_ref().take(length).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }))
}
