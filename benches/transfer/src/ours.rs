//! This library.

use std::io;
use std::path::Path;

use bytes::Bytes;
use cloudflare_clients::S3Bucket;
use cloudflare_clients::r2::R2Service;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::client::{AT_ONCE, Client, PART_SIZE};
use crate::{Error, Result};

pub(crate) struct Ours(R2Service);

impl Ours {
    pub(crate) fn new(proves: bool) -> Result<Self> {
        Ok(Self(R2Service::new(S3Bucket::from_env()?).with_verification(proves)))
    }
}

impl Client for Ours {
    async fn upload(&self, file: &Path, key: &str) -> Result<()> {
        self.0.upload(file, key).part_size(PART_SIZE as u64).concurrency(AT_ONCE).await?;
        Ok(())
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        let download = self.0.download(key, file).range_size(PART_SIZE as u64).concurrency(AT_ONCE);
        download.await?.ok_or("no such object")?;
        Ok(())
    }

    async fn download_whole(&self, key: &str, file: &Path) -> Result<()> {
        self.0.get(key).await?.ok_or("no such object")?.write_to_file(file).await?;
        Ok(())
    }

    async fn upload_parts(&self, key: &str, parts: impl Iterator<Item = io::Result<Bytes>>) -> Result<()> {
        let upload = &self.0.create_multipart_upload(key).await?;
        let uploaded: Vec<_> = stream::iter((1..).zip(parts))
            .map(|(number, bytes)| async move { Ok::<_, Error>(upload.upload_part(number, bytes?).await?) })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        upload.complete(uploaded).await?;
        Ok(())
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.0.put(key, bytes).await?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        let object = self.0.get(key).await?.ok_or("no such object")?;
        Ok(object.bytes().await?)
    }
}
