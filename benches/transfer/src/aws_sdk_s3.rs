//! `aws-sdk-s3`

use std::io;
use std::ops::Range;
use std::path::Path;
use std::pin::pin;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::fs;

use crate::client::{AT_ONCE, Client, Location, ranges, write};
use crate::{Error, Result};

pub(crate) struct Peer {
    client: S3,
    bucket: String,
}

impl Peer {
    pub(crate) fn new() -> Result<Self> {
        let Location { endpoint, bucket, access_key_id, secret_access_key } = Location::from_env()?;
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .force_path_style(true)
            .region(Region::from_static("auto"))
            .credentials_provider(Credentials::new(access_key_id, secret_access_key, None, None, "bench"))
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Ok(Self { client: S3::from_conf(config), bucket })
    }

    /// An upload of these bodies, a part each.
    async fn upload(
        &self,
        key: &str,
        bodies: impl Iterator<Item = impl Future<Output = Result<ByteStream>>>,
    ) -> Result<()> {
        let Self { client, bucket } = self;
        let created = client.create_multipart_upload().bucket(bucket).key(key).send().await?;
        let upload_id = created.upload_id().ok_or("an upload without an id")?;
        let parts = stream::iter((1..).zip(bodies))
            .map(|(number, body)| async move {
                let part = client.upload_part().bucket(bucket).key(key).upload_id(upload_id);
                let part = part.part_number(number).body(body.await?);
                let uploaded = part.customize().disable_payload_signing().send().await?;
                let completed = CompletedPart::builder().part_number(number);
                Ok::<_, Error>(completed.set_e_tag(uploaded.e_tag).build())
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = client.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload_id);
        complete.multipart_upload(parts).send().await?;
        Ok(())
    }

    async fn range(&self, key: &str, Range { start, end }: Range<u64>) -> Result<Bytes> {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let got = get.range(format!("bytes={start}-{}", end - 1)).send().await?;
        Ok(got.body.collect().await?.into_bytes())
    }
}

impl Client for Peer {
    async fn upload(&self, file: &Path, key: &str) -> Result<()> {
        let size = fs::metadata(file).await?.len();
        let body = |Range { start, end }| async move {
            let body = ByteStream::read_from().path(file).offset(start).length(Length::Exact(end - start));
            Ok(body.build().await?)
        };
        self.upload(key, ranges(size).map(body)).await
    }

    async fn download(&self, key: &str, file: &Path) -> Result<()> {
        let head = self.client.head_object().bucket(&self.bucket).key(key).send().await?;
        let size = head.content_length().ok_or("an object without a length")?.try_into()?;
        let ranges = stream::iter(ranges(size)).map(|range| self.range(key, range)).buffered(AT_ONCE);
        write(pin!(ranges), file).await
    }

    async fn download_whole(&self, key: &str, file: &Path) -> Result<()> {
        let got = self.client.get_object().bucket(&self.bucket).key(key).send().await?;
        tokio::io::copy(&mut got.body.into_async_read(), &mut fs::File::create(file).await?).await?;
        Ok(())
    }

    async fn upload_parts(&self, key: &str, parts: impl Iterator<Item = io::Result<Bytes>>) -> Result<()> {
        self.upload(key, parts.map(|bytes| async { Ok(bytes?.into()) })).await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(bytes.into());
        put.customize().disable_payload_signing().send().await?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        let got = self.client.get_object().bucket(&self.bucket).key(key).send().await?;
        Ok(got.body.collect().await?.into_bytes())
    }
}
