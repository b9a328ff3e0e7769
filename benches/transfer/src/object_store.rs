//! `object_store`

use std::io;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStoreExt as _, WriteMultipart};

use crate::Result;
use crate::client::{AT_ONCE, Client, Location, PART_SIZE, ranges, write};

pub(crate) struct Peer(AmazonS3);

impl Peer {
    pub(crate) fn new() -> Result<Self> {
        let Location { endpoint, bucket, access_key_id, secret_access_key } = Location::from_env()?;
        let store = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .with_bucket_name(bucket)
            .with_region("auto")
            .with_access_key_id(access_key_id)
            .with_secret_access_key(secret_access_key)
            .with_unsigned_payload(true)
            .build()?;
        Ok(Self(store))
    }
}

impl Client for Peer {
    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        let (store, path) = (&self.0, &key.into());
        let size = store.head(path).await?.size;
        let ranges = stream::iter(ranges(size)).map(|range| store.get_range(path, range)).buffered(AT_ONCE);
        write(pin!(ranges), file).await
    }

    async fn download_whole(&self, key: &str, file: &Path) -> Result<()> {
        write(self.0.get(&key.into()).await?.into_stream(), file).await
    }

    async fn upload_parts(&self, key: &str, parts: impl Iterator<Item = io::Result<Bytes>>) -> Result<()> {
        let mut write =
            WriteMultipart::new_with_chunk_size(self.0.put_multipart(&key.into()).await?, PART_SIZE);
        for bytes in parts {
            write.wait_for_capacity(AT_ONCE).await?;
            write.put(bytes?);
        }
        write.finish().await?;
        Ok(())
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.0.put(&key.into(), bytes.into()).await?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        Ok(self.0.get(&key.into()).await?.bytes().await?)
    }
}
