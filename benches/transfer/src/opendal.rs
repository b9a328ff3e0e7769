//! `opendal`

use std::io;
use std::path::Path;

use bytes::Bytes;
use opendal::Operator;
use opendal::services::S3;

use crate::Result;
use crate::client::{AT_ONCE, Client, Location, PART_SIZE, write};

pub(crate) struct Peer(Operator);

impl Peer {
    pub(crate) fn new() -> Result<Self> {
        let Location { endpoint, bucket, access_key_id, secret_access_key } = Location::from_env()?;
        opendal::install_default();
        let service = S3::default()
            .endpoint(&endpoint)
            .bucket(&bucket)
            .region("auto")
            .access_key_id(&access_key_id)
            .secret_access_key(&secret_access_key)
            .disable_config_load()
            .disable_ec2_metadata();
        Ok(Self(Operator::new(service)?))
    }
}

impl Client for Peer {
    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        let reader = self.0.reader_with(key).chunk(PART_SIZE).concurrent(AT_ONCE).await?;
        write(reader.into_bytes_stream(..).await?, file).await
    }

    async fn download_whole(&self, key: &str, file: &Path) -> Result<()> {
        write(self.0.reader(key).await?.into_bytes_stream(..).await?, file).await
    }

    async fn upload_parts(&self, key: &str, parts: impl Iterator<Item = io::Result<Bytes>>) -> Result<()> {
        let mut writer = self.0.writer_with(key).chunk(PART_SIZE).concurrent(AT_ONCE).await?;
        for bytes in parts {
            writer.write(bytes?).await?;
        }
        writer.close().await?;
        Ok(())
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.0.write(key, bytes).await?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        Ok(self.0.read(key).await?.to_bytes())
    }
}
